"""The statements of a search, for PostgreSQL's full text and SQLite's FTS5.

At most `CANDIDATES` matches are ranked; where there are more, `FAVOURITES` of each sort that ranks high join them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from catalog.substances import upper_forms
from common.sql import placeholders

CANDIDATES = 300
FAVOURITES = 100
# The beginning of `text` that PostgreSQL has an ordered index of (`catalog.fulltext`).
START_LENGTH = 40

# What a search can be narrowed to, and how an entry is asked for it; a substance whatever its case.
FILTERS = {"kind": "e.kind", "form": "e.form", "category": "e.category", "substance": "UPPER(e.substance)"}

COLUMNS = ("code", "label", "substance", "kind", "prescription_required", "is_active")


@dataclass(frozen=True)
class _Engine:
    """The SQL in which PostgreSQL and SQLite differ."""

    match: str
    prefix: str
    whole: str
    conjunction: str
    position: str
    begins: str
    begins_order: str
    text_order: str


_POSTGRESQL = _Engine(
    match="catalog_searchentry e WHERE e.words @@ %s::tsquery",
    prefix="'{}':*",
    whole="'{}'",
    conjunction=" & ",
    position="strpos",
    begins=f"left(e.text, {START_LENGTH}) ~>=~ %s AND left(e.text, {START_LENGTH}) ~<~ %s",
    begins_order=f"left(e.text, {START_LENGTH}) USING ~<~",
    text_order='padded COLLATE "C"',
)
_SQLITE = _Engine(
    match=(
        "catalog_searchindex CROSS JOIN catalog_searchentry e ON e.id = catalog_searchindex.rowid "
        "WHERE catalog_searchindex MATCH %s"
    ),
    prefix='"{}"*',
    whole='"{}"',
    conjunction=" ",
    position="instr",
    begins="e.text >= %s AND e.text < %s",
    begins_order="e.text",
    text_order="padded",
)
_PADDED = "' ' || e.text || ' '"
_LAST_CHARACTER = "\U0010ffff"


def conditions_of(filters: Mapping[str, str]) -> tuple[str, list[str]]:
    wanted = {name: upper_forms(value) if name == "substance" else [value] for name, value in filters.items()}
    return (
        "".join(f" AND {FILTERS[name]} IN ({placeholders(len(values))})" for name, values in wanted.items()),
        [value for values in wanted.values() for value in values],
    )


def page_statement(asked: Sequence[str], filters: Mapping[str, str]) -> tuple[str, list[Any]]:
    """One query for a page; LIMIT and OFFSET are its last parameters. Rows: count, whether capped, `COLUMNS`."""
    engine = _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE
    distinct = list(dict.fromkeys(asked))
    candidates, params = candidates_of(asked, filters)
    statement = f"""
        WITH {candidates},
        page AS (
            SELECT c.id, c.padded, c.is_active, count(*) OVER () AS count,
                {" + ".join([f"sign({engine.position}(c.padded, %s))"] * len(distinct))} AS whole_words,
                {engine.position}(c.padded, %s) = 1 AS begins
            FROM candidates c
            ORDER BY whole_words DESC, is_active DESC, begins DESC, {engine.text_order}, id
            LIMIT %s OFFSET %s
        )
        SELECT p.count, (SELECT is_cut_off FROM crowd), {", ".join(f"e.{column}" for column in COLUMNS)}
        FROM page p JOIN catalog_searchentry e ON e.id = p.id
        ORDER BY p.whole_words DESC, p.is_active DESC, p.begins DESC, p.{engine.text_order}, p.id
    """
    return statement, [*params, *(f" {word} " for word in distinct), f" {' '.join(asked)}"]


def candidates_of(asked: Sequence[str], filters: Mapping[str, str]) -> tuple[str, list[Any]]:
    """The matches worth ranking, as the tables `candidates` and `crowd`."""
    engine = _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE
    distinct = list(dict.fromkeys(asked))
    looked_up = _looked_up(distinct)
    checked = [word for word in distinct if word not in looked_up]
    beginning = " ".join(asked)
    # The index knows no longer beginnings, and of longer queries there are hardly crowds.
    range_ = [beginning, beginning + _LAST_CHARACTER] if len(beginning) <= START_LENGTH else ["", ""]

    chosen, chosen_params = conditions_of(filters)
    conditions = f" AND {engine.position}({_PADDED}, %s) > 0" * len(checked) + chosen
    condition_params = [f" {word}" for word in checked] + chosen_params
    found = f"SELECT e.id, {_PADDED} AS padded, e.is_active FROM"
    tables = f"""
        matched AS MATERIALIZED (
            {found} {engine.match}{conditions} LIMIT {CANDIDATES}
        ),
        crowd AS MATERIALIZED (SELECT count(*) = {CANDIDATES} AS is_cut_off FROM matched),
        candidates AS (
            SELECT * FROM matched
            UNION SELECT * FROM (
                {found} {engine.match}{conditions} AND (SELECT is_cut_off FROM crowd) LIMIT {FAVOURITES}
            ) AS whole_words
            UNION SELECT * FROM (
                {found} catalog_searchentry e
                WHERE {engine.begins}{conditions} AND (SELECT is_cut_off FROM crowd)
                ORDER BY {engine.begins_order} LIMIT {FAVOURITES}
            ) AS beginnings
        )
    """
    # Words are letters and digits only: nothing in them can mean anything to an engine.
    params = [
        engine.conjunction.join(engine.prefix.format(word) for word in looked_up),
        *condition_params,
        engine.conjunction.join(engine.whole.format(word) for word in looked_up),
        *condition_params,
        *range_,
        *condition_params,
    ]
    return tables, params


def _looked_up(distinct: Sequence[str]) -> list[str]:
    """The words worth asking the index for; the others are checked in the texts that these find.

    A short prefix costs the index thousands of rows, and so do the packs and forms that many labels end with: the
    first two words of a query and the longest of the others tell it apart.
    """
    long = [word for word in distinct if len(word) > 2] or list(distinct)
    return [*long[:2], max(long[2:], key=len)] if len(long) > 3 else long

"""Search over the relational search entries: PostgreSQL's own full text or SQLite's FTS5, the same words and ranks.

Every word is a prefix and all must match. Short prefixes match thousands of products; ranking them all would cost
many times the rest, so at most `CANDIDATES` of each sort are ranked: any match, and where those are cut off the
matches that rank first, whole words and labels that begin with the query.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from django.db import connection

from catalog import vocabulary
from catalog.text import words
from common import sql

CANDIDATES = 500
# More words than this, or longer ones, tell nothing new and cost time.
MAX_WORDS = 8
MAX_WORD_LENGTH = 40
MAX_QUERY_LENGTH = 400
# The part of `text` that is indexed in its order (migration 0002).
START_LENGTH = 40

_CORRECTIONS_PER_WORD = 3
_TRIES = 6

_COLUMNS = ("code", "label", "substance", "kind", "prescription_required", "is_active")


@dataclass(frozen=True, slots=True)
class SearchHit:
    code: str
    label: str
    substance: str
    kind: str
    prescription_required: bool | None
    is_active: bool


@dataclass(frozen=True, slots=True)
class SearchPage:
    """`count` is exact unless `count_is_capped`: then there are more matches than were ranked.

    `corrected` is the query that was answered where it differs in spelling from the one asked.
    """

    results: list[SearchHit]
    count: int
    count_is_capped: bool = False
    corrected: str | None = None


def search(q: str, *, limit: int = 20, offset: int = 0, kind: str | None = None) -> SearchPage:
    """Products whose label, substance or code has a word beginning with each word of `q`; best first.

    Whole words come before prefixes, then products in use before withdrawn ones, then labels that begin with `q`.
    Only where nothing is found, words of three letters or more that begin no known word are corrected.
    """
    asked = [word[:MAX_WORD_LENGTH] for word in words(q[:MAX_QUERY_LENGTH])[:MAX_WORDS]]
    if not asked:
        return SearchPage([], 0)
    page = _find(asked, limit=limit, offset=offset, kind=kind)
    if page.count:
        return page
    for meant in _corrections(asked):
        corrected = _find(meant, limit=limit, offset=offset, kind=kind, corrected=" ".join(meant))
        if corrected.count:
            return corrected
    return page


def _corrections(asked: Sequence[str]) -> list[list[str]]:
    """What may have been meant, likeliest first; nothing where every word is known or one has no likeness."""
    known = vocabulary.current()
    if all(known.knows(word) for word in asked):
        return []
    choices = [
        [word] if known.knows(word) else known.corrections(word, limit=_CORRECTIONS_PER_WORD) for word in asked
    ]
    return [list(meant) for meant in islice(product(*choices), _TRIES)]


def _find(
    asked: Sequence[str], *, limit: int, offset: int, kind: str | None, corrected: str | None = None
) -> SearchPage:
    statement, params = _statement(asked, kind)
    rows = sql.fetch_all(f"{statement} LIMIT %s OFFSET %s", [*params, limit, offset])
    if not rows and offset:
        first = sql.fetch_one(f"{statement} LIMIT 1", params)
        count, capped = first[:2] if first else (0, False)
    else:
        count, capped = rows[0][:2] if rows else (0, False)
    return SearchPage([_hit(row[2:]) for row in rows], count, bool(capped), corrected)


def _hit(row: Sequence[Any]) -> SearchHit:
    *texts, prescription_required, is_active = row
    # SQLite has no booleans.
    return SearchHit(
        *texts,
        prescription_required=None if prescription_required is None else bool(prescription_required),
        is_active=bool(is_active),
    )


def _statement(asked: Sequence[str], kind: str | None) -> tuple[str, list[Any]]:
    """The query without its LIMIT: count, whether that is capped, then `_COLUMNS`."""
    postgres = connection.vendor == "postgresql"
    if postgres:
        matches = "catalog_searchentry e WHERE e.words @@ %s::tsquery"
        starts = f"left(e.text, {START_LENGTH}) LIKE %s"
        whole_word = "(strpos(c.padded, %s) > 0)::int"
        any_match = " & ".join(f"'{word}':*" for word in asked)
        whole_match = " & ".join(f"'{word}'" for word in asked)
    else:
        matches = (
            "catalog_searchindex CROSS JOIN catalog_searchentry e ON e.id = catalog_searchindex.rowid "
            "WHERE catalog_searchindex MATCH %s"
        )
        starts = "e.text >= %s AND e.text < %s"
        whole_word = "(instr(c.padded, %s) > 0)"
        any_match = " ".join(f'"{word}"*' for word in asked)
        whole_match = " ".join(f'"{word}"' for word in asked)
    beginning = " ".join(asked)[:START_LENGTH]
    range_ = [f"{beginning}%"] if postgres else [beginning, f"{beginning}\U0010ffff"]
    of_kind, kinds = ("AND e.kind = %s", [kind]) if kind else ("", [])
    found = "SELECT e.id, ' ' || e.text || ' ' AS padded, e.is_active, e.label FROM"
    statement = f"""
        WITH matched AS MATERIALIZED ({found} {matches} {of_kind} LIMIT {CANDIDATES}),
        crowd AS MATERIALIZED (SELECT count(*) = {CANDIDATES} AS is_cut_off FROM matched),
        candidates AS (
            SELECT * FROM matched
            UNION SELECT * FROM (
                {found} {matches} {of_kind} AND (SELECT is_cut_off FROM crowd) LIMIT {CANDIDATES}
            ) AS whole
            UNION SELECT * FROM (
                {found} catalog_searchentry e
                WHERE {starts} {of_kind} AND (SELECT is_cut_off FROM crowd) LIMIT {CANDIDATES}
            ) AS beginning
        ),
        ranked AS (
            SELECT c.id, c.is_active, c.label,
                {" + ".join([whole_word] * len(asked))} AS whole_words,
                CASE WHEN c.padded LIKE %s THEN 1 ELSE 0 END AS begins,
                count(*) OVER () AS count
            FROM candidates c
        )
        SELECT r.count, (SELECT is_cut_off FROM crowd), {", ".join(f"e.{column}" for column in _COLUMNS)}
        FROM ranked r JOIN catalog_searchentry e ON e.id = r.id
        ORDER BY r.whole_words DESC, r.is_active DESC, r.begins DESC, r.label, e.code
    """
    params = [any_match, *kinds, whole_match, *kinds, *range_, *kinds]
    params += [f" {word} " for word in asked] + [f" {' '.join(asked)}%"]
    return statement, params

"""Search over the relational search entries: PostgreSQL's own full text or SQLite's FTS5, with the same ranks.

Every word is a prefix and all must match. Short prefixes match thousands of products, and ranking them all would cost
many times the rest. So at most `CANDIDATES` matches are ranked; where there are more, `FAVOURITES` of each sort that
ranks high join them: whole words, and labels that begin with the query.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

from catalog import vocabulary
from catalog.search_sql import candidates_of, conditions_of, page_statement
from catalog.text import words
from common import sql

# More words than this, or longer ones, tell nothing new and cost time.
MAX_WORDS = 8
MAX_WORD_LENGTH = 40
MAX_QUERY_LENGTH = 400

# Values of a facet that are told.
FACETS = 20
# Suggestions while typing, and the hits they are drawn from: packs of one product are one suggestion.
SUGGESTIONS = 8
_SUGGESTED_FROM = 60

_CORRECTIONS_PER_WORD = 3
_TRIES = 6


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

    `corrected` is the query that was answered, where its words are not the ones asked for.
    """

    results: list[SearchHit]
    count: int
    count_is_capped: bool = False
    corrected: str | None = None


def search(q: str, *, limit: int = 20, offset: int = 0, kind: str | None = None, **filters: str) -> SearchPage:
    """Products whose label, substance or code has a word beginning with each word of `q`; best first.

    Whole words come before prefixes, then products in use before withdrawn ones, then labels that begin with `q`.
    Only where nothing is found, words of three letters or more that begin no known word are corrected. `filters` are
    exact values of `FILTERS`.
    """
    wanted = {name: value for name, value in {"kind": kind, **filters}.items() if value}
    asked = _words(q)
    if not asked:
        return SearchPage([], 0)
    page: SearchPage | None = None
    held = vocabulary.held()
    if held is None or held.knows_all(asked):
        page = _find(asked, limit=limit, offset=offset, filters=wanted)
        if page.count:
            return page
    known = vocabulary.current()
    if known.knows_all(asked):
        # The words do not occur together; or it was an older vocabulary that knew no such word.
        return page or _find(asked, limit=limit, offset=offset, filters=wanted)
    for meant in _corrections(asked, known):
        page = _find(meant, limit=limit, offset=offset, filters=wanted, corrected=" ".join(meant))
        if page.count:
            return page
    return SearchPage([], 0)


def suggest(q: str) -> SearchPage:
    """What somebody who typed `q` may be after: the best hit of each product, however many packs it comes in."""
    page = search(q, limit=_SUGGESTED_FROM)
    names: dict[str, SearchHit] = {}
    for hit in page.results:
        names.setdefault(denomination(hit.label), hit)
    best = [replace(hit, label=name) for name, hit in islice(names.items(), SUGGESTIONS)]
    return SearchPage(best, len(best), corrected=page.corrected)


def denomination(label: str) -> str:
    """What a product is called, without how it is packed."""
    return label.split(" - ")[0]


def _corrections(asked: Sequence[str], known: vocabulary.Vocabulary) -> list[list[str]]:
    """What may have been meant, likeliest first; nothing where an unknown word resembles no other."""
    choices = [[word] if known.knows(word) else known.corrections(word, limit=_CORRECTIONS_PER_WORD) for word in asked]
    return [list(meant) for meant in islice(product(*choices), _TRIES)]


def _find(
    asked: Sequence[str], *, limit: int, offset: int, filters: Mapping[str, str], corrected: str | None = None
) -> SearchPage:
    statement, params = page_statement(asked, filters)
    rows = sql.fetch_all(statement, [*params, limit, offset])
    counted: Sequence[Any] | None = rows[0] if rows else None
    if counted is None and offset:
        # Behind the last page no row tells the count.
        counted = sql.fetch_one(statement, [*params, 1, 0])
    count, is_capped = counted[:2] if counted else (0, False)
    return SearchPage([_hit(row[2:]) for row in rows], count, bool(is_capped), corrected)


def _hit(row: Sequence[Any]) -> SearchHit:
    code, label, substance, kind, prescription_required, is_active = row
    # SQLite has no booleans.
    required = None if prescription_required is None else bool(prescription_required)
    return SearchHit(code, label, substance, kind, required, bool(is_active))


def facets(q: str, **filters: str) -> dict[str, list[tuple[str, int]]]:
    """How many of the ranked matches of `q` (corrected already) have each form and category; the commonest first."""
    asked = _words(q)
    wanted = {name: value for name, value in filters.items() if value}
    if asked:
        candidates, params = candidates_of(asked, wanted)
        source = (
            f"WITH {candidates} SELECT e.form, e.category FROM candidates c JOIN catalog_searchentry e ON e.id = c.id"
        )
    else:
        conditions, params = conditions_of(wanted)
        source = f"SELECT e.form, e.category FROM catalog_searchentry e WHERE true{conditions}"
    rows = sql.fetch_all(f"SELECT form, category, count(*) FROM ({source}) AS found GROUP BY form, category", params)
    counted: dict[str, Counter[str]] = {"form": Counter(), "category": Counter()}
    for form, category, count in rows:
        counted["form"][form] += count
        counted["category"][category] += count
    return {name: _commonest(counter) for name, counter in counted.items()}


def _commonest(counter: Counter[str]) -> list[tuple[str, int]]:
    told = [(value, count) for value, count in counter.items() if value]
    return sorted(told, key=lambda each: (-each[1], each[0]))[:FACETS]


def _words(q: str) -> list[str]:
    return [word[:MAX_WORD_LENGTH] for word in words(q[:MAX_QUERY_LENGTH])[:MAX_WORDS]]

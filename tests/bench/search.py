"""Search in the database: 300 exact, 300 prefix and 300 one-typo queries drawn from the labels."""

import random
import time

from catalog import vocabulary
from catalog.models import SearchEntry
from catalog.search import search
from catalog.text import words
from tests.bench.report import Report, percentile

QUERIES = 300
PAGE = 20
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def run(report: Report, has_catalogue: bool) -> None:
    if not has_catalogue:
        return
    chance = random.Random(20_871)
    entries = list(SearchEntry.objects.filter(is_active=True).values_list("code", "label"))
    report.section(f"Search over {SearchEntry.objects.count():,} products, milliseconds inside `search()`")
    chosen = [chance.choice(entries) for _ in range(3 * QUERIES)]
    exact = [" ".join(_denomination(label)[:2]) for _code, label in chosen[:QUERIES]]
    prefixes = [_prefix(label, chance) for _code, label in chosen[QUERIES : 2 * QUERIES]]
    typos = [(code, typo(label, chance)) for code, label in chosen[2 * QUERIES :]]
    search("doliprane")
    _measure(report, "exact words", exact)
    _measure(report, "prefixes of 1 to 5 letters", prefixes)
    found = _measure(report, "one typo", [query for _code, query in typos])
    hits = sum(any(hit.code == code for hit in page) for (code, _query), page in zip(typos, found, strict=True))
    report.add(
        "one typo: the wanted product on the first page",
        f"{hits / QUERIES:.1%}",
        goal="≥ 95 %",
        reached=hits >= 0.95 * QUERIES,
    )
    _measure_corrections(report, [_mistype(words(label)[0], chance) for _code, label in chosen[:QUERIES]])


def _measure(report: Report, what: str, queries: list[str]) -> list[list]:
    samples, pages = [], []
    for query in queries:
        started = time.perf_counter()
        page = search(query, limit=PAGE)
        samples.append((time.perf_counter() - started) * 1000)
        pages.append(page.results)
    p50, p95 = percentile(samples, 0.5), percentile(samples, 0.95)
    report.add(what, f"p50 {p50:.2f}  p95 {p95:.2f}", goal="p95 ≤ 3 ms", reached=p95 <= 3)
    return pages


def _measure_corrections(report: Report, misspelt: list[str]) -> None:
    known = vocabulary.current()
    samples = []
    for word in misspelt:
        started = time.perf_counter()
        known.corrections(word, limit=3)
        samples.append((time.perf_counter() - started) * 1000)
    p95 = percentile(samples, 0.95)
    report.add("one correction", f"p50 {percentile(samples, 0.5):.2f}  p95 {p95:.2f}", goal="≤ 1 ms", reached=p95 <= 1)


def _denomination(label: str) -> list[str]:
    """The words of what a product is called, without how it is packed: up to six."""
    return words(label.split(" - ")[0])[:6]


def _prefix(label: str, chance: random.Random) -> str:
    word = _denomination(label)[0]
    return word[: chance.randint(1, 5)]


def typo(label: str, chance: random.Random) -> str:
    """The denomination with one mistake in one of its longer words, as thumbs make them."""
    said = _denomination(label)
    longer = [index for index, word in enumerate(said) if len(word) >= 5 and word.isalpha()]
    if longer:
        index = chance.choice(longer)
        said[index] = _mistype(said[index], chance)
    return " ".join(said)


def _mistype(word: str, chance: random.Random) -> str:
    """One letter wrong, missing, too many, or two swapped; the first one stays."""
    if len(word) < 4:
        return word
    at = chance.randrange(1, len(word) - 1)
    return chance.choice(
        [
            word[:at] + chance.choice(LETTERS) + word[at + 1 :],
            word[:at] + word[at + 1 :],
            word[:at] + chance.choice(LETTERS) + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )

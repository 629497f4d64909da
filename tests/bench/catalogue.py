"""The catalogue five times over, with changed strengths: search, suggestions, writing what differs, EPG's pages."""

import dataclasses
import random
import re
import time
from collections.abc import Callable, Iterable

import requests
from django.conf import settings
from rest_framework.test import APIClient

from catalog import vocabulary
from catalog.epg.catalogue import read_catalogue
from catalog.models import Product, SearchEntry
from catalog.progress import unseen
from catalog.rows import ProductRow
from catalog.search import search, suggest
from catalog.services.products import import_products
from catalog.services.sync import sync_catalog
from simulators.server import SimulatorServer
from tests.bench.report import Report, percentile
from tests.bench.search import typo

QUERIES = 300
TIMES = 5
SOURCE = "bench"
_STRENGTH = re.compile(r"\b\d+(?= ?m?g\b)")


def run(report: Report, has_catalogue: bool) -> None:
    if not has_catalogue:
        return
    rows = _rows()
    _enlarge(rows)
    _search(report)
    _write(report, rows)
    _sync(report, rows)


def _rows() -> list[ProductRow]:
    """What is stored and four more of each, of other strengths and under codes of their own."""
    names = [field.name for field in dataclasses.fields(ProductRow)]
    stored = [ProductRow(**row) for row in Product.objects.exclude(source=SOURCE).values(*names)]
    more = [
        dataclasses.replace(
            row,
            code=f"{number}{row.code[1:]}",
            label=_STRENGTH.sub(lambda found: str(int(found[0]) * number + number), row.label),  # noqa: B023
            source=SOURCE,
        )
        for number in range(4, 4 + TIMES - 1)
        for row in stored
    ]
    return stored + more


def _enlarge(rows: list[ProductRow]) -> None:
    import_products(rows, source=SOURCE)
    vocabulary.current()


def _search(report: Report) -> None:
    chance = random.Random(104_355)
    labels = list(SearchEntry.objects.filter(is_active=True).values_list("label", flat=True))
    chosen = [chance.choice(labels) for _ in range(3 * QUERIES)]
    first_words = [re.findall(r"[^\W\d_]{3,}", label)[:2] or [label] for label in chosen]
    asked = {
        "exact words": [" ".join(words) for words in first_words[:QUERIES]],
        "prefixes of 1 to 5 letters": [
            words[0][: chance.randint(1, 5)] for words in first_words[QUERIES : 2 * QUERIES]
        ],
        "one typo": [typo(label, chance) for label in chosen[2 * QUERIES :]],
    }
    report.section(f"Search over {SearchEntry.objects.count():,} products, milliseconds")
    for what, queries in asked.items():
        _time(report, f"{what}, inside search()", queries, search, 6)
    _time(report, "suggestions while typing, inside suggest()", asked["prefixes of 1 to 5 letters"], suggest, 6)
    client = APIClient(SERVER_NAME="127.0.0.1")
    for what, queries in asked.items():
        _time(report, f"{what}, whole request", queries, lambda q: client.get("/api/v1/products/", {"q": q}), 10)


def _time(report: Report, what: str, queries: Iterable[str], work: Callable[[str], object], goal: int) -> None:
    samples = []
    for query in queries:
        started = time.perf_counter()
        work(query)
        samples.append((time.perf_counter() - started) * 1000)
    p95 = percentile(samples, 0.95)
    report.add(what, f"p50 {percentile(samples, 0.5):.2f}  p95 {p95:.2f}", goal=f"p95 ≤ {goal} ms", reached=p95 <= goal)


def _write(report: Report, rows: list[ProductRow]) -> None:
    report.section(f"Writing {len(rows):,} products that are in memory, their search entries included")
    for share in (0.0, 0.1):
        changed = round(len(rows) * share)
        edited = [dataclasses.replace(row, price=(row.price or 0) + 5) for row in rows[:changed]] + rows[changed:]
        started = time.perf_counter()
        counts = import_products(edited, source=SOURCE)
        rate = len(rows) / (time.perf_counter() - started)
        report.add(
            f"{share:.0%} of them changed ({counts.changed:,} written)",
            f"{rate:,.0f} rows/s",
            goal="≥ 100,000 rows/s",
            reached=rate >= 100_000,
        )


def _sync(report: Report, rows: list[ProductRow]) -> None:
    report.section(f"{len(rows):,} products from EPG's simulator")
    with SimulatorServer(port=0) as simulators:
        settings.EPG_URL = f"{simulators.url}/epg"
        items = [{"CIP": row.code, "libelle": row.label, "prix_vente": row.price} for row in rows]
        sent = requests.post(
            f"{simulators.url}/control/epg/data", json={"products": items, "pharmacies": []}, timeout=120
        )
        sent.raise_for_status()
        for what, work in (
            ("read", lambda: read_catalogue(progress=unseen)),
            ("read and written, the first time", sync_catalog),
            ("read and compared, nothing changed", sync_catalog),
        ):
            started = time.perf_counter()
            work()
            rate = len(rows) / (time.perf_counter() - started)
            report.add(what, f"{rate:,.0f} products/s", goal="≥ 5,000 products/s", reached=rate >= 5_000)

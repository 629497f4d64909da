"""A whole basket: thirty pharmacies behind EPG asked at once, and the search for where to go."""

import random
import time
from unittest import mock

from django.conf import settings
from django.test import override_settings

from catalog.epg import availability, client
from catalog.planning import Shop, plan
from simulators.config import SimulatorConfig
from simulators.faults import FaultKind
from simulators.server import SimulatorServer
from tests.bench.report import Report, percentile

PHARMACIES, LINES, ROUNDS = 30, 12, 20
ANSWER_SECONDS = 0.15
BASKETS = 200


def run(report: Report, has_catalogue: bool) -> None:
    report.section(f"A basket of {LINES} lines, {PHARMACIES} pharmacies")
    _epg(report)
    _plans(report)


def _epg(report: Report) -> None:
    codes = [f"{3400940000000 + 10 * number}" for number in range(LINES)]
    shops = [f"64b{number:021x}" for number in range(PHARMACIES)]
    with SimulatorServer(port=0) as server:
        books = server.services["epg"]
        books.load(
            [{"CIP": code, "libelle": code, "prix_vente": 1000} for code in codes],
            [
                {"_id": shop, "nom": shop, "adresse": "", "telephone": "", "stock": dict.fromkeys(codes, 5)}
                for shop in shops
            ],
        )
        books.faults.add(FaultKind.LATENCY, seconds=ANSWER_SECONDS)
        with override_settings(EPG_URL=f"{server.url}/epg", EPG_API_KEY=SimulatorConfig().epg_api_key):
            client.forget()
            taken = [_look(shops, codes) for _round in range(ROUNDS)]
        client.forget()
    report.add(
        f"EPG: all answer after {ANSWER_SECONDS * 1000:.0f} ms, nothing remembered",
        f"{percentile(taken, 0.5) * 1000:.0f} ms (p95 {percentile(taken, 0.95) * 1000:.0f} ms)",
        goal="< 400 ms",
        reached=percentile(taken, 0.95) < 0.4,
    )


def _look(shops: list[str], codes: list[str]) -> float:
    started = time.perf_counter()
    with mock.patch.object(availability, "_remembered", return_value={}):
        seen = availability.look(dict.fromkeys(shops, codes))
    if len(seen) != len(shops) * len(codes):
        raise RuntimeError(f"{len(seen)} answers of {len(shops) * len(codes)}")
    return time.perf_counter() - started


def _plans(report: Report) -> None:
    chance = random.Random(12)
    taken, exact = [], 0
    for _basket in range(BASKETS):
        share = chance.choice([0.05, 0.1, 0.2, 0.3, 0.5, 0.8])
        shops = [
            Shop(
                metres=chance.randint(100, 9_000),
                on_duty=chance.random() < 0.3,
                prices={line: chance.randint(500, 9_000) for line in range(LINES) if chance.random() < share},
            )
            for _shop in range(PHARMACIES)
        ]
        started = time.perf_counter()
        exact += plan(LINES, shops, seconds=settings.PLANNING_SECONDS).exact
        taken.append(time.perf_counter() - started)
    report.add(
        "the best plans",
        f"{percentile(taken, 0.5) * 1000:.1f} ms (p99 {percentile(taken, 0.99) * 1000:.1f} ms), "
        f"{exact}/{BASKETS} exact",
        goal=f"all exact in {settings.PLANNING_SECONDS * 1000:.0f} ms",
        reached=exact == BASKETS,
    )

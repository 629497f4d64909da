"""The event log of a million: what sealing costs whoever writes, sealing and proving it, and reading it by the API."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import User
from accounts.services.sessions import open_session
from audit.models import Event, Seal
from audit.seals.proving import prove_event
from audit.seals.sealing import seal_all
from audit.seals.verifying import verify
from payments.models import Payment
from tests.bench.databases import seeded_year
from tests.bench.report import Report
from tests.bench.servers import SECONDS
from tests.changelists import listening

ROUNDS = 5
WRITERS = 2
_STARTING = 60
_COMPARED = (("a second", "/s", "≥ 0.95"), ("processor time of one", " ms", "≤ 1.05"))


def run(report: Report, has_catalogue: bool) -> None:
    with seeded_year() as seeded:
        load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
        report.section(f"The event log over {seeded}; load {load}")
        _seal_and_prove(report)
        _write(report)
        _read(report)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _seal_and_prove(report: Report) -> None:
    seconds, count = _timed(seal_all)
    if count:
        report.add(f"sealing {count:,} events", f"{seconds:.1f} s, {count / seconds:,.0f} events/s")
    seconds, result = _timed(verify)
    what = f"verify_audit over {result.sealed:,} events"
    report.add(what, f"{seconds:.1f} s", goal="no finding", reached=not result.findings)
    event_id = Event.objects.order_by("pk").values_list("pk", flat=True)[Event.objects.count() // 2]
    seconds, _proof = _timed(lambda: prove_event(event_id))
    report.add(f"prove_event, one of a seal of {Seal.objects.latest('count').count:,}", f"{seconds * 1000:.0f} ms")


def _write(report: Report) -> None:
    """Spends of two processes, in turns without and with a process that seals every second.

    How many a second depends on what else the machine does; what one takes of the processors hardly does.
    """
    connection.close()
    without, sealed = [], []
    _spends(2, sealing=False)
    for _ in range(ROUNDS):
        without.append(_spends(SECONDS, sealing=False))
        sealed.append(_spends(SECONDS, sealing=True))
    for number, (what, unit, goal) in enumerate(_COMPARED):
        before, after = (statistics.median(run[number] for run in runs) for runs in (without, sealed))
        share = after / before
        report.add(
            f"spends, {what}: without and with sealing",
            f"{before:,.1f}{unit} and {after:,.1f}{unit}, {share:.2f} of it",
            goal=goal,
            reached=share <= 1.05 if number else share >= 0.95,
        )


def _spends(seconds: int, *, sealing: bool) -> tuple[float, float]:
    """How many a second, and the milliseconds of processor time of one."""
    # Its start is no part of what sealing costs.
    others = [_start("seal", seconds + _STARTING, 0)] if sealing else []
    assert all(other.stdout and other.stdout.readline() for other in others)
    writers = [_start("spend", seconds, number) for number in range(WRITERS)]
    done = [writer.communicate()[0].split()[1:] for writer in writers]
    for other in others:
        other.terminate()
        other.communicate()
    count = sum(int(spent) for spent, _busy in done)
    return count / seconds, sum(float(busy) for _spent, busy in done) * 1000 / count


def _start(name: str, seconds: int, number: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "tests.bench.workers", name, str(seconds), str(number)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def _read(report: Report) -> None:
    client = APIClient(SERVER_NAME="127.0.0.1")
    admin = User.objects.get(role=Role.ADMIN)
    # A while ago, where there is one: the newest rows are the cheapest.
    event = list(Event.objects.filter(entity="payment").order_by("-pk")[:1001])[-1]
    reader = Payment.objects.select_related("user").latest("pk").user
    times = f"occurred_after={event.occurred_at:%Y-%m-%dT%H:%M:%SZ}"
    asked = [
        (admin, "/api/v1/events/", ""),
        (admin, "/api/v1/events/", "action=approval.approved"),
        (admin, "/api/v1/events/", "action=user.anonymised"),
        (admin, "/api/v1/events/", "entity=refund"),
        (admin, "/api/v1/events/", f"entity=payment&entity_id={event.entity_id}"),
        (admin, "/api/v1/events/", f"entity_id={event.entity_id}"),
        (admin, "/api/v1/events/", f"actor_id={reader.pk}"),
        (admin, "/api/v1/events/", f"request_id={event.request_id}"),
        (admin, "/api/v1/events/", times),
        (admin, "/api/v1/events/", times.replace("after", "before")),
        (reader, "/api/v1/me/events/", ""),
        (reader, "/api/v1/me/events/", "action=user.created"),
    ]
    for user, path, query in asked:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {open_session(user).access_token}")
        first, rows, after = _ask(client, f"{path}?{query}")
        text = f"{first:.1f} ms of SQL, {rows} rows"
        if after:
            second, _rows, _ = _ask(client, after)
            text += f"; the next page {second:.1f} ms"
            first = max(first, second)
        report.add(f"GET {path} {query.split('=')[0] if query else ''}", text, goal="≤ 5 ms", reached=first <= 5)


def _ask(client: APIClient, url: str) -> tuple[float, int, str | None]:
    """Milliseconds of PostgreSQL beyond the session, of the best of three; rows; the next page."""
    best = float("inf")
    for _ in range(3):
        with listening() as heard:
            answer = client.get(url)
        own = [each for each in heard if "audit_event" in each.sql]
        best = min(best, sum(each.seconds if each.busy is None else each.busy for each in own) * 1000)
    return best, len(answer.json()["results"]), answer.json()["next"]

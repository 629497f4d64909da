"""Bookings beside pgbench running the same insert with the same constraints; one slot for a thousand; many slots."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import requests
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Account, User
from accounts.services.sessions import open_session
from appointments.models import Appointment, Practitioner, VisitType, WorkingHours
from appointments.selectors import free
from tests.bench.report import Report, percentile
from tests.bench.servers import CONNECTIONS, ROUNDS, SCRIPTS, SECONDS, gunicorn, pgbench

DOCTORS, PATIENTS = 100, 1_000
# Requests a round may send before it meets the slots of the next one: three weeks of every doctor.
ROOM = DOCTORS * 48 * 21


def run(report: Report, has_catalogue: bool) -> None:
    if shutil.which("wrk") is None:
        print("SKIPPED: appointments need wrk (Debian: apt-get install wrk)", file=sys.stderr)
        return
    doctor, kind, patient = _prepare()
    report.section("Appointments, everything switched on: gunicorn with 2 workers")
    people = User.objects.filter(email__startswith="patient").order_by("pk")
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder, "patients.txt")
        known = [str(open_session(user).access_token) for user in people]
        tokens.write_text("\n".join(known))
        variables = {"doctor": doctor, "kind": kind, "patient": patient, "doctors": DOCTORS, "patients": PATIENTS}
        connection.close()
        with gunicorn(Path(folder)) as url:
            _wrk(url, tokens, variables, number=0, seconds=2)
            rounds = [
                (_wrk(url, tokens, variables, number=number + 1, seconds=SECONDS), pgbench("book.sql", variables))
                for number in range(ROUNDS)
            ]
            contended = _one_slot(url, known, doctor, kind)
    _print(report, rounds)
    seconds, statuses = contended
    report.add(
        "1,000 clients for one slot: all answered",
        f"{seconds:.1f} s  {statuses}",
        goal="≤ 5 s",
        reached=seconds <= 5 and statuses == {201: 1, 409: 999},
    )
    _slots(report)


def _print(report: Report, rounds: list[tuple[dict[str, Any], float]]) -> None:
    ours = sorted((each for each, _bare in rounds), key=_rate)[ROUNDS // 2]
    bare = sorted(rate for _each, rate in rounds)[ROUNDS // 2]
    ratio = _rate(ours) / bare
    report.add("pgbench, the insert under its doctor's lock", f"{bare:,.0f}/s")
    report.add(
        f"bookings, {CONNECTIONS} connections", f"{_rate(ours):,.0f}/s  p50 {ours['p50']:.1f}  p99 {ours['p99']:.1f} ms"
    )
    report.add("refused or broken answers", f"{ours['errors']}", goal="0", reached=not ours["errors"])
    report.add("… of pgbench", f"{ratio:.2f}", goal="≥ 0.17", reached=ratio >= 0.17)


def _rate(result: dict[str, Any]) -> float:
    return float(result["requests"] / result["seconds"])


def _prepare() -> tuple[int, int, int]:
    """Doctors who receive day and night, and patients with accounts; the first keys of each."""
    doctors = User.objects.bulk_create(
        User(email=f"doctor{number}@example.org", role=Role.DOCTOR, is_verified=True, password="!")
        for number in range(DOCTORS)
    )
    patients = User.objects.bulk_create(
        User(email=f"patient{number}@example.org", is_verified=True, password="!") for number in range(PATIENTS)
    )
    Account.objects.bulk_create(Account(user=user) for user in [*doctors, *patients])
    now = timezone.now()
    practices = Practitioner.objects.bulk_create(
        Practitioner(user=user, works_on_holidays=True, grid_minutes=30, verified_at=now, verified_by=user)
        for user in doctors
    )
    kinds = VisitType.objects.bulk_create(VisitType(practitioner=each, name="Bench", minutes=30) for each in practices)
    WorkingHours.objects.bulk_create(
        WorkingHours(practitioner=each, weekday=weekday, opens="00:00", closes="00:00")
        for each in practices
        for weekday in range(7)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return practices[0].pk, kinds[0].pk, patients[0].pk


def _wrk(url: str, tokens: Path, variables: dict[str, int], *, number: int, seconds: int) -> dict[str, Any]:
    command = [
        "wrk",
        "-t2",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "-s",
        str(SCRIPTS / "book.lua"),
        url,
        "--",
        str(tokens),
    ]
    epoch = int((_midnight() + timedelta(days=2)).timestamp())
    numbers = [variables["doctors"], variables["doctor"], variables["kind"], epoch, number * ROOM]
    done = subprocess.run([*command, *map(str, numbers)], capture_output=True, text=True, check=True)
    return dict(json.loads(re.search(r"RESULT (.*)", done.stdout)[1]))


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _one_slot(url: str, tokens: list[str], doctor: int, kind: int) -> tuple[float, dict[int, int]]:
    """A thousand clients who each want the same half hour: how long until the last is answered, and what."""
    data = {"doctor": doctor, "visit_type": kind, "starts_at": (_midnight() + timedelta(days=200)).isoformat()}
    start, statuses = Barrier(len(tokens) + 1), []

    def ask(token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
        start.wait()
        statuses.append(
            requests.post(f"{url}/api/v1/appointments/", json=data, headers=headers, timeout=120).status_code
        )

    threads = [Thread(target=ask, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began, {status: statuses.count(status) for status in sorted(set(statuses))}


def _slots(report: Report) -> None:
    """All free slots of a hundred doctors in a fortnight, hours of the day as practices have them."""
    WorkingHours.objects.update(opens="08:00", closes="17:00")
    Appointment.objects.filter(starts_at__gt=timezone.now() + timedelta(days=5), starts_at__year__lt=2099).delete()
    ids = list(Practitioner.objects.values_list("pk", flat=True))
    samples, found = [], 0
    for _ in range(9):
        began = time.perf_counter()
        since = timezone.now()
        found = len(free.slots(free.practices(ids), since=since, until=since + timedelta(days=14)))
        samples.append((time.perf_counter() - began) * 1000)
    with CaptureQueriesContext(connection) as queries:
        free.slots(free.practices(ids), since=timezone.now(), until=timezone.now() + timedelta(days=14))
    median = percentile(samples, 0.5)
    report.add(
        f"slots of {len(ids)} doctors × 14 days ({found:,} free, {len(queries)} queries)",
        f"{median:.0f} ms",
        goal="< 100 ms",
        reached=median < 100,
    )

"""The old routes: `spent` through gunicorn beside pgbench, and the history over 100,000 events."""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.enums import EntryKind, Role
from accounts.models import Account, CreditEntry, User
from accounts.services.sessions import open_session
from accounts.services.users import create_user
from accounts.services.verification import verify_ledger
from audit.models import Event
from audit.seals.verifying import verify
from common.models import ImportBatch
from legacy.tests.old_database import old_database, server
from tests.bench.old_dump import fill
from tests.bench.report import Report
from tests.bench.servers import CONNECTIONS, ROUNDS, SCRIPTS, SECONDS, gunicorn, pgbench

ACCOUNTS, CREDITS, EVENTS = 1_000, 10_000_000, 100_000
OLD_USERS = int(os.environ.get("BENCH_OLD_USERS", "100000"))
OLD_EVENTS = int(os.environ.get("BENCH_OLD_EVENTS", "1000000"))
ACTIONS = (
    "user.signed_in user.created catalog.availability_checked credits.spend payment.created "
    "payment.pending payment.succeeded session.ended reservation.ready credits.welcome"
).split()


def run(report: Report, has_catalogue: bool) -> None:
    report.section(f"The old service moves over: {OLD_USERS:,} users and {OLD_EVENTS:,} events")
    _measure_import(report)
    report.section(f"The old routes: the history over {EVENTS:,} events, in process")
    _measure_history(report)
    if shutil.which("wrk") is None:
        print("SKIPPED: spends need wrk (Debian: apt-get install wrk)", file=sys.stderr)
        return
    report.section("The old routes: `spent`, gunicorn with 2 workers, 16 connections")
    with tempfile.TemporaryDirectory() as folder:
        spread, hot = Path(folder, "spread.txt"), Path(folder, "hot.txt")
        lines = [f"{open_session(account.user).access_token} {account.pk}" for account in _accounts("old")]
        spread.write_text("\n".join(lines))
        hot.write_text(lines[0])
        bare = {"account": min(account.pk for account in _accounts("oldpg")), "accounts": ACCOUNTS}
        connection.close()
        with gunicorn(Path(folder)) as url:
            _wrk(url, spread, seconds=2)
            rounds = [(_wrk(url, spread), _wrk(url, hot), pgbench("old_spend.sql", bare)) for _ in range(ROUNDS)]
    _print(report, rounds)
    _prove()


def _measure_import(report: Report) -> None:
    """From a database beside ours, sealed and proven; then taken back."""
    with server() as url, old_database(url) as old:
        fill(old, users=OLD_USERS, events=OLD_EVENTS)
        said = Lines()
        with tempfile.TemporaryDirectory() as folder:
            options = ["--database", old.url, "--report", str(Path(folder, "report.csv"))]
            for what, more in (("rehearsed", ["--dry-run"]), ("imported", []), ("imported again", [])):
                started = time.perf_counter()
                call_command("import_legacy", *options, *more, stdout=said)
                seconds = time.perf_counter() - started
                is_goal = what == "imported"
                report.add(
                    what,
                    f"{seconds:.0f} s",
                    goal="< 300 s" if is_goal else "",
                    reached=seconds < 300 if is_goal else None,
                )
    report.add("… and said", said.written[-1])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    # The oldest days, which lie farthest from where the index begins.
    _measure_lists(report, "2022-01-02/2022-01-03")
    if verify_ledger().findings or verify().findings:
        raise SystemExit("what was imported does not add up")
    started = time.perf_counter()
    call_command("import_legacy", "--undo", str(ImportBatch.objects.latest("pk").pk), stdout=said)
    report.add("taken back", f"{time.perf_counter() - started:.0f} s")


class Lines(io.StringIO):
    """What a command printed."""

    @property
    def written(self) -> list[str]:
        return self.getvalue().splitlines()


def _print(report: Report, rounds: list[tuple[dict[str, Any], dict[str, Any], float]]) -> None:
    spread, hot, bare = (sorted(column, key=_rate)[ROUNDS // 2] for column in zip(*rounds, strict=True))
    report.add("pgbench, a spend's three statements", f"{bare:,.0f}/s")
    for name, result in (("1,000 accounts", spread), ("one account", hot)):
        rate = _rate(result)
        report.add(f"spent, {name}", f"{rate:,.0f}/s  p50 {result['p50']:.1f}  p99 {result['p99']:.1f} ms")
        report.add("… of pgbench", f"{rate / bare:.2f}", goal="≥ 0.15", reached=rate / bare >= 0.15)
    broken = spread["errors"] + hot["errors"]
    report.add("refused or broken answers", f"{broken}", goal="0", reached=not broken)


def _rate(result: Any) -> float:
    return result if isinstance(result, float) else result["requests"] / result["seconds"]


def _accounts(prefix: str) -> list[Account]:
    """So many accounts of people of their own, each with an opening entry."""
    users = User.objects.bulk_create(
        User(email=f"{prefix}{number}@old.invalid", is_verified=True, password="!") for number in range(ACCOUNTS)
    )
    accounts = Account.objects.bulk_create(Account(user=user, credit=CREDITS) for user in users)
    CreditEntry.objects.bulk_create(
        CreditEntry(
            account=account, amount=CREDITS, balance_after=CREDITS, kind=EntryKind.GRANT, reference=f"old:{account.pk}"
        )
        for account in accounts
    )
    return accounts


def _measure_history(report: Report) -> None:
    now = timezone.now()
    Event.objects.bulk_create(
        (
            Event(
                occurred_at=now - timedelta(seconds=EVENTS - number),
                action=ACTIONS[number % len(ACTIONS)],
                entity="user",
                entity_id=str(number % ACCOUNTS + 1),
                actor_kind="user",
                actor_id=str(number % ACCOUNTS + 1),
                commitment=hashlib.sha256(f"old{number}".encode()).hexdigest(),
                mac="",
            )
            for number in range(EVENTS)
        ),
        batch_size=5_000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    today = timezone.localdate()
    _measure_lists(report, f"{today - timedelta(days=2)}/{today}")


def _measure_lists(report: Report, days: str) -> None:
    """In process, the middle of five. `days` is a range of which there are events."""
    staff = User.objects.filter(email="staff@old.invalid").first() or create_user(
        email="staff@old.invalid", password=None, role=Role.ADMIN, is_verified=True
    )
    client = APIClient(SERVER_NAME="127.0.0.1")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {open_session(staff).access_token}")
    for path in ("/event/stat", f"/event/get_by_timer/{days}", "/event/all?limit=1000"):
        client.get(path)
        samples = []
        for _ in range(5):
            started = time.perf_counter()
            answer = client.get(path)
            samples.append(time.perf_counter() - started)
        middle = sorted(samples)[2]
        rows = len(answer.json())
        report.add(f"{path}, {rows:,} rows", f"{middle * 1000:.0f} ms", goal="< 1,000 ms", reached=middle < 1)


def _prove() -> None:
    """The benchmark counts only if the books add up after it. pgbench keeps none: its accounts are its own."""
    ours = set(Account.objects.filter(user__email__regex=r"^old[0-9]+@old\.invalid$").values_list("pk", flat=True))
    findings = [finding for finding in verify_ledger().findings if finding.account_id in ours]
    if findings:
        raise SystemExit(f"{len(findings)} ledger findings")


def _wrk(url: str, people: Path, *, seconds: int = SECONDS) -> dict[str, Any]:
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPTS / "spend.lua"), url]
    done = subprocess.run([*command, "--", str(people)], capture_output=True, text=True, check=True)
    return dict(json.loads(re.search(r"RESULT (.*)", done.stdout)[1]))

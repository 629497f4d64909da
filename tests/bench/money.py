"""Callbacks through gunicorn beside bare inserts, and credits spent from one hot account and from 10,000."""

import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections

from accounts.enums import EntryKind
from accounts.models import Account, CreditEntry, User
from accounts.services import ledger
from accounts.services.verification import verify_ledger
from common.unit_of_work import unit_of_work
from payments.models import CallbackMessage
from tests.bench.report import Report
from tests.bench.servers import CONNECTIONS, ROUNDS, SCRIPTS, SECONDS, gunicorn, pgbench

ACCOUNTS, CREDITS = 10_000, 1_000_000
THREADS = 8


def run(report: Report, has_catalogue: bool) -> None:
    if shutil.which("wrk") is None:
        print("SKIPPED: callbacks need wrk (Debian: apt-get install wrk)", file=sys.stderr)
    else:
        _callbacks(report)
    _spending(report)


def _callbacks(report: Report) -> None:
    report.section("Callbacks, half of them repeats: gunicorn with 2 workers, 16 connections")
    path = f"/api/v1/payments/callbacks/mypayga/{settings.PAYMENTS_CALLBACK_TOKEN}/"
    with tempfile.TemporaryDirectory() as folder:
        connection.close()
        with gunicorn(Path(folder)) as url:
            _wrk(url, path, seconds=2)
            rounds = [(_wrk(url, path), pgbench("insert.sql", {})) for _ in range(ROUNDS)]
    middle = ROUNDS // 2
    told = sorted((each for each, _ in rounds), key=lambda each: each["requests"] / each["seconds"])[middle]
    rate, bare = told["requests"] / told["seconds"], sorted(each for _, each in rounds)[middle]
    report.add("pgbench, inserts of one row", f"{bare:,.0f}/s")
    report.add("callbacks", f"{rate:,.0f}/s  p50 {told['p50']:.1f}  p99 {told['p99']:.1f} ms")
    report.add("… of the inserts", f"{rate / bare:.2f}", goal="≥ 0.15", reached=rate / bare >= 0.15)
    broken = sum(each["errors"] for each, _ in rounds)
    report.add("refused or broken answers", f"{broken}", goal="0", reached=not broken)
    stored = CallbackMessage.objects.filter(provider="mypayga").count()
    report.add("messages stored", f"{stored:,}")


def _wrk(url: str, path: str, *, seconds: int = SECONDS) -> dict[str, Any]:
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPTS / "callback.lua"), url]
    done = subprocess.run([*command, "--", path], capture_output=True, text=True, check=True)
    found = re.search(r"RESULT (.*)", done.stdout)
    assert found is not None, done.stdout
    return dict(json.loads(found[1]))


def _spending(report: Report) -> None:
    report.section(f"Credits spent with entry and event, {THREADS} threads of one process")
    users = _prepare()
    spread, hot = _spend(users), _spend(users[:1])
    report.add(f"{ACCOUNTS:,} accounts", f"{spread:,.0f}/s")
    report.add("one hot account", f"{hot:,.0f}/s")
    report.add("… of spread ones", f"{hot / spread:.2f}")
    findings = [finding for finding in verify_ledger().findings if finding.account_id in {user[1] for user in users}]
    report.add("accounts that do not add up", f"{len(findings)}", goal="0", reached=not findings)


def _prepare() -> list[tuple[int, int]]:
    """(user, account) of 10,000 people with endless credits."""
    mark = uuid.uuid4().hex[:8]
    users = User.objects.bulk_create(
        User(email=f"spend{mark}-{number}@example.org", is_verified=True, password="!") for number in range(ACCOUNTS)
    )
    accounts = Account.objects.bulk_create(Account(user=user, credit=CREDITS) for user in users)
    CreditEntry.objects.bulk_create(
        CreditEntry(
            account=account,
            amount=CREDITS,
            balance_after=CREDITS,
            kind=EntryKind.GRANT,
            reference=f"spend:{account.pk}",
        )
        for account in accounts
    )
    return [(account.user_id, account.pk) for account in accounts]


def _spend(users: list[tuple[int, int]]) -> float:
    """Spends per second."""
    counts, until = [0] * THREADS, time.monotonic() + SECONDS

    def work(number: int) -> None:
        chance = random.Random(number)
        while time.monotonic() < until:
            with unit_of_work():
                ledger.spend(chance.choice(users)[0], 1, reference=f"bench:{uuid.uuid4()}")
            counts[number] += 1
        connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - started)

"""Reservations through gunicorn with two workers, beside pgbench running a reservation's statements in the same run."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.enums import EntryKind, PricedAction
from accounts.models import Account, CreditEntry, PriceList, User
from accounts.services.sessions import open_session
from accounts.services.verification import verify_ledger
from audit.models import Event
from catalog.models import Pharmacy, SearchEntry, Stock
from reservations.models import Reservation
from tests.bench.report import Report
from tests.bench.servers import CONNECTIONS, ROUNDS, SCRIPTS, SECONDS, gunicorn, pgbench

ACCOUNTS, PRODUCTS, PHARMACIES = 1_000, 100, 20
CREDITS = 10_000_000


def run(report: Report, has_catalogue: bool) -> None:
    if shutil.which("wrk") is None:
        print("SKIPPED: reservations need wrk (Debian: apt-get install wrk)", file=sys.stderr)
        return
    report.section("Reservations of two lines, everything switched on: gunicorn with 2 workers, 16 connections")
    _prepare()
    with tempfile.TemporaryDirectory() as folder:
        spread, hot = Path(folder, "spread.txt"), Path(folder, "hot.txt")
        tokens = [open_session(user).access_token for user in User.objects.filter(email__startswith="bench")]
        spread.write_text("\n".join(map(str, tokens)))
        hot.write_text(str(tokens[0]))
        connection.close()
        with gunicorn(Path(folder)) as url:
            _wrk(url, spread, seconds=2)
            rounds = [
                (_wrk(url, spread), _wrk(url, hot), pgbench("reserve.sql", _pgbench_variables())) for _ in range(ROUNDS)
            ]
    _print(report, rounds)
    _prove()


def _print(report: Report, rounds: list[tuple[dict[str, Any], dict[str, Any], float]]) -> None:
    spread, hot, bare = (sorted(column, key=_rate)[ROUNDS // 2] for column in zip(*rounds, strict=True))
    rate, hot_rate, bare_rate = _rate(spread), _rate(hot), _rate(bare)
    report.add("pgbench, a reservation's five statements", f"{bare_rate:,.0f}/s")
    report.add("reservations, 1,000 accounts", f"{rate:,.0f}/s  p50 {spread['p50']:.1f}  p99 {spread['p99']:.1f} ms")
    broken = spread["errors"] + hot["errors"]
    report.add("refused or broken answers", f"{broken}", goal="0", reached=not broken)
    ratio = rate / bare_rate
    report.add("… of pgbench", f"{ratio:.2f}", goal="≥ 0.24", reached=ratio >= 0.24)
    tail = spread["p99"] / spread["p50"]
    report.add("… p99 over p50", f"{tail:.1f}", goal="≤ 2.5", reached=tail <= 2.5)
    report.add("one hot account", f"{hot_rate:,.0f}/s")
    report.add("… of spread ones", f"{hot_rate / rate:.2f}", goal="≥ 0.9", reached=hot_rate / rate >= 0.9)


def _rate(result: Any) -> float:
    return result if isinstance(result, float) else result["requests"] / result["seconds"]


def _prepare() -> None:
    """Accounts with credits, pharmacies with endless stock, a price for reserving."""
    users = User.objects.bulk_create(
        User(email=f"{prefix}{number}@example.org", is_verified=True, password="!")
        for prefix in ("bench", "pgbench")
        for number in range(ACCOUNTS)
    )
    accounts = Account.objects.bulk_create(Account(user=user, credit=CREDITS) for user in users)
    CreditEntry.objects.bulk_create(
        CreditEntry(
            account=account,
            amount=CREDITS,
            balance_after=CREDITS,
            kind=EntryKind.GRANT,
            reference=f"bench:{account.pk}",
        )
        for account in accounts
    )
    PriceList.objects.get_or_create(action=PricedAction.RESERVE, defaults={"label": "bench", "credits": 1})
    pharmacies = Pharmacy.objects.bulk_create(
        Pharmacy(code=f"BENCH-{number}", name=f"Bench {number}", town="Libreville")
        for number in range(1, PHARMACIES + 1)
    )
    codes = [f"2{number:012d}" for number in range(1, PRODUCTS + 1)]
    SearchEntry.objects.bulk_create(
        SearchEntry(code=code, label=f"Bench {code}", text=f"bench {code}", kind="medicine", is_active=True)
        for code in codes
    )
    Stock.objects.bulk_create(
        Stock(product_code=code, pharmacy=pharmacy, quantity=2_000_000_000, price=1_000, observed_at=timezone.now())
        for pharmacy in pharmacies
        for code in codes
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _prove() -> None:
    """The benchmark counts only if the books add up after it. pgbench books nothing: its accounts are its own."""
    ours = set(Account.objects.filter(user__email__startswith="bench").values_list("pk", flat=True))
    findings = [finding for finding in verify_ledger().findings if finding.account_id in ours]
    reserved = Reservation.objects.filter(user__email__startswith="bench").count()
    events = Event.objects.filter(action="reservation.confirmed", entity_id__contains="-").count()
    spent = CreditEntry.objects.filter(kind=EntryKind.SPEND).count()
    if findings or not reserved == events == spent:
        raise SystemExit(f"{reserved} reservations, {events} events, {spent} entries, {len(findings)} ledger findings")


def _wrk(url: str, tokens: Path, *, seconds: int = SECONDS) -> dict[str, Any]:
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(SCRIPTS / "reserve.lua"), url]
    done = subprocess.run(
        [*command, "--", str(tokens), str(PRODUCTS), str(PHARMACIES)],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(re.search(r"RESULT (.*)", done.stdout)[1]))


def _pgbench_variables() -> dict[str, int]:
    account = Account.objects.filter(user__email__startswith="pgbench").order_by("pk").first()
    stock = Stock.objects.filter(pharmacy__code__startswith="BENCH").order_by("pk").first()
    assert account is not None
    assert stock is not None
    connection.close()
    return {
        "accounts": ACCOUNTS,
        "stocks": PRODUCTS * PHARMACIES,
        "account": account.pk,
        "user": account.user_id,
        "pharmacy": stock.pharmacy_id,
        "stock": stock.pk,
    }

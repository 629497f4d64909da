"""The proof that the books add up, from the rows alone: credits here, money by the checks that higher apps register."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection, transaction

from accounts.enums import ApprovalStatus, EntryKind
from accounts.models import Account, Approval, CreditEntry
from accounts.services.corrections import KINDS
from common import sql
from common.chunks import by_pk


@dataclass(frozen=True)
class Finding:
    """One thing that does not add up. `row` names the rows; `account_id` the account where it is about one."""

    row: str
    what: str
    account_id: int | None = None

    def __str__(self) -> str:
        return f"{self.row}: {self.what}"


@dataclass(frozen=True)
class Verification:
    accounts: int
    findings: list[Finding]


Check = Callable[[], Iterable[Finding]]
_checks: dict[str, Check] = {}


def register_check(name: str, check: Check) -> None:
    """Have `verify_ledger` run `check` too. Registering a name again replaces it (autoreload)."""
    _checks[name] = check


def verify_ledger() -> Verification:
    """Run every check, the accounts' own first. Changes nothing."""
    with _one_moment():
        findings = [
            *_wrong_sums(),
            *_wrong_running_balances(),
            *_wrong_signs(),
            *_booked_twice(),
            *_wrong_welcomes(),
            *_refunds_of_nothing(),
            *_given_to_oneself(),
            *_approvals(),
        ]
        for check in _checks.values():
            findings += check()
        return Verification(accounts=Account.objects.count(), findings=findings)


@contextmanager
def _one_moment() -> Iterator[None]:
    """All checks see the same moment: what is booked between two of them must not look like half of something.

    Not on SQLite, whose only writer would have to wait; nor where the caller's own transaction has begun already.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


_SUMS = """
SELECT a.id, a.credit, COALESCE(SUM(e.amount), 0)
FROM accounts_account a LEFT JOIN accounts_creditentry e ON e.account_id = a.id
GROUP BY a.id, a.credit HAVING a.credit <> COALESCE(SUM(e.amount), 0) OR a.credit < 0
ORDER BY a.id
"""
_RUNNING = """
SELECT account_id, id, balance_after, running FROM (
    SELECT account_id, id, balance_after,
           SUM(amount) OVER (PARTITION BY account_id ORDER BY id ROWS UNBOUNDED PRECEDING) AS running
    FROM accounts_creditentry
) AS lines WHERE balance_after <> running ORDER BY account_id, id
"""
_SIGNS = """
SELECT account_id, id, kind, amount FROM accounts_creditentry
WHERE amount = 0 OR (kind = %s AND amount > 0) OR (kind IN (%s, %s, %s, %s, %s) AND amount < 0)
ORDER BY id
"""
_TWICE = """
SELECT kind, reference, COUNT(*), MAX(account_id) FROM accounts_creditentry
GROUP BY kind, reference HAVING COUNT(*) > 1 ORDER BY kind, reference
"""
_WELCOMES = """
SELECT e.account_id, e.id, e.reference FROM accounts_creditentry e JOIN accounts_account a ON a.id = e.account_id
WHERE e.kind = %s AND e.reference <> 'user:' || CAST(a.user_id AS varchar(20)) ORDER BY e.id
"""
_REFUNDS = """
SELECT r.account_id, r.id, r.amount, COALESCE(-s.amount, 0) FROM accounts_creditentry r
LEFT JOIN accounts_creditentry s ON s.kind = %s AND s.reference = r.reference AND s.account_id = r.account_id
WHERE r.kind = %s AND r.amount > COALESCE(-s.amount, 0) ORDER BY r.id
"""
_TO_ONESELF = """
SELECT e.account_id, e.id, e.amount FROM accounts_creditentry e JOIN accounts_account a ON a.id = e.account_id
WHERE e.kind IN (%s, %s) AND e.reference LIKE %s AND (e.created_by_id IS NULL OR e.created_by_id = a.user_id)
ORDER BY e.id
"""


def entry_row(account_id: int, entry_id: int) -> str:
    return f"account {account_id} entry {entry_id}"


def _wrong_sums() -> Iterator[Finding]:
    for account_id, credit, total in sql.fetch_all(_SUMS):
        yield Finding(f"account {account_id}", f"balance {credit}, entries add up to {total}", account_id)


def _wrong_running_balances() -> Iterator[Finding]:
    for account_id, entry_id, balance_after, running in sql.fetch_all(_RUNNING):
        what = f"balance after {balance_after}, entries so far add up to {running}"
        yield Finding(entry_row(account_id, entry_id), what, account_id)


def _wrong_signs() -> Iterator[Finding]:
    positive = [EntryKind.WELCOME, EntryKind.RATE, EntryKind.REFUND, EntryKind.GRANT, EntryKind.OPENING]
    kinds = [EntryKind.SPEND, *positive]
    for account_id, entry_id, kind, amount in sql.fetch_all(_SIGNS, [str(kind) for kind in kinds]):
        yield Finding(entry_row(account_id, entry_id), f"{kind} of {amount:+d}", account_id)


def _booked_twice() -> Iterator[Finding]:
    for kind, reference, count, account_id in sql.fetch_all(_TWICE):
        yield Finding(f"entries {kind} {reference}", f"booked {count} times", account_id)


def _wrong_welcomes() -> Iterator[Finding]:
    for account_id, entry_id, reference in sql.fetch_all(_WELCOMES, [str(EntryKind.WELCOME)]):
        yield Finding(entry_row(account_id, entry_id), f"welcome credits of {reference}", account_id)


def _refunds_of_nothing() -> Iterator[Finding]:
    for account_id, entry_id, given, spent in sql.fetch_all(_REFUNDS, [str(EntryKind.SPEND), str(EntryKind.REFUND)]):
        what = f"gives back {given}, {spent} were spent under its reference"
        yield Finding(entry_row(account_id, entry_id), what, account_id)


def _given_to_oneself() -> Iterator[Finding]:
    params = [str(EntryKind.GRANT), str(EntryKind.ADJUST), "staff:%"]
    for account_id, entry_id, amount in sql.fetch_all(_TO_ONESELF, params):
        yield Finding(entry_row(account_id, entry_id), f"{amount:+d} by nobody else, and nobody approved", account_id)


def _approvals() -> Iterator[Finding]:
    """What two people decided was booked as they decided it, and nothing else says that they did."""
    decided = Approval.objects.filter(kind__in=list(KINDS), status=ApprovalStatus.APPROVED)
    expected = {f"approval:{approval.public_id}": approval for chunk in by_pk(decided) for approval in chunk}
    entries = CreditEntry.objects.filter(
        kind__in=[EntryKind.GRANT, EntryKind.ADJUST, EntryKind.SPEND], reference__startswith="approval:"
    ).select_related("account")
    for chunk in by_pk(entries):
        for entry in chunk:
            approval = expected.pop(entry.reference, None)
            row = entry_row(entry.account_id, entry.pk)
            if approval is None:
                yield Finding(row, "booked without the approval that it names", entry.account_id)
            elif (entry.account.user_id, entry.amount) != (approval.beneficiary_id, approval.amount):
                yield Finding(row, f"{entry.amount:+d}, approved were {approval.amount:+d}", entry.account_id)
    for approval in expected.values():
        yield Finding(f"approval {approval.public_id}", "approved and never booked")

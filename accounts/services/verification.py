"""The proof that the ledger adds up: every balance, every running balance, from the rows alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from accounts.models import Account
from common import sql


@dataclass(frozen=True)
class Finding:
    """One thing that does not add up; `account_id` and `entry_id` name the rows."""

    account_id: int
    entry_id: int | None
    what: str


@dataclass(frozen=True)
class Verification:
    accounts: int
    findings: list[Finding]


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


def verify_ledger() -> Verification:
    """Compare every account with its entries, in SQL; the findings are ordered by account."""
    return Verification(accounts=Account.objects.count(), findings=[*_wrong_sums(), *_wrong_running_balances()])


def _wrong_sums() -> Iterator[Finding]:
    for account_id, credit, total in sql.fetch_all(_SUMS):
        yield Finding(account_id, None, f"balance {credit}, entries add up to {total}")


def _wrong_running_balances() -> Iterator[Finding]:
    for account_id, entry_id, balance_after, running in sql.fetch_all(_RUNNING):
        yield Finding(account_id, entry_id, f"balance after {balance_after}, entries so far add up to {running}")

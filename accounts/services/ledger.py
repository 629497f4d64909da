"""The only doors to the ledger. Each changes the balance and books the entry in the caller's transaction, or in one
of its own.

Amounts are whole credits. `reference` names the cause (`reservation:<uuid>`): with the kind it is unique for ever, so
the same cause booked twice raises `django.db.IntegrityError` when the unit of work ends, and changes nothing.

The balance is changed by one guarded UPDATE that locks the row; a second spender waits for it and sees what is left.
"""

from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.enums import EntryKind
from accounts.exceptions import AccountDisabled, InsufficientCredits, UnknownAccount
from accounts.models import Account, CreditEntry, Rate, User
from accounts.signals import credits_moved
from common import sql, unit_of_work
from common.errors import Invalid

_MOVE = (
    "UPDATE accounts_account SET credit = credit + %s, updated_at = %s "
    "WHERE user_id = %s AND credit + %s >= 0{guard} RETURNING id, credit"
)
_ACCOUNT_FIELDS = tuple(field.attname for field in Account._meta.concrete_fields)
_RATE_FIELDS = tuple(field.attname for field in Rate._meta.concrete_fields)
_READ = (
    f"SELECT {', '.join([f'a.{name}' for name in _ACCOUNT_FIELDS] + [f'r.{name}' for name in _RATE_FIELDS])} "
    "FROM accounts_account a LEFT JOIN accounts_rate r ON r.id = a.rate_id WHERE a.id = %s"
)
# Names of pharmacies and doctors stand in them: what is too long is cut, and no cause fails for it.
_LABEL_LENGTH: int = CreditEntry._meta.get_field("label").max_length or 0
_ENTRY_COLUMNS = (
    "account_id",
    "amount",
    "balance_after",
    "kind",
    "reference",
    "label",
    "created_by_id",
    "created_at",
    "updated_at",
)


@unit_of_work.unit_of_work()
def spend(user_id: int, credits: int, *, reference: str, label: str = "", by: User | None = None) -> int | None:
    """Take `credits` (≥ 0; nothing is booked for 0, and None returned) from the user's account; the balance after.

    Raises `InsufficientCredits` (402) and `AccountDisabled` (403).
    """
    if credits < 0:
        raise ValueError("a spend is not negative")
    if credits == 0:
        _require_active(user_id)
        return None
    row = _move(user_id, -credits, only_active=True)
    if row is None:
        _require_active(user_id)
        raise InsufficientCredits
    _book(user_id, row, -credits, EntryKind.SPEND, reference, label, by)
    return int(row[1])


@unit_of_work.unit_of_work(begins_late=True)
def spend_from(
    account_id: int, user_id: int, credits: int, *, reference: str, label: str = "", by: User | None = None
) -> Account | None:
    """As `spend`, of at least one credit, for who names the account; the account afterwards, with its rate loaded.

    None, and nothing done, where the account is not this user's. The guarded UPDATE and what is answered are one trip.
    """
    if credits < 1:
        raise ValueError("a spend takes something")
    moved, account = _move_and_read(account_id, user_id, -credits)
    if account is None or account.user_id != user_id:
        return None
    if moved is None:
        raise InsufficientCredits if account.is_active else AccountDisabled
    _book(user_id, moved, -credits, EntryKind.SPEND, reference, label, by)
    return account


def refund(user_id: int, credits: int, *, reference: str, label: str = "", by: User | None = None) -> None:
    """Give `credits` (≥ 0) of an earlier spend back, also to a disabled account: they were paid for."""
    if credits:
        _credit(user_id, credits, EntryKind.REFUND, reference, label, by)


def grant(
    user_id: int, credits: int, *, kind: EntryKind = EntryKind.GRANT, reference: str, label: str = "", by: User | None
) -> None:
    """Add `credits` (> 0): welcome credits, a rate that was paid, a gift of staff."""
    if kind not in (EntryKind.GRANT, EntryKind.RATE, EntryKind.WELCOME):
        raise ValueError(f"{kind} is no grant")
    _credit(user_id, credits, kind, reference, label, by)


@unit_of_work.unit_of_work()
def adjust(user_id: int, credits: int, *, reason: str, reference: str, by: User) -> None:
    """A correction by staff, in either direction, with a reason that the statement shows.

    Raises `Invalid` (no reason, or zero), `InsufficientCredits` (402) below zero, `UnknownAccount` (404).
    """
    if not reason.strip():
        raise Invalid(_("Une correction demande un motif."), code="reason_required")
    if credits == 0:
        raise Invalid(_("Une correction de zéro crédit n'en est pas une."), code="zero_amount")
    row = _move(user_id, credits)
    if row is None:
        raise InsufficientCredits if Account.objects.filter(user_id=user_id).exists() else UnknownAccount
    _book(user_id, row, credits, EntryKind.ADJUST, reference, reason.strip(), by)


@unit_of_work.unit_of_work()
def _credit(user_id: int, credits: int, kind: EntryKind, reference: str, label: str, by: User | None) -> None:
    if credits <= 0:
        raise ValueError("credits to add are positive")
    row = _move(user_id, credits)
    if row is None:
        raise UnknownAccount
    _book(user_id, row, credits, kind, reference, label, by)


def _move(user_id: int, amount: int, *, only_active: bool = False) -> tuple[Any, ...] | None:
    """Change the balance unless it would become negative; (account id, balance) or None where the guard refused."""
    guard = " AND is_active" if only_active else ""
    (rows,) = sql.fetch_prepared((_MOVE.format(guard=guard), [amount, _now(), user_id, amount]))
    return rows[0] if rows else None


def _move_and_read(account_id: int, user_id: int, amount: int) -> tuple[tuple[Any, ...] | None, Account | None]:
    """As `_move` of an active account, and the account with its rate as it then is."""
    move = (
        _MOVE.format(guard=" AND is_active AND id = %s"),
        [amount, _now(), user_id, amount, account_id],
    )
    if connection.vendor != "postgresql":
        (moved,) = sql.fetch_together(move)
        return (moved[0] if moved else None), Account.objects.select_related("rate").filter(pk=account_id).first()
    moved, read = sql.fetch_prepared(move, (_READ, [account_id]))
    account = None
    if read:
        row = read[0]
        account = Account.from_db("default", _ACCOUNT_FIELDS, row[: len(_ACCOUNT_FIELDS)])
        if account.rate_id is not None:
            account.rate = Rate.from_db("default", _RATE_FIELDS, row[len(_ACCOUNT_FIELDS) :])
    return (moved[0] if moved else None), account


def _require_active(user_id: int) -> None:
    if not Account.objects.filter(user_id=user_id, is_active=True).exists():
        raise AccountDisabled


def _book(
    user_id: int,
    row: tuple[Any, ...],
    amount: int,
    kind: EntryKind,
    reference: str,
    label: str,
    by: User | None,
) -> None:
    account_id, balance_after = row
    now, label = _now(), label[:_LABEL_LENGTH]
    unit_of_work.insert(
        "accounts_creditentry",
        _ENTRY_COLUMNS,
        [account_id, amount, balance_after, str(kind), reference, label, by.pk if by else None, now, now],
    )
    credits_moved.send(
        CreditEntry,
        account_id=account_id,
        user_id=user_id,
        kind=kind,
        amount=amount,
        balance_after=balance_after,
        reference=reference,
        by=by,
    )


def _now() -> Any:
    return connection.ops.adapt_datetimefield_value(timezone.now())

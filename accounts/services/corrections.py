"""Credits that staff give, correct or spend for somebody: at once up to `TWO_EYES_CREDITS`, above it once a second
person agrees.

What counts is what one person has moved on one account in a day: ten gifts just below the amount are one above it.
One's own account always takes two.
"""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.approvals import Kind
from accounts.enums import EntryKind
from accounts.exceptions import AccountDisabled, InsufficientCredits, PersonErased
from accounts.models import Account, Approval, CreditEntry, Rate, User
from accounts.selectors import is_anonymous
from accounts.services import ledger
from accounts.services.approvals import request_approval, require_reason
from accounts.signals import rate_given
from common.errors import FieldError, Invalid
from common.money import MAX_CREDITS
from common.unit_of_work import unit_of_work

GRANT, ADJUST, SPEND = "credits.grant", "credits.adjust", "credits.spend"
_WINDOW = timedelta(hours=24)


def grant_credits(account: Account, *, credits: int, reason: str, by: User) -> Approval | None:
    """Give `credits` (1 to 10⁹); the approval where that waits for a second person, None where it is done.

    Raises `Invalid` (400) for a missing reason or another number, `ApprovalPending` (409), `PersonErased` (409).
    """
    if not 0 < credits <= MAX_CREDITS:
        raise _not_so_many()
    return _move(GRANT, account, credits=credits, reason=reason, by=by)


def adjust_credits(account: Account, *, credits: int, reason: str, by: User) -> Approval | None:
    """Correct the balance by `credits` (-10⁹ to 10⁹, not 0); as `grant_credits`, and `InsufficientCredits` (402)."""
    if credits == 0 or abs(credits) > MAX_CREDITS:
        raise _not_so_many()
    return _move(ADJUST, account, credits=credits, reason=reason, by=by)


def spend_for(account: Account, *, credits: int, label: str, by: User) -> Approval | None:
    """Spend `credits` (≥ 1) of somebody else's account; as `adjust_credits`, and `AccountDisabled` (403).

    What staff take this way counts like what they correct: it is the same credits that go.
    """
    if credits < 1:
        raise ValueError("a spend takes something")
    return _move(SPEND, account, credits=-credits, reason=label, by=by)


def give_rate(account: Account, rate: Rate, *, by: User) -> Approval | None:
    """Give the credits of a rate that nobody pays here, and note the rate on the account; otherwise `grant_credits`."""
    return _move(GRANT, account, credits=rate.credits, reason=rate.label, by=by, rate=rate)


def _move(
    kind: str, account: Account, *, credits: int, reason: str, by: User, rate: Rate | None = None
) -> Approval | None:
    reason = require_reason(reason)
    with unit_of_work():
        locked = _lock(account.pk)
        if kind == SPEND and not locked.is_active:
            raise AccountDisabled
        if locked.credit + credits < 0:
            raise InsufficientCredits(str(_("Le compte n'a pas assez de crédits.")))
        if _takes_two(locked, credits, by):
            return request_approval(
                kind,
                subject=f"account:{locked.pk}",
                beneficiary_id=locked.user_id,
                amount=credits,
                parameters={"user": locked.user_id, "credits": credits} | ({"rate": rate.pk} if rate else {}),
                reason=reason,
                by=by,
            )
        _book(kind, locked.user_id, credits, reason=reason, reference=f"staff:{uuid.uuid4()}", by=by)
        if rate is not None:
            _note_rate(locked.user_id, rate, by=by)
    return None


def _lock(account_id: int) -> Account:
    """Raises `PersonErased` (409) where its owner was erased, or an import was taken back that brought them."""
    locked = Account.objects.select_for_update(no_key=True).get(pk=account_id)
    if is_anonymous(locked.user):
        raise PersonErased
    return locked


def _takes_two(account: Account, credits: int, by: User) -> bool:
    alone = CreditEntry.objects.filter(
        account=account,
        created_by=by,
        kind__in=[EntryKind.GRANT, EntryKind.ADJUST, EntryKind.SPEND],
        reference__startswith="staff:",
        created_at__gt=timezone.now() - _WINDOW,
    )
    moved = (alone.aggregate(total=Sum("amount"))["total"] or 0) + credits
    return by.pk == account.user_id or max(abs(credits), abs(moved)) > settings.TWO_EYES_CREDITS


def _book(kind: str, user_id: int, credits: int, *, reason: str, reference: str, by: User) -> None:
    if kind == GRANT:
        ledger.grant(user_id, credits, reference=reference, label=reason, by=by)
    elif kind == SPEND:
        ledger.spend(user_id, -credits, reference=reference, label=reason, by=by)
    else:
        ledger.adjust(user_id, credits, reason=reason, reference=reference, by=by)


def _note_rate(user_id: int, rate: Rate, *, by: User) -> None:
    now = timezone.now()
    Account.objects.filter(user_id=user_id).update(rate=rate, subscribed_at=now, updated_at=now)
    rate_given.send(Account, account=Account.objects.get(user_id=user_id), rate=rate, by=by)


def _execute(approval: Approval, by: User) -> None:
    given = approval.parameters
    _lock(Account.objects.values_list("pk", flat=True).get(user=given["user"]))
    _book(
        approval.kind,
        given["user"],
        given["credits"],
        reason=approval.reason,
        reference=f"approval:{approval.public_id}",
        by=by,
    )
    # Without the rate, where it was withdrawn meanwhile: the credits were promised all the same.
    rate = Rate.objects.filter(pk=given["rate"], is_active=True).first() if "rate" in given else None
    if rate is not None:
        _note_rate(given["user"], rate, by=by)


def _not_so_many() -> Invalid:
    detail = _("De 1 à un milliard de crédits.")
    return Invalid(errors=[FieldError("credits", "out_of_range", detail)])


KINDS = {
    GRANT: Kind(_("Crédits offerts"), "accounts.grant_credits", _execute),
    ADJUST: Kind(_("Correction de crédits"), "accounts.adjust_credits", _execute),
    SPEND: Kind(_("Consommation de crédits"), "accounts.adjust_credits", _execute),
}

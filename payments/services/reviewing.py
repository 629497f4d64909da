"""Staff decide about payments that are held; above `TWO_EYES_XAF` another person agrees first."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.approvals import Kind
from accounts.models import Approval, User
from accounts.services.approvals import request_approval
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from payments.enums import Status
from payments.models import Payment
from payments.services.moves import lock, move
from payments.services.settling import succeed
from payments.services.two_eyes import takes_two

ACCEPT, DISMISS = "payment.accept", "payment.dismiss"


def accept_held(payment: Payment, *, by: User, reason: str = "") -> Payment | Approval:
    """`held → succeeded`: the money is there all the same. Grants the purpose, or makes a refund due.

    The approval where a second person decides first, which needs a reason. Raises `IllegalMove` (409) for a payment
    that is not held, `ApprovalPending` (409), `Invalid` (400).
    """
    return _decide(ACCEPT, payment.pk, by=by, reason=reason)


def dismiss_held(payment: Payment, *, by: User, reason: str = "") -> Payment | Approval:
    """`held → failed`: the money never came. As `accept_held`."""
    return _decide(DISMISS, payment.pk, by=by, reason=reason)


def _decide(kind: str, payment_id: int, *, by: User, reason: str) -> Payment | Approval:
    with unit_of_work():
        locked = _held(payment_id)
        if takes_two(locked, locked.amount, by=by):
            return request_approval(
                kind,
                subject=f"payment:{locked.public_id}",
                beneficiary_id=locked.user_id,
                amount=locked.amount,
                currency=locked.currency,
                parameters={"payment": locked.pk},
                reason=reason,
                by=by,
            )
        _carry_out(kind, locked, by=by)
    return locked


def _carry_out(kind: str, locked: Payment, *, by: User) -> None:
    if kind == ACCEPT:
        succeed(locked, by=by)
    else:
        locked.attempts.update(paid_at=None, updated_at=timezone.now())
        move(locked, Status.FAILED, reason="dismissed_by_staff", by=by)


def _execute(approval: Approval, by: User) -> None:
    _carry_out(approval.kind, _held(approval.parameters["payment"]), by=by)


def _held(payment_id: int) -> Payment:
    locked = lock(payment_id)
    if locked.status != Status.HELD:
        raise IllegalMove
    return locked


KINDS = {
    ACCEPT: Kind(_("Paiement à accepter"), "payments.change_payment", _execute),
    DISMISS: Kind(_("Paiement à écarter"), "payments.change_payment", _execute),
}

"""Staff decide about payments that are held; above `TWO_EYES_XAF` another person agrees first."""

from django.utils.translation import gettext_lazy as _

from accounts.approvals import Kind
from accounts.models import Approval, User
from accounts.services.approvals import lock_waiting, overtake, request_approval
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from payments.enums import Status
from payments.models import Payment
from payments.services.moves import lock
from payments.services.refunds import subject_of
from payments.services.settling import accept, dismiss
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
    subject = subject_of(Payment.objects.only("public_id").get(pk=payment_id))
    with unit_of_work():
        waiting = lock_waiting(subject, [ACCEPT, DISMISS])
        locked = _held(payment_id)
        waiting = waiting or lock_waiting(subject, [ACCEPT, DISMISS])
        if takes_two(locked, locked.amount, by=by):
            return request_approval(
                kind,
                subject=subject,
                beneficiary_id=locked.user_id,
                amount=locked.amount,
                currency=locked.currency,
                parameters={"payment": locked.pk},
                reason=reason,
                by=by,
            )
        if waiting is not None:
            overtake(waiting, by=by)
        _carry_out(kind, locked, by=by)
    return locked


def _carry_out(kind: str, locked: Payment, *, by: User) -> None:
    if kind == ACCEPT:
        accept(locked, by=by)
    else:
        dismiss(locked, by=by)


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

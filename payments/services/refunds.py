"""Money to give back. No gateway here has a refund call: staff send it and note the gateway's reference."""

from django.db.models import Sum

from accounts.models import User
from common.errors import FieldError, Invalid
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from payments.enums import REFUND_MOVES, RefundStatus, Status
from payments.exceptions import RefundTooLarge
from payments.models import Payment, Refund
from payments.signals import refund_moved


def create_due_refund(payment: Payment, *, reason: str) -> Refund | None:
    """What is left of a payment whose purpose is gone; None where all of it is on its way back already.

    The caller holds the payment's row lock.
    """
    left = payment.amount - _given_back(payment)
    return _create(payment, amount=left, status=RefundStatus.DUE, reason=reason, by=None) if left > 0 else None


def request_refund(payment: Payment, *, amount: int, reason: str, by: User) -> Refund:
    """Staff give back all or a part of a payment that succeeded.

    Raises `IllegalMove` (409) for one that did not succeed, `RefundTooLarge` and `Invalid` (400).
    """
    if not reason.strip():
        raise Invalid(errors=[FieldError("reason", "required", Invalid.detail)])
    with unit_of_work():
        locked = Payment.objects.select_for_update(no_key=True).get(pk=payment.pk)
        if locked.status != Status.SUCCEEDED:
            raise IllegalMove
        if amount <= 0 or amount > locked.amount - _given_back(locked):
            raise RefundTooLarge
        return _create(locked, amount=amount, status=RefundStatus.REQUESTED, reason=reason.strip(), by=by)


def kept_amount(purpose: str, purpose_id: str) -> int:
    """What of the money paid for something is not on its way back; locks its payments, so that it stays true."""
    paid = Payment.objects.select_for_update(no_key=True).filter(
        purpose=purpose, purpose_id=purpose_id, status=Status.SUCCEEDED
    )
    return sum(payment.amount - _given_back(payment) for payment in paid.order_by("pk"))


def approve(refund: Refund, *, by: User) -> Refund:
    """`requested | due → approved`."""
    return _move(refund, RefundStatus.APPROVED, by=by, approved_by=by)


def mark_sent(refund: Refund, *, external_reference: str, by: User) -> Refund:
    """`approved → sent`, with the gateway's own reference of the transfer."""
    if not external_reference.strip():
        raise Invalid(errors=[FieldError("external_reference", "required", Invalid.detail)])
    return _move(refund, RefundStatus.SENT, by=by, external_reference=external_reference.strip())


def mark_done(refund: Refund, *, by: User) -> Refund:
    """`sent → done`: the customer has the money."""
    return _move(refund, RefundStatus.DONE, by=by)


def mark_failed(refund: Refund, *, by: User) -> Refund:
    """`sent → failed`: the transfer came back; what is left can be requested again."""
    return _move(refund, RefundStatus.FAILED, by=by)


def _create(payment: Payment, *, amount: int, status: RefundStatus, reason: str, by: User | None) -> Refund:
    refund = Refund.objects.create(
        payment=payment, amount=amount, currency=payment.currency, status=status, reason=reason, requested_by=by
    )
    refund_moved.send(Refund, refund=refund, by=by)
    return refund


def _move(refund: Refund, status: RefundStatus, *, by: User, **fields: object) -> Refund:
    with unit_of_work():
        locked = Refund.objects.select_for_update(no_key=True).get(pk=refund.pk)
        REFUND_MOVES.check(locked.status, status)
        locked.status = status
        for name, value in fields.items():
            setattr(locked, name, value)
        locked.save(update_fields=["status", *fields, "updated_at"])
        refund_moved.send(Refund, refund=locked, by=by)
    return locked


def _given_back(payment: Payment) -> int:
    live = payment.refunds.exclude(status=RefundStatus.FAILED)
    return live.aggregate(total=Sum("amount"))["total"] or 0

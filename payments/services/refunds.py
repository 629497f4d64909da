"""Money to give back. No gateway here has a refund call: staff send it and note the gateway's reference.

Above `TWO_EYES_XAF` another person agrees first (`accounts.services.approvals`). What counts is all that goes back of
one payment: ten small refunds are one large one. So are those that failed: that the transfer came back is only the word
of whoever sent it, who may send it again.
"""

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from accounts.approvals import Kind
from accounts.models import Approval, User
from accounts.services.approvals import lock_waiting, overtake, request_approval, require_reason
from common.errors import FieldError, Invalid
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from payments import purposes
from payments.enums import REFUND_MOVES, RefundStatus, Status
from payments.exceptions import ExternalReferenceTaken, RefundTooLarge
from payments.models import Payment, Refund
from payments.services.moves import lock
from payments.services.two_eyes import takes_two
from payments.signals import refund_moved

REQUEST, APPROVE = "refund.request", "refund.approve"


def create_due_refund(payment: Payment, *, reason: str, at_most: int | None = None) -> Refund | None:
    """What is left of a payment whose purpose is gone; None where all of it is on its way back already.

    The caller holds the payment's row lock.
    """
    left = received(payment) - _given_back(payment)
    left = left if at_most is None else min(left, at_most)
    return _create(payment, amount=left, status=RefundStatus.DUE, reason=reason, by=None) if left > 0 else None


def request_refund(payment: Payment, *, amount: int, reason: str, by: User) -> Refund | Approval:
    """Staff give back all or a part of a payment that succeeded; the approval where a second person decides first.

    Raises `IllegalMove` (409) for one that did not succeed, `RefundTooLarge` and `Invalid` (400), `ApprovalPending`
    (409).
    """
    reason = require_reason(reason)
    with unit_of_work():
        locked = _refundable(payment.pk, amount)
        if takes_two(locked, _ever_begun(locked) + amount, by=by):
            return _ask(REQUEST, locked, amount=amount, parameters={"payment": locked.pk}, reason=reason, by=by)
        return _create(locked, amount=amount, status=RefundStatus.REQUESTED, reason=reason, by=by)


def kept_amount(purpose: str, purpose_id: str) -> int:
    """What of the money paid for something is not on its way back; locks its payments, so that it stays true."""
    paid = Payment.objects.select_for_update(no_key=True).filter(
        purpose=purpose, purpose_id=purpose_id, status=Status.SUCCEEDED
    )
    return sum(received(payment) - _given_back(payment) for payment in paid.order_by("pk"))


def approve(refund: Refund, *, by: User) -> Refund | Approval:
    """`requested | due → approved`; the approval where a second person decides first.

    Who requested it and who approves it are two people already.
    """
    subject = subject_of(refund.payment)
    with unit_of_work():
        waiting = lock_waiting(subject, [APPROVE])
        payment = lock(refund.payment_id)
        waiting = waiting or lock_waiting(subject, [APPROVE])
        locked = _lock(refund)
        REFUND_MOVES.check(locked.status, RefundStatus.APPROVED)
        alone = locked.requested_by_id in (None, by.pk)
        if payment.user_id == by.pk or (alone and takes_two(payment, _ever_begun(payment), by=by)):
            reason = locked.reason
            return _ask(APPROVE, payment, amount=locked.amount, parameters={"refund": locked.pk}, reason=reason, by=by)
        if waiting is not None and waiting.parameters["refund"] == locked.pk:
            overtake(waiting, by=by)
        return _move(locked, RefundStatus.APPROVED, by=by, approved_by=by)


def mark_sent(refund: Refund, *, external_reference: str, by: User) -> Refund:
    """`approved → sent`, with the gateway's own reference of the transfer, which no other refund there has.

    Raises `ExternalReferenceTaken` (409), `Invalid` (400) without one.
    """
    if not external_reference.strip():
        raise Invalid(errors=[FieldError("external_reference", "required", Invalid.detail)])
    with unit_of_work():
        locked = _lock(refund)
        try:
            with transaction.atomic():
                return _move(locked, RefundStatus.SENT, by=by, external_reference=external_reference.strip())
        except IntegrityError as error:
            raise ExternalReferenceTaken from error


def mark_done(refund: Refund, *, by: User) -> Refund:
    """`sent → done`: the customer has the money."""
    with unit_of_work():
        return _move(_lock(refund), RefundStatus.DONE, by=by)


def mark_failed(refund: Refund, *, by: User) -> Refund:
    """`sent → failed`: the transfer came back. What was owed is due again; what staff gave can be requested again."""
    with unit_of_work():
        payment = lock(refund.payment_id)
        failed = _move(_lock(refund), RefundStatus.FAILED, by=by)
        if failed.requested_by_id is None:
            create_due_refund(payment, reason=failed.reason, at_most=failed.amount)
        elif payment.reason == "nothing_to_grant" or not purposes.get(payment.purpose).keeps(payment):
            # Given before what it paid for ended: by then it was on its way, and no refund was due for it.
            create_due_refund(payment, reason="nothing_to_grant", at_most=failed.amount)
        return failed


def received(payment: Payment) -> int:
    """Whole units of its currency that came in for a payment that succeeded; more where attempts were paid twice."""
    return payment.amount * (1 + payment.attempts.filter(is_surplus=True).count())


def subject_of(payment: Payment) -> str:
    """What approvals about a payment, and about what goes back of it, are about: one at a time."""
    return f"payment:{payment.public_id}"


def _refundable(payment_id: int, amount: int) -> Payment:
    locked = lock(payment_id)
    if locked.status != Status.SUCCEEDED:
        raise IllegalMove
    if amount <= 0 or amount > received(locked) - _given_back(locked):
        raise RefundTooLarge
    return locked


def _ask(kind: str, payment: Payment, *, amount: int, parameters: dict[str, int], reason: str, by: User) -> Approval:
    return request_approval(
        kind,
        subject=subject_of(payment),
        beneficiary_id=payment.user_id,
        amount=amount,
        currency=payment.currency,
        parameters=parameters,
        reason=reason,
        by=by,
    )


def _execute_request(approval: Approval, by: User) -> None:
    payment = _refundable(approval.parameters["payment"], approval.amount)
    refund = _create(
        payment,
        amount=approval.amount,
        status=RefundStatus.REQUESTED,
        reason=approval.reason,
        by=approval.requested_by,
    )
    _move(refund, RefundStatus.APPROVED, by=by, approved_by=by)


def _execute_approve(approval: Approval, by: User) -> None:
    refund = Refund.objects.get(pk=approval.parameters["refund"])
    lock(refund.payment_id)
    _move(_lock(refund), RefundStatus.APPROVED, by=by, approved_by=by)


def _create(payment: Payment, *, amount: int, status: RefundStatus, reason: str, by: User | None) -> Refund:
    refund = Refund.objects.create(
        payment=payment,
        provider=payment.provider,
        amount=amount,
        currency=payment.currency,
        status=status,
        reason=reason,
        requested_by=by,
    )
    refund_moved.send(Refund, refund=refund, by=by)
    return refund


def _lock(refund: Refund) -> Refund:
    return Refund.objects.select_for_update(no_key=True).get(pk=refund.pk)


def _move(locked: Refund, status: RefundStatus, *, by: User, **fields: object) -> Refund:
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


def _ever_begun(payment: Payment) -> int:
    return payment.refunds.aggregate(total=Sum("amount"))["total"] or 0


KINDS = {
    REQUEST: Kind(_("Remboursement à demander"), "payments.add_refund", _execute_request),
    APPROVE: Kind(_("Remboursement à approuver"), "payments.change_refund", _execute_approve),
}

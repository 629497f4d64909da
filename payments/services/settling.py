"""What a gateway's report does to a payment: the only place where money becomes something else."""

from django.utils import timezone

from accounts.models import User
from common.unit_of_work import unit_of_work
from payments import purposes
from payments.enums import MOVES, Status
from payments.models import Payment, PaymentAttempt
from payments.providers.base import Outcome, Report
from payments.services.moves import lock, move
from payments.services.refunds import create_due_refund, received

# Why a payment failed that was held, and whose money never came.
DISMISSED = "dismissed_by_staff"


def settle(attempt: PaymentAttempt, report: Report) -> Payment:
    """Apply a report that was asked for, not received. Safe to call twice and from many processes at once.

    A success grants the purpose in the same transaction; where it can no longer be had, the money is due back. So is
    the money of a second attempt at a payment that another one has settled.
    A success about another amount, currency or reference is held for staff, and nothing is granted. A gateway that was
    not reached, or cannot tell, has said nothing about the money: nothing changes; nor does what it says of another
    payment. One that still does not know the payment when it no longer blocks never received it.
    """
    with unit_of_work():
        payment = lock(attempt.payment_id)
        _learn(attempt, report)
        if report.outcome == Outcome.PAID:
            _paid(payment, attempt, report)
        elif report.reference not in ("", attempt.reference) or not _is_newest(attempt):
            # What an earlier attempt became says nothing about the one that is open.
            return payment
        elif report.outcome == Outcome.REFUSED:
            if payment.status in (Status.PENDING, Status.UNKNOWN):
                move(payment, Status.FAILED, reason=report.reason)
        elif report.outcome == Outcome.PENDING and payment.status == Status.UNKNOWN:
            move(payment, Status.PENDING)
        elif report.outcome == Outcome.NOT_FOUND and payment.status == Status.UNKNOWN and not _blocks(payment):
            move(payment, Status.FAILED, reason="never_received")
    return payment


def _blocks(payment: Payment) -> bool:
    return payment.expires_at > timezone.now()


def _is_newest(attempt: PaymentAttempt) -> bool:
    return not PaymentAttempt.objects.filter(payment_id=attempt.payment_id, pk__gt=attempt.pk).exists()


def _learn(attempt: PaymentAttempt, report: Report) -> None:
    """Keep the gateway's own id where the start call never heard it, unless another attempt has it."""
    if not report.provider_id or report.reference != attempt.reference:
        return
    same = PaymentAttempt.objects.filter(provider=attempt.provider, provider_id=report.provider_id)
    if not same.exists():
        PaymentAttempt.objects.filter(pk=attempt.pk, provider_id="").update(
            provider_id=report.provider_id, updated_at=timezone.now()
        )


def is_through(attempt: PaymentAttempt) -> bool:
    """Whether nothing that a gateway says about this attempt can matter any more.

    Not so where another attempt has settled the payment: this one may be paid as well.
    """
    if attempt.payment.status != Status.SUCCEEDED:
        return False
    others = PaymentAttempt.objects.filter(payment_id=attempt.payment_id).exclude(pk=attempt.pk)
    return attempt.paid_at is not None or not others.filter(paid_at__isnull=False).exists()


def _paid(payment: Payment, attempt: PaymentAttempt, report: Report) -> None:
    mismatch = _mismatch(payment, attempt, report)
    if payment.status == Status.SUCCEEDED:
        if not mismatch:
            _paid_again(payment, attempt)
        return
    if payment.status == Status.HELD:
        if not mismatch:
            _paid_beside(payment, attempt)
        return
    if not MOVES.allows(payment.status, Status.SUCCEEDED):
        return
    if mismatch:
        if payment.reason == DISMISSED and payment.attempts.count() == 1:
            # Staff have decided about it, and it can be nothing else; `reconcile_payments` goes on telling of it.
            return
        if MOVES.allows(payment.status, Status.HELD):
            _mark_paid(attempt)
            move(payment, Status.HELD, reason=mismatch)
        return
    _mark_paid(attempt)
    succeed(payment)


def _paid_again(payment: Payment, attempt: PaymentAttempt) -> None:
    """The customer paid another attempt of a payment that is settled: that money is due back."""
    paid = payment.attempts.filter(paid_at__isnull=False)
    if not paid.exists() or paid.filter(pk=attempt.pk).exists():
        return
    _mark_paid(attempt, is_surplus=True)
    create_due_refund(payment, reason="paid_twice", at_most=payment.amount)


def _paid_beside(payment: Payment, attempt: PaymentAttempt) -> None:
    """The customer paid another attempt of a payment that is held: what becomes of it, staff's decision tells."""
    paid = payment.attempts.filter(paid_at__isnull=False)
    if paid.filter(is_surplus=False).exclude(pk=attempt.pk).exists() and not paid.filter(pk=attempt.pk).exists():
        _mark_paid(attempt, is_surplus=True)


def _mark_paid(attempt: PaymentAttempt, *, is_surplus: bool = False) -> None:
    now = timezone.now()
    PaymentAttempt.objects.filter(pk=attempt.pk).update(paid_at=now, is_surplus=is_surplus, updated_at=now)


def dismiss(payment: Payment, *, by: User) -> None:
    """Move a locked payment out of `held`: what it was held for never came. What another attempt has paid did."""
    now = timezone.now()
    payment.attempts.filter(is_surplus=False, paid_at__isnull=False).update(paid_at=None, updated_at=now)
    beside = payment.attempts.filter(is_surplus=True).order_by("paid_at", "id").first()
    if beside is None:
        move(payment, Status.FAILED, reason=DISMISSED, by=by)
        return
    _mark_paid(beside)
    accept(payment, by=by)


def accept(payment: Payment, *, by: User) -> None:
    """`succeed` out of `held`; what other attempts have paid meanwhile is due back."""
    succeed(payment, by=by)
    surplus = received(payment) - payment.amount
    if surplus:
        create_due_refund(payment, reason="paid_twice", at_most=surplus)


def succeed(payment: Payment, *, by: User | None = None) -> None:
    """Move a locked payment to `succeeded` and give what it was for, or note the refund that is due."""
    if not payment.attempts.filter(paid_at__isnull=False).exists():
        _mark_paid(payment.attempts.latest("id"))
    purpose = purposes.get(payment.purpose)
    granted = purpose.can_grant(payment)
    move(payment, Status.SUCCEEDED, reason="" if granted else "nothing_to_grant", by=by)
    if granted:
        purpose.grant(payment)
    else:
        create_due_refund(payment, reason="nothing_to_grant")


def _mismatch(payment: Payment, attempt: PaymentAttempt, report: Report) -> str:
    if report.reference != attempt.reference:
        return "reference_mismatch"
    if report.amount != payment.amount:
        return "amount_mismatch"
    if report.currency != payment.currency:
        return "currency_mismatch"
    return report.objection

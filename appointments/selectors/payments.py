"""How appointments stand with their money."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Count, Q

from appointments.enums import PaidWith, PaymentStatus
from appointments.models import Appointment
from payments.enums import OPEN, RefundStatus
from payments.enums import Status as PaymentState
from payments.models import Payment


def payment_statuses(appointments: Iterable[Appointment]) -> dict[UUID, PaymentStatus]:
    """Each one's status, in one query for all of them."""
    rows = list(appointments)
    live = Count("refunds", filter=~Q(refunds__status__in=[RefundStatus.FAILED, RefundStatus.DONE]))
    done = Count("refunds", filter=Q(refunds__status=RefundStatus.DONE))
    payments = (
        Payment.objects.filter(
            purpose="appointment",
            purpose_id__in=[str(row.public_id) for row in rows],
            status__in=[*OPEN, PaymentState.SUCCEEDED],
        )
        .annotate(due=live, returned=done)
        .values_list("purpose_id", "status", "due", "returned")
    )
    found: dict[str, list[PaymentStatus]] = {}
    for purpose_id, status, due, returned in payments:
        if status != PaymentState.SUCCEEDED:
            standing = PaymentStatus.PENDING
        elif due:
            standing = PaymentStatus.REFUND_DUE
        else:
            standing = PaymentStatus.REFUNDED if returned else PaymentStatus.PAID
        found.setdefault(purpose_id, []).append(standing)
    return {
        row.public_id: _paid_in_credits(row)
        if row.paid_with == PaidWith.CREDITS
        else _standing(row, found.get(str(row.public_id), []))
        for row in rows
    }


def _paid_in_credits(appointment: Appointment) -> PaymentStatus:
    """Whatever becomes of money that came besides: it pays for nothing."""
    return PaymentStatus.REFUNDED if appointment.credits_returned else PaymentStatus.PAID


def _standing(appointment: Appointment, payments: list[PaymentStatus]) -> PaymentStatus:
    for standing in (PaymentStatus.REFUND_DUE, PaymentStatus.PAID, PaymentStatus.REFUNDED, PaymentStatus.PENDING):
        if standing in payments:
            return standing
    return PaymentStatus.UNPAID if appointment.price else PaymentStatus.FREE

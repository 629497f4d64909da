"""Reads that several places share."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from payments.enums import OPEN
from payments.enums import Status as PaymentState
from payments.models import Payment
from reservations.enums import ACTIVE, PaymentStatus, Status
from reservations.models import Reservation, ReservationLine


def held_units(stock_ids: Sequence[int]) -> dict[int, int]:
    """Units of each stock row that unexpired holds keep back; rows without holds are left out."""
    held = (
        ReservationLine.objects.filter(stock_id__in=stock_ids, held_until__gt=timezone.now())
        .values_list("stock_id")
        .annotate(units=Sum("quantity"))
    )
    return {stock_id: units for stock_id, units in held if stock_id is not None}


def payment_statuses(reservations: Iterable[Reservation]) -> dict[UUID, PaymentStatus]:
    """How each reservation stands with its money, in one query for all of them."""
    rows = list(reservations)
    states: dict[str, set[str]] = {}
    interesting = Payment.objects.filter(
        purpose="reservation",
        purpose_id__in=[str(row.public_id) for row in rows],
        status__in=[*OPEN, PaymentState.SUCCEEDED],
    )
    for purpose_id, status in interesting.values_list("purpose_id", "status"):
        states.setdefault(purpose_id, set()).add(status)
    return {row.public_id: _payment_status(row, states.get(str(row.public_id), set())) for row in rows}


def _payment_status(reservation: Reservation, payments: set[str]) -> PaymentStatus:
    if PaymentState.SUCCEEDED in payments:
        kept = reservation.paid_at is not None and reservation.status in (*ACTIVE, Status.COLLECTED)
        return PaymentStatus.PAID if kept else PaymentStatus.REFUND_DUE
    return PaymentStatus.PENDING if payments else PaymentStatus.UNPAID

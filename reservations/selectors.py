"""Reads that several places share."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from payments.enums import OPEN
from payments.enums import Status as PaymentState
from payments.models import Payment
from payments.selectors import with_money
from reservations.enums import ACTIVE, PaymentStatus, Status
from reservations.models import EpgRequest, Reservation, ReservationLine


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
    payments: dict[str, list[Any]] = {}
    interesting = Payment.objects.filter(
        purpose="reservation",
        purpose_id__in=[str(row.public_id) for row in rows],
        status__in=[*OPEN, PaymentState.SUCCEEDED],
    )
    for payment in with_money(interesting):
        payments.setdefault(payment.purpose_id, []).append(payment)
    return {row.public_id: _payment_status(row, payments.get(str(row.public_id), [])) for row in rows}


def pharmacy_reference(reservation: Reservation) -> str:
    """The number under which the pharmacy's own software has it; empty without one. Reads `epg`: select it along."""
    try:
        return reservation.epg.number
    except EpgRequest.DoesNotExist:
        return ""


def kept_since(reservation: Reservation) -> datetime:
    """When the patient's time began: once EPG has confirmed it, or as it was made. Reads `epg`."""
    try:
        return reservation.epg.confirmed_at or reservation.created_at
    except EpgRequest.DoesNotExist:
        return reservation.created_at


def _payment_status(reservation: Reservation, payments: list[Any]) -> PaymentStatus:
    """Money that has gone back to the customer completely is as if it had never come."""
    came = [payment for payment in payments if payment.status == PaymentState.SUCCEEDED]
    if came:
        kept = reservation.paid_at is not None and reservation.status in (*ACTIVE, Status.COLLECTED)
        if kept and sum(payment.received - payment.back for payment in came) > 0:
            return PaymentStatus.PAID
        if sum(payment.received - payment.returned for payment in came) > 0:
            return PaymentStatus.REFUND_DUE
    return PaymentStatus.PENDING if len(payments) > len(came) else PaymentStatus.UNPAID

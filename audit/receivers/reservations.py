"""Reservations: from domain signals to events."""

from typing import Any

from django.dispatch import receiver

from audit.enums import Action
from audit.services import record
from payments.models import Payment
from reservations import signals as reservations
from reservations.enums import EpgStatus, EpgTask
from reservations.enums import Status as ReservationStatus
from reservations.models import EpgRequest, Reservation, ReservationLine


@receiver(reservations.reservation_moved, dispatch_uid="audit.reservation_moved")
def reservation_moved(
    reservation: Reservation, old: ReservationStatus | None, lines: list[ReservationLine] | None, **kwargs: Any
) -> None:
    # What somebody takes is personal, and a reason that somebody typed may tell anything.
    personal: dict[str, Any] = {}
    if lines:
        personal["lines"] = [[line.product_code, line.quantity] for line in lines]
    if reservation.reason:
        personal["reason"] = reservation.reason
    record(
        Action(f"reservation.{reservation.status}"),
        entity="reservation",
        entity_id=reservation.public_id,
        changes={"old": old, "new": reservation.status, "total": reservation.total},
        personal=personal,
    )


@receiver(reservations.reservation_paid, dispatch_uid="audit.reservation_paid")
def reservation_paid(reservation: Reservation, payment: Payment, **kwargs: Any) -> None:
    record(
        Action.RESERVATION_PAID,
        entity="reservation",
        entity_id=reservation.public_id,
        amount=payment.amount,
        changes={"payment": str(payment.public_id)},
    )


@receiver(reservations.epg_request_moved, dispatch_uid="audit.epg_request_moved")
def epg_request_moved(request: EpgRequest, old: EpgStatus, **kwargs: Any) -> None:
    changes: dict[str, Any] = {"old": old, "new": request.status, "number": request.number, "ttc": request.ttc}
    if request.task:
        changes["task"] = request.task
    record(
        Action(f"epg_request.{request.status}"),
        entity="reservation",
        entity_id=request.reservation.public_id,
        changes=changes,
    )


@receiver(reservations.epg_task_closed, dispatch_uid="audit.epg_task_closed")
def epg_task_closed(request: EpgRequest, task: EpgTask, **kwargs: Any) -> None:
    record(
        Action.EPG_TASK_CLOSED,
        entity="reservation",
        entity_id=request.reservation.public_id,
        changes={"task": task, "number": request.number},
    )

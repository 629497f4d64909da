"""The one place where a reservation changes its status, with what follows for its holds, credits and money."""

from datetime import datetime

from django.utils import timezone

from accounts.models import User
from accounts.services import ledger
from catalog.models import Stock
from payments.enums import Status as PaymentState
from payments.models import Payment
from payments.services.refunds import create_due_refund
from reservations.enums import ACTIVE, MOVES, EpgStatus, EpgTask, Status
from reservations.labels import NOT_HONOURED
from reservations.models import EpgRequest, Reservation, ReservationLine
from reservations.signals import reservation_moved

# Before the pharmacy has set the boxes aside, whoever cancels gets the credits back.
_CREDITS_RETURN = {
    Status.REJECTED: ACTIVE,
    Status.CANCELLED: (Status.REQUESTED, Status.CONFIRMED),
    Status.EXPIRED: (Status.REQUESTED,),
}


def lock(reservation_id: int) -> Reservation:
    """The reservation, read again under its row lock."""
    return (
        Reservation.objects.select_for_update(no_key=True, of=("self",))
        .select_related("pharmacy", "user", "epg")
        .get(pk=reservation_id)
    )


def lock_stock(reservation_id: int) -> None:
    """Lock the stock rows of its lines, before the reservation itself: the order of locks everywhere.

    Needed to lower the stock, and to prolong a hold: who reserves meanwhile waits, and then sees the longer hold.
    """
    held = ReservationLine.objects.filter(reservation_id=reservation_id).values("stock_id")
    list(Stock.objects.select_for_update(no_key=True).filter(pk__in=held).order_by("pk").values_list("pk"))


def move(reservation: Reservation, status: Status, *, by: User | None, reason: str = "") -> None:
    """Move a locked reservation, release or keep its holds, return credits, note the refund that is due.

    Raises `IllegalMove` (409) for anything that `MOVES` does not allow.
    """
    MOVES.check(reservation.status, status)
    old = Status(reservation.status)
    reservation.status = status
    if reason:
        reservation.reason = reason[:200]
    reservation.save(update_fields=["status", "reason", "updated_at"])
    if status not in ACTIVE:
        hold(reservation, until=None)
        if status != Status.COLLECTED and old != Status.REQUESTED:
            _have_released(reservation)
    if old in _CREDITS_RETURN.get(status, ()):
        ledger.refund(
            reservation.user_id,
            reservation.credits_charged,
            reference=f"reservation:{reservation.public_id}",
            label=str(NOT_HONOURED) % {"code": reservation.pickup_code},
            by=by,
        )
    if status in _CREDITS_RETURN and reservation.paid_at is not None:
        _refund_payment(reservation)
    reservation_moved.send(Reservation, reservation=reservation, old=old, by=by, lines=None)


def hold(reservation: Reservation, *, until: datetime | None) -> None:
    """Have the lines hold their stock until then; None releases it. What EPG reserves holds none of ours."""
    lines = ReservationLine.objects.filter(reservation=reservation, stock__isnull=False)
    lines.update(held_until=until, updated_at=timezone.now())


def _have_released(reservation: Reservation) -> None:
    """EPG knows no call that gives boxes back: somebody has to tell the pharmacy."""
    now = timezone.now()
    EpgRequest.objects.filter(reservation=reservation, status=EpgStatus.CONFIRMED).update(
        task=EpgTask.RELEASE, task_since=now, updated_at=now
    )


def _refund_payment(reservation: Reservation) -> None:
    paid = Payment.objects.select_for_update(no_key=True).filter(
        purpose="reservation", purpose_id=str(reservation.public_id), status=PaymentState.SUCCEEDED
    )
    for payment in paid:
        create_due_refund(payment, reason=f"reservation_{reservation.status}")

"""What patients and pharmacists do with a reservation after it was made."""

import hmac

from django.db.models import Case, F, Value, When
from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from catalog.models import PharmacyMember, Stock
from common.errors import Forbidden
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from payments.services.refunds import kept_amount
from reservations.enums import MOVES, Status
from reservations.exceptions import PaymentRequired, WrongPickupCode
from reservations.models import Reservation
from reservations.pickup import normalize_pickup_code
from reservations.services.moves import lock, lock_stock, move


def cancel(reservation: Reservation, *, by: User) -> Reservation:
    """The patient, or staff, gives the boxes up. Credits come back until they are ready, paid money is due back."""
    if reservation.user_id != by.pk and not may_cancel(by):
        raise Forbidden
    return _move(reservation, Status.CANCELLED, by=by)


def reject(reservation: Reservation, *, reason: str, by: User) -> Reservation:
    """The pharmacy cannot serve it after all; credits come back, paid money is due back."""
    require_handler(reservation, by)
    return _move(reservation, Status.REJECTED, by=by, reason=reason)


def mark_ready(reservation: Reservation, *, by: User) -> Reservation:
    """The boxes are set aside at the counter."""
    require_handler(reservation, by)
    return _move(reservation, Status.READY, by=by)


def collect(reservation: Reservation, *, pickup_code: str, by: User) -> Reservation:
    """The patient has the boxes: the stock is lowered, the hold ends.

    Raises `WrongPickupCode` (400), `PaymentRequired` and `IllegalMove` (409).
    """
    require_handler(reservation, by)
    if not hmac.compare_digest(normalize_pickup_code(pickup_code).encode(), reservation.pickup_code.encode()):
        raise WrongPickupCode
    with unit_of_work():
        lock_stock(reservation.pk)
        locked = lock(reservation.pk)
        MOVES.check(locked.status, Status.COLLECTED)
        _require_in_time(locked)
        if locked.paid_at is None or kept_amount("reservation", str(locked.public_id)) <= 0:
            raise PaymentRequired
        move(locked, Status.COLLECTED, by=by)
        now = timezone.now()
        for line in locked.lines.all():
            # The shelf has the last word: where a count was wrong, what is left is nothing, not less. As of now: a list
            # that was counted before would bring these boxes back.
            left = Case(When(quantity__gte=line.quantity, then=F("quantity") - line.quantity), default=Value(0))
            Stock.objects.filter(pk__in=[line.stock_id]).update(quantity=left, observed_at=now, updated_at=now)
    return locked


def may_cancel(user: User) -> bool:
    """Whether this person cancels for patients: who handles every reservation, or holds the right for this alone."""
    return user.has_perm("reservations.change_reservation") or user.has_perm("reservations.cancel_reservation")


def require_handler(reservation: Reservation, user: User) -> None:
    """Raise `Forbidden` unless the user works in that pharmacy or holds `reservations.change_reservation`."""
    if user.has_perm("reservations.change_reservation"):
        return
    works_there = PharmacyMember.objects.filter(pharmacy_id=reservation.pharmacy_id, user=user)
    if user.role != Role.PHARMACIST or not works_there.exists():
        raise Forbidden


def _move(reservation: Reservation, status: Status, *, by: User, reason: str = "") -> Reservation:
    with unit_of_work():
        locked = lock(reservation.pk)
        MOVES.check(locked.status, status)
        if status == Status.READY:
            _require_in_time(locked)
        move(locked, status, by=by, reason=reason)
    return locked


def _require_in_time(reservation: Reservation) -> None:
    """An overdue reservation holds nothing any more, even before the sweep has said so."""
    if reservation.expires_at <= timezone.now():
        raise IllegalMove

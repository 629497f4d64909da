"""Reservations whose time is up."""

from django.utils import timezone

from common.unit_of_work import unit_of_work
from payments.services.batches import for_each
from reservations.enums import ACTIVE, Status
from reservations.models import Reservation
from reservations.services.moves import lock, move

BATCH = 200


def expire_overdue() -> int:
    """Expire what was not collected in time, one transaction each. Returns how many.

    Raises `ExceptionGroup` at the end for those that could not: they keep nobody else from expiring.
    """
    expired: list[int] = []

    def expire(pk: int) -> None:
        with unit_of_work():
            reservation = lock(pk)
            # Paid, prolonged or collected since it was found.
            if reservation.status in ACTIVE and reservation.expires_at <= timezone.now():
                move(reservation, Status.EXPIRED, by=None)
                expired.append(pk)

    overdue = Reservation.objects.overdue(timezone.now()).order_by("expires_at")
    for_each(list(overdue.values_list("pk", flat=True)[:BATCH]), expire)
    return len(expired)

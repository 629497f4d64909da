"""Holds whose time is up."""

from collections.abc import Collection

from django.utils import timezone

from appointments.enums import Status
from appointments.models import Appointment
from appointments.services.locks import lock, lock_many
from appointments.services.moves import move
from appointments.services.offers import lapse_offer
from common.unit_of_work import unit_of_work
from payments.services.batches import for_each

BATCH = 200


def expire_overdue() -> int:
    """Expire the holds that nobody paid in time, one transaction each. Returns how many.

    Raises `ExceptionGroup` at the end for those that could not: they keep nobody else from expiring.
    """
    expired: list[int] = []

    def expire(pk: int) -> None:
        with unit_of_work():
            if _expire(lock(pk)):
                expired.append(pk)

    overdue = Appointment.objects.overdue(timezone.now()).order_by("hold_expires_at")
    for_each(list(overdue.values_list("pk", flat=True)[:BATCH]), expire)
    return len(expired)


def expire_holds(appointment_ids: Collection[int]) -> set[int]:
    """Expire these holds inside the caller's unit of work, as far as they are overdue still. Returns which."""
    return {appointment.pk for appointment in lock_many(appointment_ids) if _expire(appointment)}


def _expire(appointment: Appointment) -> bool:
    # Paid, prolonged or given up since it was found.
    if appointment.hold_expires_at is None or appointment.hold_expires_at > timezone.now():
        return False
    lapse_offer(appointment)
    move(appointment, Status.EXPIRED, by=None, returns_charge=True)
    return True

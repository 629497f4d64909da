"""The order of locks, everywhere: the doctor's row, then the patient's, then appointments by their keys.

Exclusion constraints alone refuse overlaps too, but two inserts that wait for one another end in deadlocks; whoever
holds the doctor's row finds out by looking.
"""

from collections.abc import Collection

from accounts.models import User
from appointments.models import Appointment, Practitioner


def lock_practitioner(practitioner_id: int) -> None:
    list(Practitioner.objects.select_for_update(no_key=True).filter(pk=practitioner_id).order_by().values_list("pk"))


def lock_patient(patient_id: int) -> None:
    list(User.objects.select_for_update(no_key=True).filter(pk=patient_id).order_by().values_list("pk"))


def lock(appointment_id: int) -> Appointment:
    """The appointment, read again under its row lock."""
    return lock_many([appointment_id])[0]


def lock_many(appointment_ids: Collection[int]) -> list[Appointment]:
    return list(
        Appointment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("practitioner__user", "patient", "visit_type")
        .filter(pk__in=appointment_ids)
        .order_by("pk")
    )

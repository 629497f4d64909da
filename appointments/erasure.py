"""What appointments keep of a person: times, states and money stay; words about them go, and nothing waits for them."""

from django.db.models import Q

from appointments.enums import EntryStatus
from appointments.models import Appointment, Practitioner, TimeOff, WaitlistEntry
from appointments.services.calendars import revoke_all
from appointments.services.locks import lock_practitioner
from appointments.services.offers import move_entry

# Why somebody was booked beyond the schedule: that there was a reason stays.
_ERASED = "…"


def is_open(user_id: int) -> bool:
    """They are expected, or expect somebody. Takes the lock of their practice: nobody books there meanwhile."""
    for practitioner_id in Practitioner.objects.filter(user_id=user_id).values_list("pk", flat=True):
        lock_practitioner(practitioner_id)
    return Appointment.objects.active().filter(Q(patient_id=user_id) | Q(practitioner__user_id=user_id)).exists()


def erase(user_id: int) -> None:
    """Of a patient all that was said about their visits; of a doctor what presents them and what they noted."""
    theirs = Appointment.objects.filter(patient_id=user_id)
    theirs.exclude(reason="", cancel_reason="", private_notes=b"").update(
        reason="", cancel_reason="", private_notes=b""
    )
    theirs.filter(overbooked=True).update(overbook_reason=_ERASED)
    _erase_practice(user_id)
    waiting = WaitlistEntry.objects.select_for_update(no_key=True).order_by("pk")
    for entry in waiting.filter(patient_id=user_id, status__in=(EntryStatus.WAITING, EntryStatus.OFFERED)):
        move_entry(entry, EntryStatus.LEFT, by=None)
    revoke_all(user_id)


def _erase_practice(user_id: int) -> None:
    """Notes were for the doctor alone: nobody can read them any more."""
    given = Appointment.objects.filter(practitioner__user_id=user_id)
    given.exclude(cancel_reason="", private_notes=b"").update(cancel_reason="", private_notes=b"")
    Practitioner.objects.filter(user_id=user_id).update(bio="", place="", latitude=None, longitude=None)
    TimeOff.objects.filter(practitioner__user_id=user_id).exclude(reason="").update(reason="")

"""Erasing a person from the event log: their events and the proofs stay, the personal values beside them go."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from accounts.models import Account, Approval, TokenFamily, User
from appointments.enums import Status as AppointmentStatus
from appointments.models import Appointment, Practitioner
from audit.models import Event, EventPersonal
from audit.typed import typed_about
from payments.models import Payment, Refund
from reservations.models import Reservation

_CHUNK = 500


def erase(user_id: int) -> None:
    """Delete the personal values of what they did, of what was done to them and theirs, and of what was typed of them.

    While the person's row still says what they are called.
    """
    # Read before anything goes: former names stand in the events of the profile.
    typed = list(typed_about(User.objects.get(pk=user_id)))
    theirs: dict[str, Iterable[object]] = {
        "account": Account.objects.filter(user_id=user_id).values_list("pk", flat=True),
        # Who asks types the reason, and every event of the request repeats it.
        "approval": Approval.objects.filter(Q(beneficiary_id=user_id) | Q(requested_by_id=user_id)).values_list(
            "public_id", flat=True
        ),
        # Why a doctor called one off is about the doctor.
        "appointment": Appointment.objects.filter(
            Q(patient_id=user_id) | Q(practitioner__user_id=user_id, status=AppointmentStatus.CANCELLED)
        ).values_list("public_id", flat=True),
        "practitioner": Practitioner.objects.filter(user_id=user_id).values_list("pk", flat=True),
        "session": TokenFamily.objects.filter(user_id=user_id).values_list("public_id", flat=True),
        "reservation": Reservation.objects.filter(user_id=user_id).values_list("public_id", flat=True),
        "payment": Payment.objects.filter(user_id=user_id).values_list("public_id", flat=True),
        "refund": Refund.objects.filter(payment__user_id=user_id).values_list("public_id", flat=True),
    }
    _forget(Event.objects.filter(actor_kind="user", actor_id=str(user_id)))
    _forget(Event.objects.filter(entity="user", entity_id=str(user_id)))
    for entity, ids in theirs.items():
        _forget(Event.objects.filter(entity=entity, entity_id__in=[str(each) for each in ids]))
    for first in range(0, len(typed), _CHUNK):
        EventPersonal.objects.filter(event_id__in=typed[first : first + _CHUNK]).delete()


def _forget(events: QuerySet[Event]) -> None:
    EventPersonal.objects.filter(event__in=events.values("commitment")).delete()

"""Appointments: from domain signals to events."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from appointments import signals as appointments
from appointments.enums import EntryStatus
from appointments.enums import Status as AppointmentStatus
from appointments.models import Appointment, CalendarFeed, Practitioner, WaitlistEntry
from audit.enums import Action
from audit.services import record
from payments.models import Payment


@receiver(appointments.appointment_changed, dispatch_uid="audit.appointment_changed")
def appointment_changed(appointment: Appointment, old: AppointmentStatus | None, **kwargs: Any) -> None:
    # Why somebody sees a doctor is personal, and so is why they do not, or why they could not wait.
    typed = {
        "reason": appointment.reason,
        "cancel_reason": appointment.cancel_reason,
        "overbook_reason": appointment.overbook_reason,
    }
    changes: dict[str, Any] = {"old": old, "new": appointment.status}
    if old is None:
        changes |= {"practitioner": appointment.practitioner_id, "starts_at": appointment.starts_at}
    if appointment.overbooked:
        changes["overbooked"] = True
    record(
        Action(f"appointment.{appointment.status}"),
        entity="appointment",
        entity_id=appointment.public_id,
        changes=changes,
        personal={name: text for name, text in typed.items() if text},
    )


@receiver(appointments.appointment_rescheduled, dispatch_uid="audit.appointment_rescheduled")
def appointment_rescheduled(appointment: Appointment, old_starts_at: datetime, **kwargs: Any) -> None:
    record(
        Action.APPOINTMENT_RESCHEDULED,
        entity="appointment",
        entity_id=appointment.public_id,
        changes={"old": old_starts_at, "new": appointment.starts_at},
    )


@receiver(appointments.appointment_paid, dispatch_uid="audit.appointment_paid")
def appointment_paid(appointment: Appointment, payment: Payment | None, credits: int, **kwargs: Any) -> None:
    record(
        Action.APPOINTMENT_PAID,
        entity="appointment",
        entity_id=appointment.public_id,
        amount=payment.amount if payment else None,
        changes={"payment": str(payment.public_id)} if payment else {"credits": credits},
    )


@receiver(appointments.appointment_described, dispatch_uid="audit.appointment_described")
def appointment_described(appointment: Appointment, **kwargs: Any) -> None:
    record(Action.APPOINTMENT_DESCRIBED, entity="appointment", entity_id=appointment.public_id)


@receiver(appointments.notes_changed, dispatch_uid="audit.appointment_notes_changed")
def appointment_notes_changed(appointment: Appointment, **kwargs: Any) -> None:
    record(Action.APPOINTMENT_NOTES_CHANGED, entity="appointment", entity_id=appointment.public_id)


@receiver(appointments.entry_changed, dispatch_uid="audit.waitlist_changed")
def waitlist_changed(entry: WaitlistEntry, old: EntryStatus | None, **kwargs: Any) -> None:
    record(
        Action(f"waitlist.{entry.status}"),
        entity="waitlist",
        entity_id=entry.public_id,
        changes={"old": old, "new": entry.status},
    )


@receiver(appointments.feed_changed, dispatch_uid="audit.calendar_changed")
def calendar_changed(feed: CalendarFeed, **kwargs: Any) -> None:
    record(
        Action.CALENDAR_REVOKED if feed.revoked_at else Action.CALENDAR_SHARED,
        entity="calendar",
        entity_id=feed.pk,
        changes={"kind": feed.kind, "with_names": feed.with_names},
    )


@receiver(appointments.practitioner_verified, dispatch_uid="audit.practitioner_verified")
def practitioner_verified(practitioner: Practitioner, is_verified: bool, **kwargs: Any) -> None:
    action = Action.PRACTITIONER_VERIFIED if is_verified else Action.PRACTITIONER_UNLISTED
    record(action, entity="practitioner", entity_id=practitioner.pk)

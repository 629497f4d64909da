"""Mails about appointments, composed when they are sent: the row tells what is true then, and in which language."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from appointments.calendar_file import CONTENT_TYPE, mail_file
from appointments.enums import OfferStatus, Status
from appointments.models import Appointment
from common.mail import Composed
from common.mail.composing import Composer

BOOKED, MOVED, CANCELLED = "appointment_booked", "appointment_moved", "appointment_cancelled"
OFFER, REMINDER = "appointment_offer", "appointment_reminder"
TEMPLATES = (BOOKED, MOVED, CANCELLED, OFFER, REMINDER)

# With which of them the appointment travels as a calendar file.
_WITH_FILE = (BOOKED, MOVED, CANCELLED)
_COMING = (Status.BOOKED, Status.CONFIRMED)


def composer(template: str) -> Composer:
    """What `common.mail` asks for when a mail of this kind is due."""

    def compose(to: str, planned: Composed) -> Composed | None:
        rows = Appointment.objects.select_related("practitioner__user", "patient", "visit_type")
        row = rows.filter(pk=planned.context["appointment"]).first()
        if row is None or not _is_true_still(template, row):
            return None
        files = [("rendez-vous.ics", mail_file(row), CONTENT_TYPE)] if template in _WITH_FILE else []
        return Composed(template, _told(row), row.patient.language, attachments=files)

    return compose


def _is_true_still(template: str, row: Appointment) -> bool:
    """A mail that was overtaken by a later change would only confuse: that change has a mail of its own."""
    now = timezone.now()
    if template == CANCELLED:
        return row.status == Status.CANCELLED
    if template == OFFER:
        live = row.status == Status.HELD and row.hold_expires_at is not None and row.hold_expires_at > now
        return live and row.offer.status == OfferStatus.LIVE
    return row.status in _COMING and row.starts_at > now


def _told(row: Appointment) -> dict[str, Any]:
    """Who, where and when by the doctor's clocks; not what the visit is about, for others may read along."""
    zone = row.practitioner.zone

    def wall(moment: datetime) -> datetime:
        # Naive: a template would convert it to the zone of the house.
        return moment.astimezone(zone).replace(tzinfo=None)

    return {
        "doctor": row.practitioner.user.get_full_name(),
        "visit_type": row.visit_type.name,
        "is_remote": row.visit_type.is_remote,
        "place": row.practitioner.place,
        "starts_at": wall(row.starts_at),
        "zone": row.practitioner.timezone,
        "answer_until": wall(row.hold_expires_at) if row.hold_expires_at else None,
        "reason": row.cancel_reason,
    }

"""Remind patients some hours before, each time once: whoever books later than that needs no reminder."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from appointments import mails
from appointments.enums import Status
from appointments.models import Appointment, Notice
from appointments.services.locks import lock
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work
from payments.services.batches import for_each

BATCH = 500
_COMING = (Status.BOOKED, Status.CONFIRMED)


def send_reminders() -> int:
    """Hand every reminder that is due to the outbox. Returns how many; safe to call twice and at the same time.

    Where none was sent for a while, only the latest one of an appointment is.
    """
    sent = 0
    leads = sorted(settings.APPOINTMENT_REMINDER_HOURS)
    nearest = timedelta(0)
    for hours in leads:
        sent += _send(hours, after=nearest)
        nearest = timedelta(hours=hours)
    return sent


def _send(hours: int, *, after: timedelta) -> int:
    """The reminders of one kind, for what begins in more than `after` and within `hours`."""
    now = timezone.now()
    kind, lead = f"reminder_{hours}h", timedelta(hours=hours)
    sent_already = Notice.objects.filter(appointment=OuterRef("pk"), kind=kind, starts_at=OuterRef("starts_at"))
    due = (
        Appointment.objects.filter(status__in=_COMING, starts_at__gt=now + after, starts_at__lte=now + lead)
        .filter(~Exists(sent_already))
        .order_by("starts_at")
    )
    reminded: list[int] = []

    def remind(pk: int) -> None:
        with unit_of_work():
            if _remind(lock(pk), kind, lead, now):
                reminded.append(pk)

    for_each(list(due.values_list("pk", flat=True)[:BATCH]), remind)
    return len(reminded)


def _remind(appointment: Appointment, kind: str, lead: timedelta, now: datetime) -> bool:
    if appointment.status not in _COMING or not now < appointment.starts_at <= now + lead:
        return False
    _notice, is_new = Notice.objects.get_or_create(
        appointment=appointment, kind=kind, starts_at=appointment.starts_at, sequence=0
    )
    # Fixed so late that it was still in mind when this was due.
    if not is_new or appointment.scheduled_at > appointment.starts_at - lead:
        return False
    send_mail_later(
        to=appointment.patient.email,
        template=mails.REMINDER,
        context={"appointment": appointment.pk},
        language=appointment.patient.language,
        expires_at=appointment.starts_at,
    )
    return True

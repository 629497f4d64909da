"""Tell patients what became of their appointment: after the change, from a mark that the change itself left."""

from django.utils import timezone

from appointments import mails
from appointments.enums import Status
from appointments.models import Appointment, Notice
from appointments.services.locks import lock
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work
from payments.services.batches import for_each

BATCH = 200


def send_notices() -> int:
    """Hand a mail to the outbox for every change that is still to be announced. Returns how many.

    Several changes in a row are one mail about how things stand.
    """
    due = Appointment.objects.filter(notice_due_at__lte=timezone.now()).order_by("notice_due_at")
    return for_each(list(due.values_list("pk", flat=True)[:BATCH]), announce)


def announce(appointment_id: int) -> None:
    """One of them, in its own transaction; nothing where somebody else was faster."""
    with unit_of_work():
        appointment = lock(appointment_id)
        if appointment.notice_due_at is None:
            return
        Appointment.objects.filter(pk=appointment.pk).update(notice_due_at=None)
        template = _template(appointment)
        _notice, is_new = Notice.objects.get_or_create(
            appointment=appointment, kind=template, starts_at=appointment.starts_at, sequence=appointment.sequence
        )
        if is_new:
            send_mail_later(
                to=appointment.patient.email,
                template=template,
                context={"appointment": appointment.pk},
                language=appointment.patient.language,
                expires_at=None if template == mails.CANCELLED else appointment.starts_at,
            )


def _template(appointment: Appointment) -> str:
    if appointment.status == Status.CANCELLED:
        return mails.CANCELLED
    told = Notice.objects.filter(appointment=appointment, kind=mails.BOOKED).exists()
    return mails.MOVED if told else mails.BOOKED

"""Mails about appointments: each told once, in the patient's language, with a file for the calendar."""

from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone
from icalendar import Calendar

from accounts.tests.factories import make_user
from appointments.enums import Status
from appointments.models import Appointment, Notice
from appointments.services.handling import cancel
from appointments.services.notices import send_notices
from appointments.services.offering import offer_due
from appointments.services.reminding import send_reminders
from appointments.services.rescheduling import reschedule
from appointments.tests.factories import at, make_appointment, make_entry, make_practitioner
from common.mail.delivery import deliver_due
from common.models import Mail

pytestmark = pytest.mark.django_db


def posted():
    """What reaches people when the outbox is emptied."""
    mail.outbox.clear()
    deliver_due()
    return list(mail.outbox)


def booked(**fields):
    return make_appointment(notice_due_at=timezone.now(), **fields)


def test_confirmation_brings_a_calendar_file():
    doctor = make_practitioner(place="Cabinet du port", timezone="Europe/Paris")
    row = booked(practitioner=doctor, starts_at=at(9, zone="Europe/Paris"), reason="Grossesse")

    assert (send_notices(), send_notices()) == (1, 0)
    (message,) = posted()

    assert message.to == [row.patient.email]
    assert message.subject == "Votre rendez-vous est pris"
    assert "à 09:00 (heure locale, Europe/Paris)" in message.body
    assert "Cabinet du port" in message.body
    assert "Grossesse" not in message.body + str(message.attachments)
    ((name, content, media_type),) = message.attachments
    assert (name, media_type) == ("rendez-vous.ics", "text/calendar; charset=utf-8")
    (event,) = Calendar.from_ical(content).walk("VEVENT")
    assert event["dtstart"].dt == row.starts_at
    assert Notice.objects.get().kind == "appointment_booked"


def test_mail_is_in_the_patients_language():
    booked(patient=make_user(language="en"))
    send_notices()
    (message,) = posted()
    assert message.subject == "Your appointment is booked"
    assert message.extra_headers["Content-Language"] == "en"


def test_change_and_cancellation_are_told_and_what_was_overtaken_is_not():
    row = booked()
    send_notices()
    assert [message.subject for message in posted()] == ["Votre rendez-vous est pris"]
    reschedule(row, starts_at=at(11), by=row.patient)
    send_notices()
    cancel(row, reason="Le médecin est souffrant", by=row.practitioner.user)
    send_notices()

    (message,) = posted()

    assert message.subject == "Votre rendez-vous est annulé"
    assert "Le médecin est souffrant" in message.body
    (event,) = Calendar.from_ical(message.attachments[0][1]).walk("VEVENT")
    assert (event["status"], event["sequence"]) == ("CANCELLED", 2)
    assert sorted(Mail.objects.values_list("state", flat=True)) == ["dropped", "sent", "sent"]


def test_offer_tells_until_when():
    doctor = make_practitioner()
    entry = make_entry(doctor)
    row = make_appointment(practitioner=doctor)
    cancel(row, by=row.patient)
    offer_due()
    (message,) = [message for message in posted() if message.to == [entry.patient.email]]
    until = Appointment.objects.get(status="held").hold_expires_at.astimezone(doctor.zone)
    assert message.subject == "Un créneau se libère pour vous"
    assert f"avant {until:%H:%M}" in message.body


def remindable(hours, *, minutes=0, fixed_days_ago=5, **fields):
    now = timezone.now()
    return make_appointment(
        starts_at=now + timedelta(hours=hours, minutes=minutes),
        scheduled_at=now - timedelta(days=fixed_days_ago),
        **fields,
    )


def test_each_reminder_is_sent_once():
    near, far = remindable(1), remindable(23)
    remindable(25)
    remindable(1, status=Status.CANCELLED)
    remindable(1, status=Status.HELD)

    assert (send_reminders(), send_reminders()) == (2, 0)

    assert {message.to[0] for message in posted()} == {near.patient.email, far.patient.email}
    assert sorted(Notice.objects.values_list("kind", flat=True)) == ["reminder_24h", "reminder_2h"]


def test_day_later_the_second_reminder_follows():
    row = remindable(23)
    send_reminders()
    Notice.objects.update(starts_at=timezone.now() + timedelta(hours=1))
    Appointment.objects.update(
        starts_at=Notice.objects.get().starts_at,
        ends_at=timezone.now() + timedelta(hours=2),
        blocked_from=timezone.now(),
        blocked_until=timezone.now() + timedelta(hours=3),
    )
    assert send_reminders() == 1
    assert [message.to for message in posted()] == [[row.patient.email]] * 2


def test_no_reminder_of_what_was_fixed_later_than_that():
    remindable(20, fixed_days_ago=0)
    assert send_reminders() == 0
    assert posted() == []


def test_moved_appointment_is_recalled_at_its_new_time():
    row = remindable(20)
    send_reminders()
    new = timezone.now() + timedelta(hours=22)
    Appointment.objects.update(
        starts_at=new, ends_at=new + timedelta(minutes=30), blocked_until=new + timedelta(hours=1)
    )
    assert send_reminders() == 1
    assert row.notices.count() == 2


def test_hours_of_reminders_are_a_setting(settings):
    settings.APPOINTMENT_REMINDER_HOURS = [48]
    remindable(40)
    assert send_reminders() == 1
    assert Notice.objects.get().kind == "reminder_48h"


def test_reminder_overtaken_by_a_cancellation_is_not_sent():
    row = remindable(1)
    send_reminders()
    cancel(row, by=row.practitioner.user)
    assert posted() == []


def test_command_says_what_it_did(capsys):
    remindable(1)
    call_command("send_reminders")
    assert capsys.readouterr().out == "1 reminders handed to the outbox\n"

"""Appointments as iCalendar (RFC 5545): a feed to subscribe to, and the file in a mail.

An event tells who meets whom, when and where, never what the visit is about. Its UID never changes, its SEQUENCE grows
with every revision, and a cancelled one stays in, marked: programmes then take it out by themselves.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from icalendar import Calendar, Event

from appointments.enums import FeedKind, Status
from appointments.models import Appointment, CalendarFeed

PRODUCT = "-//Toc Toc Medoc//FR"
# How far a feed looks back, and how many events it tells at most.
BACK = timedelta(days=90)
MOST = 1_000
CONTENT_TYPE = "text/calendar; charset=utf-8"

_SHOWN = (Status.BOOKED, Status.CONFIRMED, Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED)


def feed_file(feed: CalendarFeed, now: datetime) -> bytes:
    """The whole feed, in its owner's language: the same bytes as long as nothing changes."""
    rows = Appointment.objects.chosen().filter(status__in=_SHOWN, starts_at__gt=now - BACK)
    if feed.kind == FeedKind.DOCTOR:
        rows = rows.filter(practitioner__user_id=feed.user_id)
    else:
        rows = rows.filter(patient_id=feed.user_id)
    # The farthest future first: what does not fit is the past.
    found = rows.select_related("practitioner__user", "patient", "visit_type").order_by("-starts_at", "-pk")[:MOST]
    events = [_event(row, for_doctor=feed.kind == FeedKind.DOCTOR, with_names=feed.with_names) for row in found]
    name = _("Mes consultations") if feed.kind == FeedKind.DOCTOR else _("Mes rendez-vous médicaux")
    return _calendar(events, method="PUBLISH", name=name)


def mail_file(appointment: Appointment) -> bytes:
    """One appointment as its patient's mail programme takes it over."""
    return _calendar([_event(appointment, for_doctor=False, with_names=False)], method="PUBLISH")


def _calendar(events: Iterable[Event], *, method: str, name: str = "") -> bytes:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    if name:
        calendar.add("x-wr-calname", name)
    for event in events:
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _event(row: Appointment, *, for_doctor: bool, with_names: bool) -> Event:
    event = Event()
    event.add("uid", f"{row.public_id}@{urlsplit(settings.PUBLIC_URL).hostname}")
    event.add("sequence", row.sequence)
    # When this revision was made, not when the file was: the bytes are the same at every look.
    changed = row.updated_at.astimezone(UTC).replace(microsecond=0)
    event.add("dtstamp", changed)
    event.add("last-modified", changed)
    event.add("dtstart", row.starts_at.astimezone(UTC))
    event.add("dtend", row.ends_at.astimezone(UTC))
    event.add("summary", _summary(row, for_doctor=for_doctor, with_names=with_names))
    event.add("status", "CANCELLED" if row.status == Status.CANCELLED else "CONFIRMED")
    event.add("class", "PRIVATE")
    if row.visit_type.is_remote:
        event.add("location", _("À distance"))
    elif row.practitioner.place:
        event.add("location", row.practitioner.place)
    return event


def _summary(row: Appointment, *, for_doctor: bool, with_names: bool) -> str:
    if not for_doctor:
        return _("Rendez-vous chez %(doctor)s") % {"doctor": row.practitioner.user.get_full_name()}
    return f"{row.visit_type.name} – {row.patient.get_full_name()}" if with_names else row.visit_type.name

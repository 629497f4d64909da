"""Appointments that the schedule no longer has room for: a change of hours drops nobody, it is settled by hand."""

from datetime import datetime

from django.utils import timezone

from appointments.models import Appointment, Practitioner
from appointments.selectors import free, schedules
from appointments.selectors.schedules import Practice
from appointments.slots import is_open

MOST = 500


def conflicts(practitioner: Practitioner, *, now: datetime | None = None) -> list[Appointment]:
    """The coming active appointments that lie outside of the hours or in an absence, soonest first.

    What was overbooked on purpose is where it is meant to be.
    """
    now = now or timezone.now()
    rows = list(
        Appointment.objects.active()
        .filter(practitioner=practitioner, starts_at__gt=now, overbooked=False)
        .select_related("patient", "visit_type", "practitioner__user")
        .order_by("starts_at")[:MOST]
    )
    if not rows:
        return []
    practices = {each.visit_type_id: each for each in free.practices([practitioner.pk], any_type=True)}
    found = schedules.load(list(practices.values()), rows[0].starts_at, rows[-1].ends_at)
    return [row for row in rows if not _fits(row, practices[row.visit_type_id], found, now)]


def _fits(row: Appointment, practice: Practice, found: schedules.Loaded, now: datetime) -> bool:
    return is_open(found.schedule(practice, now), practice.visit, row.starts_at)

"""Schedules of one doctor or a hundred, read by the same statements in one round trip."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from appointments.enums import ACTIVE
from appointments.models.people import MAX_BUFFER, MAX_VISIT
from appointments.slots import DAY, Hours, Interval, Schedule, Visit
from catalog import holidays
from catalog.holidays import Corrections
from common import sql

# No appointment further away than this can touch another one.
REACH = timedelta(minutes=MAX_VISIT + 2 * MAX_BUFFER)

_HOURS = """
SELECT h.practitioner_id, h.weekday, h.opens, h.closes, h.valid_from, h.valid_until, t.visittype_id
FROM appointments_workinghours h
LEFT JOIN appointments_workinghours_visit_types t ON t.workinghours_id = h.id
WHERE h.practitioner_id IN ({ids})
"""
_OFF = """
SELECT practitioner_id, starts_at, ends_at FROM appointments_timeoff
WHERE practitioner_id IN ({ids}) AND ends_at > %s AND starts_at < %s
"""
_BUSY = """
SELECT practitioner_id, blocked_from, blocked_until, id, hold_expires_at FROM appointments_appointment
WHERE practitioner_id IN ({ids}) AND starts_at > %s AND starts_at < %s
  AND status IN ({active}) AND NOT overbooked
"""


@dataclass(frozen=True, slots=True)
class Practice:
    """What the schedule of a practitioner for one type of visit needs to know of both."""

    practitioner_id: int
    visit_type_id: int
    zone: ZoneInfo
    country: str
    works_on_holidays: bool
    grid: timedelta
    visit: Visit

    def holidays(self, corrected: Corrections) -> Callable[[date], bool]:
        return (lambda day: False) if self.works_on_holidays else holidays.holiday_test(self.country, corrected)


@dataclass(frozen=True, slots=True)
class Booked:
    """An active row that blocks its doctor's time; `hold_expires_at` is set where it is only held."""

    id: int
    interval: Interval
    hold_expires_at: datetime | None

    def is_overdue(self, now: datetime) -> bool:
        return self.hold_expires_at is not None and self.hold_expires_at <= now


@dataclass(frozen=True, slots=True)
class Loaded:
    """The rows behind the schedules, by practitioner; hours with the type of visit they are good for, or None."""

    hours: Mapping[int, Sequence[tuple[int | None, Hours]]]
    off: Mapping[int, Sequence[Interval]]
    booked: Mapping[int, Sequence[Booked]]
    corrected: Corrections

    def schedule(self, practice: Practice, now: datetime) -> Schedule:
        """Holds that are overdue block nothing any more."""
        key = practice.practitioner_id
        return Schedule(
            zone=practice.zone,
            grid=practice.grid,
            hours=[row for type_id, row in self.hours.get(key, ()) if type_id in (None, practice.visit_type_id)],
            off=self.off.get(key, ()),
            busy=[row.interval for row in self.booked.get(key, ()) if not row.is_overdue(now)],
            is_holiday=practice.holidays(self.corrected),
        )


def statements(practitioner_ids: Sequence[int], since: datetime, until: datetime) -> tuple[tuple[str, list[Any]], ...]:
    """The four statements whose rows `loaded` reads."""
    ids = sql.placeholders(len(practitioner_ids))
    return (
        (_HOURS.format(ids=ids), list(practitioner_ids)),
        (_OFF.format(ids=ids), [*practitioner_ids, at(since), at(until + REACH)]),
        (
            _BUSY.format(ids=ids, active=sql.placeholders(len(ACTIVE))),
            [*practitioner_ids, at(since - REACH), at(until + REACH), *map(str, ACTIVE)],
        ),
        # Days of any zone, and those whose hours reach into these.
        holidays.statement((since - 2 * DAY).date(), (until + 2 * DAY).date()),
    )


def loaded(
    hours: Iterable[tuple[Any, ...]],
    off: Iterable[tuple[Any, ...]],
    busy: Iterable[tuple[Any, ...]],
    corrected: Iterable[tuple[Any, ...]],
) -> Loaded:
    by_hours: dict[int, list[tuple[int | None, Hours]]] = {}
    for key, weekday, opens, closes, valid_from, valid_until, visit_type_id in hours:
        row = Hours(weekday, opens, closes, valid_from, valid_until)
        by_hours.setdefault(key, []).append((visit_type_id, row))
    by_off: dict[int, list[Interval]] = {}
    for key, starts_at, ends_at in off:
        by_off.setdefault(key, []).append((moment(starts_at), moment(ends_at)))
    by_booked: dict[int, list[Booked]] = {}
    for key, begin, end, pk, expires in busy:
        booked = Booked(pk, (moment(begin), moment(end)), moment(expires) if expires else None)
        by_booked.setdefault(key, []).append(booked)
    return Loaded(by_hours, by_off, by_booked, holidays.corrections(corrected))


def load(practices: Sequence[Practice], since: datetime, until: datetime) -> Loaded:
    """The rows of many practices for one stretch of time: one round trip, however many they are."""
    if not practices:
        return Loaded({}, {}, {}, {})
    ids = sorted({practice.practitioner_id for practice in practices})
    return loaded(*sql.fetch_together(*statements(ids, since, until)))


def at(value: datetime) -> Any:
    """A moment as a parameter of a statement written by hand."""
    return connection.ops.adapt_datetimefield_value(value)


def moment(value: datetime) -> datetime:
    """A moment as a statement written by hand returns it: SQLite's is UTC without saying so."""
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)

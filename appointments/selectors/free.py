"""Free slots as they are asked for: of one doctor, of many, the next few."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.utils import timezone

from appointments.clock import day_bounds
from appointments.models import VisitType
from appointments.selectors import schedules
from appointments.selectors.schedules import Loaded, Practice
from appointments.slots import DAY, Visit, free_slots
from common import sql

# Alternatives are looked for in the next days first, then in what remains of two months.
SOON, LATER = timedelta(days=14), timedelta(days=62)

_FIELDS = (
    "practitioner_id",
    "pk",
    "practitioner__timezone",
    "practitioner__country",
    "practitioner__works_on_holidays",
    "practitioner__grid_minutes",
    "minutes",
    "buffer_before",
    "buffer_after",
)
_PRACTICE = """
SELECT p.id, v.id, p.timezone, p.country, p.works_on_holidays, p.grid_minutes,
       v.minutes, v.buffer_before, v.buffer_after
FROM appointments_practitioner p JOIN appointments_visittype v ON v.practitioner_id = p.id
WHERE p.id = %s AND v.id = %s
"""


class Slot(NamedTuple):
    """A free slot: its start in UTC, and what it belongs to. A hundred doctors have tens of thousands of them."""

    start: datetime
    practice: Practice

    @property
    def practitioner_id(self) -> int:
        return self.practice.practitioner_id

    @property
    def visit_type_id(self) -> int:
        return self.practice.visit_type_id

    @property
    def starts_at(self) -> datetime:
        """By the practitioner's clocks."""
        return self.start.astimezone(self.practice.zone)

    @property
    def ends_at(self) -> datetime:
        return (self.start + self.practice.visit.length).astimezone(self.practice.zone)


def practices(
    practitioner_ids: Sequence[int], visit_type_id: int | None = None, *, any_type: bool = False
) -> list[Practice]:
    """Every active type of visit of these practitioners, or the one that is named; with `any_type` also old ones."""
    types = VisitType.objects.filter(practitioner_id__in=practitioner_ids)
    if not any_type:
        types = types.filter(is_active=True)
    if visit_type_id is not None:
        types = types.filter(pk=visit_type_id)
    return [_practice(row) for row in types.order_by("practitioner_id", "pk").values_list(*_FIELDS)]


def first_of_each(found: Sequence[Practice]) -> list[Practice]:
    """The first type of visit of every practitioner: what a search across doctors is about."""
    first: dict[int, Practice] = {}
    for practice in found:
        first.setdefault(practice.practitioner_id, practice)
    return list(first.values())


def _practice(row: tuple[Any, ...]) -> Practice:
    pk, type_id, zone, country, holidays, grid, *visit = row
    length, before, after = (timedelta(minutes=minutes) for minutes in visit)
    return Practice(
        pk, type_id, ZoneInfo(zone), country, bool(holidays), timedelta(minutes=grid), Visit(length, before, after)
    )


def slots(found: Sequence[Practice], *, since: datetime, until: datetime) -> list[Slot]:
    """Every free slot of these practices from now on, in order of time; two queries, however many they are."""
    now = timezone.now()
    since = max(since, now)
    rows = schedules.load(found, since, until)
    free = [slot for practice in found for slot in free_of(practice, rows, since, until, now)]
    free.sort(key=itemgetter(0))
    return free


def first_free(found: Sequence[Practice], *, since: datetime, until: datetime) -> list[Slot]:
    """The first free slot of each practice that has one, the earliest first."""
    now = timezone.now()
    since = max(since, now)
    rows = schedules.load(found, since, until)
    first = [next(free_of(practice, rows, since, until, now), None) for practice in found]
    return sorted((slot for slot in first if slot is not None), key=itemgetter(0))


def available_on(found: Sequence[Practice], day: date) -> set[int]:
    """The practitioners with a free slot on a day of their own calendar."""
    now = timezone.now()
    begin = datetime.combine(day, datetime.min.time(), UTC)
    rows = schedules.load(found, begin - DAY, begin + 2 * DAY)
    free = set()
    for practice in found:
        since, until = day_bounds(day, practice.zone)
        if practice.practitioner_id not in free and any(free_of(practice, rows, max(since, now), until, now)):
            free.add(practice.practitioner_id)
    return free


def alternatives(practitioner_id: int, visit_type_id: int, after: datetime, *, count: int = 3) -> list[datetime]:
    """The next `count` free slots after a moment, in the practitioner's zone: one bounded query, seldom a second."""
    now = timezone.now()
    since = max(after, now) + timedelta(seconds=1)
    found: list[datetime] = []
    for reach in (SOON, LATER):
        until = since + reach
        practice_rows, *rows = sql.fetch_prepared(
            (_PRACTICE, [practitioner_id, visit_type_id]), *schedules.statements([practitioner_id], since, until)
        )
        if not practice_rows:
            return []
        practice = _practice(practice_rows[0])
        free = free_of(practice, schedules.loaded(*rows), since, until, now)
        found = [slot.starts_at for slot in islice(free, count)]
        if len(found) == count:
            break
    return found


def free_of(practice: Practice, rows: Loaded, since: datetime, until: datetime, now: datetime) -> Iterator[Slot]:
    """The free slots of one practice among loaded rows, as lazy as their reader."""
    starts = free_slots(rows.schedule(practice, now), practice.visit, since=since, until=until)
    return (Slot(start, practice) for start in starts)

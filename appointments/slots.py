"""What is free: computed from hours, absences, holidays, buffers and what is booked. Pure: no database, no clock.

All moments are aware and in UTC. A slot starts on the grid of the hours it lies in (their opening and every
`grid` minutes of elapsed time after it), the visit ends before they close and touches no absence; the visit with its
buffers touches nothing that is booked. Buffers may reach beyond the hours.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from zoneinfo import ZoneInfo

from appointments.clock import instant

DAY = timedelta(days=1)
# The longest stretch of time that is computed in one go.
MAX_DAYS = 62

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Hours:
    """Local opening and closing time on one weekday; a closing at midnight is the end of the day."""

    weekday: int
    opens: time
    closes: time
    valid_from: date | None = None
    valid_until: date | None = None

    def on(self, day: date, zone: ZoneInfo) -> Interval | None:
        """The instants between which they are good on `day`; None where they are not."""
        if day.weekday() != self.weekday:
            return None
        if (self.valid_from and day < self.valid_from) or (self.valid_until and day > self.valid_until):
            return None
        closes = instant(day + DAY, time(0), zone) if self.closes == time(0) else instant(day, self.closes, zone)
        opens = instant(day, self.opens, zone)
        return (opens, closes) if opens < closes else None


@dataclass(frozen=True, slots=True)
class Visit:
    """How long a visit takes, with the pauses around it."""

    length: timedelta
    before: timedelta = timedelta(0)
    after: timedelta = timedelta(0)

    def at(self, start: datetime) -> Interval:
        return start, start + self.length

    def blocked(self, start: datetime) -> Interval:
        return start - self.before, start + self.length + self.after


@dataclass(frozen=True, slots=True)
class Schedule:
    """When one practitioner receives for one type of visit. `off` and `busy` are half-open intervals."""

    zone: ZoneInfo
    grid: timedelta
    hours: Sequence[Hours]
    off: Sequence[Interval] = ()
    busy: Sequence[Interval] = ()
    is_holiday: Callable[[date], bool] = field(default=lambda day: False)

    def openings(self, day: date) -> list[Interval]:
        """The hours of a local day, holidays heeded and absences not, in order."""
        if self.is_holiday(day):
            return []
        return sorted({found for hours in self.hours if (found := hours.on(day, self.zone))})


def overlaps(one: Interval, other: Interval) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def free_slots(schedule: Schedule, visit: Visit, *, since: datetime, until: datetime) -> Iterator[datetime]:
    """The starts (UTC, in order, each once) of the free slots with `since` ≤ start < `until`; as lazy as its reader."""
    busy, off = _Taken(schedule.busy), _Taken(schedule.off)
    first, end = since.timestamp(), until.timestamp()
    length, before, after = (int(each.total_seconds()) for each in (visit.length, visit.before, visit.after))
    step = int(schedule.grid.total_seconds())
    previous = None
    day, last = (each.astimezone(schedule.zone).date() for each in (since, until))
    while day <= last:
        # Seconds since the epoch: a hundred doctors have tens of thousands of slots in two weeks.
        grids = [
            range(int(opens.timestamp()), int(closes.timestamp()) - length + 1, step)
            for opens, closes in schedule.openings(day)
        ]
        for start in grids[0] if len(grids) == 1 else merge(*grids):
            if start == previous or not first <= start < end:
                continue
            if (off and off.touches(start, start + length)) or (
                busy and busy.touches(start - before, start + length + after)
            ):
                continue
            previous = start
            yield datetime.fromtimestamp(start, UTC)
        day += DAY


class _Taken:
    """Intervals, asked in the order of time whether they touch another one."""

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._merged: list[tuple[float, float]] = []
        for opens, closes in sorted((begin.timestamp(), end.timestamp()) for begin, end in intervals):
            if self._merged and opens <= self._merged[-1][1]:
                self._merged[-1] = (self._merged[-1][0], max(self._merged[-1][1], closes))
            else:
                self._merged.append((opens, closes))
        self._next = 0

    def __bool__(self) -> bool:
        return self._next < len(self._merged)

    def touches(self, begin: float, end: float) -> bool:
        """`begin` never decreases from one question to the next."""
        while self._next < len(self._merged) and self._merged[self._next][1] <= begin:
            self._next += 1
        return self._next < len(self._merged) and self._merged[self._next][0] < end


def is_open(schedule: Schedule, visit: Visit, start: datetime) -> bool:
    """Whether the whole visit lies within the hours and outside of every absence, on the grid or not."""
    wanted = visit.at(start)
    if any(overlaps(absence, wanted) for absence in schedule.off):
        return False
    return any(opens <= wanted[0] and wanted[1] <= closes for opens, closes in _openings_around(schedule, start))


def is_on_grid(schedule: Schedule, visit: Visit, start: datetime) -> bool:
    """Whether a slot could start then: for a start that `is_open`."""
    return any(
        opens <= start and start + visit.length <= closes and (start - opens) % schedule.grid == timedelta(0)
        for opens, closes in _openings_around(schedule, start)
    )


def _openings_around(schedule: Schedule, start: datetime) -> list[Interval]:
    return schedule.openings(start.astimezone(schedule.zone).date())

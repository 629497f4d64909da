"""A practitioner's days as a receptionist reads them: closed, free, booked, off, in the order of the clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from appointments.clock import day_bounds
from appointments.enums import Status
from appointments.models import Appointment, Practitioner, TimeOff
from appointments.selectors import schedules
from appointments.selectors.free import Slot, free_of
from appointments.selectors.schedules import Practice

# Over, but part of the day.
_SHOWN = (Status.HELD, Status.BOOKED, Status.CONFIRMED, Status.COMPLETED, Status.NO_SHOW)


@dataclass(frozen=True)
class Start:
    """A free slot: when by the practitioner's clocks (naive), and as everybody says it (with its offset)."""

    starts_at: datetime
    at: str


@dataclass(frozen=True)
class Segment:
    """A stretch of a day: `free` with its slots, `booked` with its appointment, or `off`.

    Times are the practitioner's, and naive: no template may convert them to its own zone.
    """

    kind: str
    starts_at: datetime
    ends_at: datetime
    slots: Sequence[Start] = ()
    appointment: Appointment | None = None
    reason: str = ""


@dataclass(frozen=True)
class Day:
    day: date
    hours: Sequence[tuple[datetime, datetime]]
    is_holiday: bool
    segments: list[Segment] = field(default_factory=list)


def days(practitioner: Practitioner, practice: Practice | None, first: date, *, count: int = 7) -> list[Day]:
    """`count` local days from `first` on: a fixed number of queries. Without a practice nothing is free."""
    zone, now = practitioner.zone, timezone.now()
    since, until = day_bounds(first, zone)[0], day_bounds(first + timedelta(days=count - 1), zone)[1]
    rows = schedules.load([practice] if practice else [], since, until)
    booked = list(
        Appointment.objects.filter(
            practitioner=practitioner, starts_at__gte=since, starts_at__lt=until, status__in=_SHOWN
        )
        .select_related("patient", "visit_type")
        .order_by("starts_at")
    )
    off = list(TimeOff.objects.filter(practitioner=practitioner, starts_at__lt=until, ends_at__gt=since))
    return [
        _day(first + timedelta(days=number), practitioner, practice, rows, booked, off, now) for number in range(count)
    ]


def _day(
    day: date,
    practitioner: Practitioner,
    practice: Practice | None,
    rows: schedules.Loaded,
    booked: Sequence[Appointment],
    off: Sequence[TimeOff],
    now: datetime,
) -> Day:
    zone = practitioner.zone
    begin, end = day_bounds(day, zone)
    segments = [
        Segment("booked", _wall(row.starts_at, zone), _wall(row.ends_at, zone), appointment=row)
        for row in booked
        if begin <= row.starts_at < end and not (row.hold_expires_at and row.hold_expires_at <= now)
    ]
    segments += [
        Segment("off", _wall(max(row.starts_at, begin), zone), _wall(min(row.ends_at, end), zone), reason=row.reason)
        for row in off
        if row.starts_at < end and row.ends_at > begin
    ]
    if practice is None:
        return Day(day, [], is_holiday=False, segments=sorted(segments, key=_order))
    found = list(free_of(practice, rows, max(begin, now), end, now))
    schedule = rows.schedule(practice, now)
    openings = [(_wall(opens, zone), _wall(closes, zone)) for opens, closes in schedule.openings(day)]
    segments += _grouped(found, segments)
    return Day(day, openings, is_holiday=schedule.is_holiday(day), segments=sorted(segments, key=_order))


def _grouped(found: Sequence[Slot], others: Sequence[Segment]) -> list[Segment]:
    """Free slots between which nothing else begins are one stretch."""
    starts = sorted(segment.starts_at for segment in others)
    groups: dict[int, list[Slot]] = {}
    for slot in found:
        begun = sum(start <= slot.starts_at.replace(tzinfo=None) for start in starts)
        groups.setdefault(begun, []).append(slot)
    return [
        Segment(
            "free",
            group[0].starts_at.replace(tzinfo=None),
            group[-1].ends_at.replace(tzinfo=None),
            slots=[Start(slot.starts_at.replace(tzinfo=None), slot.starts_at.isoformat()) for slot in group],
        )
        for group in groups.values()
    ]


def _order(segment: Segment) -> tuple[datetime, datetime]:
    return segment.starts_at, segment.ends_at


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)

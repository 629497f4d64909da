"""Who is open, and who is on duty, at an instant: as conditions on pharmacies, and told for a page of them.

Hours are local (`TIME_ZONE`). A pharmacy is open while its hours say so (on holidays those for holidays, without which
it is closed), while it is on duty, or always. Hours of the day before may reach past midnight.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from catalog.enums import Day, HoursStatus
from catalog.holidays import between
from catalog.models import MINUTES_OF_A_DAY, DutyPeriod, OpeningHours, Pharmacy

_ONE_DAY = timedelta(days=1)
# How far ahead the end of an opening is looked for; who has no end until then is as good as always open.
_DAYS_AHEAD = 7

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Opening:
    """A pharmacy at an instant. `is_open` is None where its hours are not known and it is not on duty.

    `open_until` is the end of the opening, duty and hours that follow each other taken together; None where it is
    closed or never closes. `surcharge` is the pharmacy's for serving on duty, in whole units of `currency`.
    """

    is_open: bool | None
    open_until: datetime | None = None
    is_on_duty: bool = False
    surcharge: int | None = None
    currency: str | None = None


UNKNOWN = Opening(None)


def listed() -> QuerySet[Pharmacy]:
    """The pharmacies that patients are shown."""
    return Pharmacy.objects.filter(is_active=True, is_listed=True)


def on_duty(pharmacies: QuerySet[Pharmacy], instant: datetime) -> QuerySet[Pharmacy]:
    """Those of `pharmacies` that are on duty at `instant`, which never closing counts as."""
    return pharmacies.filter(Q(always_open=True) | Q(_has_duty(instant)))


def open_at(pharmacies: QuerySet[Pharmacy], instant: datetime) -> QuerySet[Pharmacy]:
    """Those of `pharmacies` that are known to be open at `instant`."""
    here = timezone.localtime(instant)
    today, yesterday = here.date(), here.date() - _ONE_DAY
    holidays = between(yesterday, today)
    minute = here.hour * 60 + here.minute
    hours = OpeningHours.objects.filter(
        Q(day=_day(today, holidays), opens__lte=minute, closes__gt=minute)
        | Q(day=_day(yesterday, holidays), closes__gt=minute + MINUTES_OF_A_DAY),
        pharmacy=OuterRef("pk"),
    )
    return pharmacies.filter(Q(always_open=True) | Q(Exists(hours)) | Q(_has_duty(instant)))


def openings(pharmacy_ids: Sequence[int], instant: datetime) -> dict[int, Opening]:
    """What there is to tell of each pharmacy at `instant`; three queries for any number of them, one more for none."""
    pharmacies = Pharmacy.objects.filter(pk__in=pharmacy_ids).order_by()
    return openings_of(list(pharmacies.values_list("pk", "always_open", "hours_status")), instant)


def openings_of(pharmacies: Sequence[tuple[int, bool, str]], instant: datetime) -> dict[int, Opening]:
    """As `openings`, of pharmacies of which `pk`, `always_open` and `hours_status` are known already."""
    ids = [pk for pk, _always, _status in pharmacies]
    if not ids:
        return {}
    duties: defaultdict[int, list[DutyPeriod]] = defaultdict(list)
    ahead = instant + _DAYS_AHEAD * _ONE_DAY
    for duty in DutyPeriod.objects.filter(pharmacy_id__in=ids, ends_at__gt=instant, starts_at__lte=ahead):
        duties[duty.pharmacy_id].append(duty)
    hours: defaultdict[int, list[OpeningHours]] = defaultdict(list)
    for row in OpeningHours.objects.filter(pharmacy_id__in=ids):
        hours[row.pharmacy_id].append(row)
    first = timezone.localtime(instant).date() - _ONE_DAY
    days = [first + number * _ONE_DAY for number in range(_DAYS_AHEAD + 2)]
    holidays = between(days[0], days[-1])
    return {
        pk: _opening(instant, always_open, status, duties[pk], _intervals(hours[pk], days, holidays))
        for pk, always_open, status in pharmacies
    }


def _opening(
    instant: datetime, always_open: bool, status: str, duties: Iterable[DutyPeriod], hours: Iterable[Interval]
) -> Opening:
    now = [duty for duty in duties if duty.starts_at <= instant]
    # Of turns that overlap, the dearer surcharge is what a patient has to reckon with.
    dearest = max(now, key=lambda duty: duty.surcharge, default=None)
    surcharge, currency = (dearest.surcharge, dearest.currency) if dearest else (None, None)
    is_on_duty = always_open or dearest is not None
    if always_open:
        return Opening(True, None, is_on_duty, surcharge, currency)
    end = _end([*hours, *((duty.starts_at, duty.ends_at) for duty in duties)], instant)
    if end is None:
        knows = status in (HoursStatus.READ, HoursStatus.ENTERED)
        return Opening(False if knows else None)
    until = None if end > instant + _DAYS_AHEAD * _ONE_DAY else end
    return Opening(True, until, is_on_duty, surcharge, currency)


def _end(intervals: Iterable[Interval], instant: datetime) -> datetime | None:
    """When what is open at `instant` closes, following on whatever begins before; None where nothing is open."""
    end: datetime | None = None
    for begins, ends in sorted(intervals):
        if begins <= (end or instant) and ends > (end or instant):
            end = ends
    return end


def _intervals(hours: Iterable[OpeningHours], days: Iterable[date], holidays: frozenset[date]) -> Iterable[Interval]:
    hours = list(hours)
    for day in days if hours else ():
        kind = _day(day, holidays)
        midnight = datetime.combine(day, time())
        for row in hours:
            if row.day == kind:
                yield tuple(  # type: ignore[misc]
                    timezone.make_aware(midnight + timedelta(minutes=minutes)) for minutes in (row.opens, row.closes)
                )


def _has_duty(instant: datetime) -> Exists:
    return Exists(DutyPeriod.objects.filter(pharmacy=OuterRef("pk"), starts_at__lte=instant, ends_at__gt=instant))


def _day(day: date, holidays: frozenset[date]) -> int:
    return int(Day.HOLIDAY) if day in holidays else day.weekday()

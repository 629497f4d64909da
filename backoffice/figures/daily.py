"""Counting days that are over: by the sweep, once, and again where something of such a day changes after all."""

from collections.abc import Collection
from datetime import date, datetime, timedelta

from django.dispatch import receiver
from django.utils import timezone

from audit.models import Archive, Seal
from backoffice.figures.sources import ONE_DAY, SOURCES, Counted, Source, days_between
from backoffice.models import DailyFigure
from common import sql
from common.unit_of_work import unit_of_work
from payments.enums import Status
from payments.models import Payment
from payments.signals import payment_moved

# A row carries the time at which it was made, and is seen once its transaction ends: no transaction lasts this long.
PATIENCE = timedelta(hours=1)
# At once, of a source: a sweep has other work too.
MOST_DAYS = 40
# Beyond this nobody's range reaches.
MOST_DAYS_BACK = 400


def count_due() -> int:
    """Count the days that are over and not counted yet, the newest first; days of unsettled rows wait.

    One query a source where nothing is due.
    """
    today = timezone.localdate(timezone.now() - PATIENCE)
    counted = 0
    for source in SOURCES.values():
        first = max(today - MOST_DAYS_BACK * ONE_DAY, countable_from(source))
        known = known_days(source, first, today)
        missing = [day for day in days_between(first, today - ONE_DAY) if day not in known]
        waiting = source.open_days() if missing else set()
        due = [day for day in missing if day not in waiting][-MOST_DAYS:]
        if due:
            counted += count_days(source, due)
    return counted


@unit_of_work()
def count_days(source: Source, days: Collection[date], *, anew: bool = False) -> int:
    """Write down what these days hold, in one query; those that are written down already only `anew`.

    Nobody reopens or counts the source's days meanwhile: what is written is what was true.
    """
    _keep_others_out(source)
    rows = DailyFigure.objects.filter(source=source.name, day__in=days)
    if anew:
        rows.delete()
    else:
        days = set(days) - set(rows.values_list("day", flat=True))
    DailyFigure.objects.bulk_create(
        [
            DailyFigure(source=source.name, day=item.day, key="|".join(item.key), count=item.count, amount=item.amount)
            for item in _counted(source, days)
        ]
    )
    return len(days)


def known_days(source: Source, first: date, last: date) -> set[date]:
    """The days that are counted."""
    rows = DailyFigure.objects.filter(source=source.name, key="", day__range=(first, last))
    return set(rows.values_list("day", flat=True))


def reopen(source: Source, moment: datetime) -> None:
    """A row of that moment changes after all: its day is counted anew, once this transaction is over."""
    day = timezone.localdate(moment)
    if day < timezone.localdate():
        # Whoever counts holds this as well: it either sees our change, or is undone here.
        _keep_others_out(source)
        DailyFigure.objects.filter(source=source.name, day=day).delete()


@receiver(payment_moved, dispatch_uid="backoffice.late_money")
def late_money(payment: Payment, old: Status | None, **kwargs: object) -> None:
    # Of a held one, too: it may have come back from failed between looking which days wait and counting them.
    if old in (Status.FAILED, Status.EXPIRED, Status.HELD):
        reopen(SOURCES["payments"], payment.created_at)


def countable_from(source: Source) -> date:
    """The first day whose rows are all there: of archived events only the figures are left."""
    archived = Archive.objects.order_by("-last_seal").first() if source.name == "events" else None
    if archived is None:
        return date.min
    return timezone.localdate(Seal.objects.get(number=archived.last_seal).sealed_at) + ONE_DAY


def recount(since: date, *, only_check: bool = False) -> tuple[int, int]:
    """Count every counted day from `since` on again; how many there were, and how many were not as written down."""
    seen = differing = 0
    for source in SOURCES.values():
        known = sorted(known_days(source, max(since, countable_from(source)), timezone.localdate()))
        for start in range(0, len(known), MOST_DAYS):
            with unit_of_work():
                _keep_others_out(source)
                # Late money may have reopened some of them meanwhile: those are counted when they are due.
                written = _written(source, known[start : start + MOST_DAYS])
                true = _by_day(_counted(source, written))
                wrong = [day for day in written if written[day] != true[day]]
                if wrong and not only_check:
                    count_days(source, wrong, anew=True)
            seen, differing = seen + len(written), differing + len(wrong)
    return seen, differing


def _keep_others_out(source: Source) -> None:
    """Until this transaction ends nobody else counts or reopens days of the source."""
    sql.one_at_a_time(f"figures:{source.name}")


def _counted(source: Source, days: Collection[date]) -> list[Counted]:
    """A row a day and group, and a day's total."""
    totals = {day: [0, 0] for day in days}
    found = source.count(days)
    for item in found:
        totals[item.day][0] += item.count
        totals[item.day][1] += item.amount
    return [
        *(found if source.keys else []),
        *(Counted(day, (), count, amount) for day, (count, amount) in totals.items()),
    ]


def _written(source: Source, days: Collection[date]) -> dict[date, set[Counted]]:
    rows = DailyFigure.objects.filter(source=source.name, day__in=days)
    return _by_day(
        [
            Counted(day, tuple(key.split("|")) if key else (), count, amount)
            for day, key, count, amount in rows.values_list("day", "key", "count", "amount")
        ]
    )


def _by_day(rows: list[Counted]) -> dict[date, set[Counted]]:
    days: dict[date, set[Counted]] = {}
    for row in rows:
        days.setdefault(row.day, set()).add(row)
    return days

"""The figures of a range of days: what was counted, and the open days as they stand."""

from collections.abc import Iterable
from datetime import date

from django.db.models import Q

from backoffice.figures.sources import SOURCES, Counted, days_between
from backoffice.models import DailyFigure


def read(names: Iterable[str], first: date, last: date) -> dict[str, list[Counted]]:
    """By source, what each day from `first` to `last` holds, a row a group.

    One query for what was counted, and one a source that has open days among these; today always is one.
    """
    names = list(names)
    counted: dict[str, list[Counted]] = {name: [] for name in names}
    known: dict[str, set[date]] = {name: set() for name in names}
    rows = DailyFigure.objects.filter(source__in=names, day__range=(first, last))
    for name, day, key, count, amount in rows.values_list("source", "day", "key", "count", "amount"):
        if not key:
            known[name].add(day)
        if key or not SOURCES[name].keys:
            counted[name].append(Counted(day, tuple(key.split("|")) if key else (), count, amount))
    for name in names:
        open_days = [day for day in days_between(first, last) if day not in known[name]]
        counted[name] += SOURCES[name].count(open_days)
    return counted


def read_only(name: str, only: Q, first: date, last: date) -> list[Counted]:
    """As `read`, of a part of one source, counted from its rows."""
    return SOURCES[name].count(days_between(first, last), only)

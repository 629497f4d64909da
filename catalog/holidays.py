"""Which days are public holidays: one calendar for pharmacies and practitioners (ADR 30).

The official calendar of a country is the package's, movable feasts included. In the country of the site
(`PHONE_REGION`) staff correct it by the table `Holiday`: days that were decreed, days of it on which people work.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import holidays
from django.conf import settings
from django.db import connection

from catalog.models import Holiday

# Day → whether it is one.
Corrections = Mapping[date, bool]

_CORRECTIONS = "SELECT date, is_observed FROM catalog_holiday WHERE date BETWEEN %s AND %s"


def between(first: date, last: date) -> frozenset[date]:
    """The holidays of the site's country from `first` to `last`: one query."""
    rows = Holiday.objects.filter(date__range=(first, last)).values_list("date", "is_observed")
    is_holiday = holiday_test(str(settings.PHONE_REGION), dict(rows))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return frozenset(filter(is_holiday, days))


def statement(first: date, last: date) -> tuple[str, list[Any]]:
    """What to ask for along with others; `corrections` reads its rows."""
    adapt = connection.ops.adapt_datefield_value
    return _CORRECTIONS, [adapt(first), adapt(last)]


def corrections(rows: Iterable[tuple[Any, ...]]) -> Corrections:
    return {day: bool(is_observed) for day, is_observed in rows}


def holiday_test(country: str, corrected: Corrections) -> Callable[[date], bool]:
    """A function that says whether a day is a public holiday in a country (ISO 3166)."""
    decided = corrected if country == settings.PHONE_REGION else {}
    return lambda day: decided[day] if day in decided else day in _official(country, day.year)


def is_known(country: str) -> bool:
    """Whether there is a calendar for the country."""
    return country in holidays.list_supported_countries()


@lru_cache(maxsize=256)
def _official(country: str, year: int) -> frozenset[date]:
    """None for a country that the package does not know: there, only what staff enter."""
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()

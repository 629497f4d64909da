"""Public holidays by country, from the `holidays` package: movable feasts included."""

from collections.abc import Callable
from datetime import date
from functools import lru_cache

import holidays


@lru_cache(maxsize=256)
def _of_year(country: str, year: int) -> frozenset[date]:
    """None for a country that the package does not know: its practitioners enter their absences themselves."""
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()


def holiday_test(country: str) -> Callable[[date], bool]:
    """A function that says whether a day is a public holiday in a country (ISO 3166)."""
    return lambda day: day in _of_year(country, day.year)


def is_known(country: str) -> bool:
    """Whether there is a calendar for the country."""
    return country in holidays.list_supported_countries()

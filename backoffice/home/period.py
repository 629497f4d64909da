"""The days that the home page shows."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.figures.sources import ONE_DAY, days_between, midnight

# The names of the lists' own filter (`common.admin.filters`), and how many days each shows.
PRESETS = {"today": 1, "week": 7, "month": 30}
LABELS = {
    "today": gettext_lazy("Aujourd'hui"),
    "week": gettext_lazy("7 jours"),
    "month": gettext_lazy("30 jours"),
}
MOST_DAYS = 366
_DEFAULT = "month"


@dataclass(frozen=True)
class Period:
    """From `first` to `last`, both days included; `preset` is empty for days that somebody chose."""

    first: date
    last: date
    preset: str = ""

    @property
    def days(self) -> list[date]:
        return days_between(self.first, self.last)

    @property
    def title(self) -> str:
        if self.first == self.last:
            return date_format(self.first, "DATE_FORMAT")
        return _("du %(first)s au %(last)s") % {
            "first": date_format(self.first, "DATE_FORMAT"),
            "last": date_format(self.last, "DATE_FORMAT"),
        }

    def query(self, field: str, **filters: Any) -> str:
        """The part after `?` of the address of a list that shows these days of `field`, and `filters`."""
        days: dict[str, Any] = {"period": self.preset}
        if not self.preset:
            days = {
                f"{field}__gte": midnight(self.first).isoformat(),
                f"{field}__lt": midnight(self.last + ONE_DAY).isoformat(),
            }
        return urlencode({**filters, **days}, doseq=True)


def of(preset: str) -> Period:
    """Up to today."""
    today = timezone.localdate()
    return Period(today - timedelta(days=PRESETS[preset] - 1), today, preset)


def asked(request: HttpRequest) -> tuple[Period, str]:
    """What the address asks for (`period`, or `from` and `to`), and what is wrong with it, or nothing."""
    given = request.GET
    if not (given.get("from") or given.get("to")):
        return of(given["period"] if given.get("period") in PRESETS else _DEFAULT), ""
    try:
        first, last = date.fromisoformat(given.get("from", "")), date.fromisoformat(given.get("to", ""))
    except ValueError:
        return of(_DEFAULT), _("Choisissez un premier et un dernier jour.")
    if first > last:
        return of(_DEFAULT), _("Le premier jour vient après le dernier.")
    last = min(last, timezone.localdate())
    if first > last:
        return of(_DEFAULT), _("Ces jours sont encore à venir.")
    if (last - first).days >= MOST_DAYS or first.year < 2000:
        return of(_DEFAULT), _("Au plus %(days)d jours à la fois.") % {"days": MOST_DAYS}
    return Period(first, last), ""

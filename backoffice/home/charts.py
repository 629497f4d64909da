"""What the charts of the home page draw (Chart.js, which unfold brings along), and the same as a table."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.enums import EntryKind
from audit.enums import Action
from backoffice.figures.sources import Counted
from backoffice.home.cards import Figures, keyed
from backoffice.home.money import OUTCOMES
from backoffice.home.period import Period
from reservations.enums import Status as ReservationStatus

# Told apart in both themes, and by those who do not see red and green.
_TEAL, _BLUE, _AMBER, _RED, _GREY, _VIOLET, _PINK = (
    "#0d9488",
    "#3b82f6",
    "#f59e0b",
    "#dc2626",
    "#94a3b8",
    "#8b5cf6",
    "#ec4899",
)
_RESERVATION_COLOURS = {
    ReservationStatus.REQUESTED: _AMBER,
    ReservationStatus.CONFIRMED: _BLUE,
    ReservationStatus.READY: _VIOLET,
    ReservationStatus.COLLECTED: _TEAL,
    ReservationStatus.REJECTED: _RED,
    ReservationStatus.CANCELLED: _PINK,
    ReservationStatus.EXPIRED: _GREY,
}
_TEXT = "#7a828f"


@dataclass(frozen=True)
class Series:
    label: str
    colour: str
    values: list[int]


@dataclass(frozen=True)
class Chart:
    """`kind` is `bar` (stacked) or `line`; `days` are the labels, one a value of each series."""

    title: str
    kind: str
    days: list[str]
    series: Sequence[Series]

    @property
    def data(self) -> str:
        return json.dumps(
            {
                "labels": self.days,
                "datasets": [
                    {
                        "label": series.label,
                        "data": series.values,
                        "borderColor": series.colour,
                        "backgroundColor": series.colour,
                        "borderWidth": 2 if self.kind == "line" else 0,
                        "pointRadius": 2 if len(self.days) == 1 else 0,
                        "tension": 0.3,
                        "maxBarThickness": 32,
                    }
                    for series in self.series
                ],
            }
        )

    @property
    def options(self) -> str:
        stacked = self.kind == "bar"
        ticks = {"color": _TEXT, "maxRotation": 0, "autoSkip": True, "maxTicksLimit": 8}
        return json.dumps(
            {
                "animation": False,
                "locale": get_language() or "fr",
                "responsive": True,
                "maintainAspectRatio": False,
                "interaction": {"mode": "index", "intersect": False},
                "plugins": {
                    "legend": {
                        "position": "bottom",
                        "labels": {"color": _TEXT, "boxWidth": 8, "boxHeight": 8, "usePointStyle": True},
                    }
                },
                "scales": {
                    "x": {"stacked": stacked, "ticks": ticks, "grid": {"display": False}},
                    "y": {
                        "stacked": stacked,
                        "beginAtZero": True,
                        "ticks": {**ticks, "maxTicksLimit": 5, "precision": 0},
                        "grid": {"lineWidth": 1, "tickWidth": 0},
                        "border": {"display": False},
                    },
                },
            }
        )

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        """The same as a table, the newest day first: for those who read rather than look."""
        table = zip(self.days, zip(*(series.values for series in self.series), strict=True), strict=True)
        return [(day, list(values)) for day, values in table][::-1]


def charts(figures: Figures, period: Period) -> list[Chart]:
    """As far as `figures` has what they draw."""
    days = [date_format(day, "d/m") for day in period.days]

    def series(label: Any, colour: str, rows: Iterable[Counted], value: Callable[[Counted], int] = _count) -> Series:
        by_day = dict.fromkeys(period.days, 0)
        for row in rows:
            by_day[row.day] += value(row)
        return Series(str(label), colour, list(by_day.values()))

    drawn: list[Chart] = []
    activity = []
    if "events" in figures:
        activity.append(series(_("Connexions"), _TEAL, keyed(figures["events"], Action.USER_SIGNED_IN.value)))
        activity.append(series(_("Vérifications"), _BLUE, keyed(figures["events"], Action.AVAILABILITY_CHECKED.value)))
    if "people" in figures:
        activity.append(series(_("Comptes créés"), _AMBER, figures["people"]))
    if activity:
        drawn.append(Chart(_("Activité"), "line", days, activity))
    if "reservations" in figures:
        by_status = [
            series(status.label, _RESERVATION_COLOURS[status], keyed(figures["reservations"], status.value))
            for status in ReservationStatus
        ]
        drawn.append(Chart(_("Réservations par état"), "bar", days, [each for each in by_status if any(each.values)]))
    if "payments" in figures:
        outcomes = [
            series(label, colour, [row for row in figures["payments"] if row.key[1] in statuses])
            for (label, statuses), colour in zip(OUTCOMES, (_TEAL, _RED, _AMBER), strict=True)
        ]
        drawn.append(Chart(_("Paiements par issue"), "bar", days, outcomes))
    if "credits" in figures:
        sold, spent = (keyed(figures["credits"], kind.value) for kind in (EntryKind.RATE, EntryKind.SPEND))
        credits = [
            series(_("Crédits achetés"), _TEAL, sold, lambda row: row.amount),
            series(_("Crédits consommés"), _VIOLET, spent, lambda row: -row.amount),
        ]
        drawn.append(Chart(_("Crédits"), "line", days, credits))
    return [chart for chart in drawn if any(any(each.values) for each in chart.series)]


def _count(row: Counted) -> int:
    return row.count

"""The figures of a range of days, each with the list it stands for. Who may not see the list sees no figure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from accounts.enums import EntryKind
from appointments.enums import Status as AppointmentStatus
from audit.enums import Action
from backoffice.figures.reading import read, read_only
from backoffice.figures.sources import SOURCES, Counted
from backoffice.home.period import Period
from catalog.own_pharmacies import own_pharmacies
from reservations.enums import Status as ReservationStatus

Figures = dict[str, list[Counted]]


@dataclass(frozen=True)
class Part:
    """One of the groups that a card's number is made of."""

    label: Any
    value: int
    url: str


@dataclass(frozen=True)
class Card:
    """One number of the range, what of it is today's, the list that shows its rows, and what it is made of."""

    title: Any
    icon: str
    value: int
    today: int
    url: str
    detail: Any = ""
    has_parts: bool = False
    parts: Sequence[Part] = field(default=())


def figures_for(request: HttpRequest, period: Period) -> Figures:
    """Of the sources that this person may see: all rows, or those of their own pharmacies."""
    visible = [name for name, source in SOURCES.items() if may_see(request, source.model)]
    # Whoever sees reservations without the named permission sees those of their own pharmacies.
    own = "reservations" in visible and not request.user.has_perm("reservations.view_reservation")  # type: ignore[union-attr]
    found = read([name for name in visible if not (own and name == "reservations")], period.first, period.last)
    if own:
        mine = Q(pharmacy__in=own_pharmacies(request))
        found["reservations"] = read_only("reservations", mine, period.first, period.last)
    return found


def cards(figures: Figures, period: Period) -> list[Card]:
    """The old panel's six figures and the appointments, as far as `figures` has them."""
    made: list[Card] = []
    if "events" in figures:
        made.append(_events(figures, period, Action.USER_SIGNED_IN, _("Connexions"), "login"))
    if "people" in figures:
        made.append(_card(figures["people"], period, _("Comptes créés"), "person_add", "accounts.user"))
    if "events" in figures:
        made.append(
            _events(figures, period, Action.AVAILABILITY_CHECKED, _("Vérifications de disponibilité"), "fact_check")
        )
    if "reservations" in figures:
        made.append(
            _by_status(
                figures["reservations"],
                period,
                _("Réservations"),
                "shopping_bag",
                "reservations.reservation",
                ReservationStatus,
            )
        )
    if "credits" in figures:
        made += _credit_cards(figures["credits"], period)
    if "appointments" in figures:
        made.append(
            _by_status(
                figures["appointments"],
                period,
                _("Rendez-vous pris"),
                "event",
                "appointments.appointment",
                AppointmentStatus,
            )
        )
    return made


def keyed(rows: Iterable[Counted], *key: str) -> list[Counted]:
    """The rows of one group."""
    return [row for row in rows if row.key == key]


def may_see(request: HttpRequest, model: str) -> bool:
    model_class = apps.get_model(model)
    return admin.site.is_registered(model_class) and admin.site.get_model_admin(model_class).has_view_permission(
        request
    )


def list_url(model: str, query: str) -> str:
    """The address of a model's list in the admin, narrowed down by `query`."""
    return f"{reverse('admin:{}_changelist'.format(model.replace('.', '_')))}?{query}"


def _card(rows: list[Counted], period: Period, title: Any, icon: str, model: str, **filters: Any) -> Card:
    return Card(title, icon, _sum(rows), _today(rows), list_url(model, period.query("created_at", **filters)))


def _events(figures: Figures, period: Period, action: Action, title: Any, icon: str) -> Card:
    rows = keyed(figures["events"], action.value)
    url = list_url("audit.event", period.query("occurred_at", action=action.value))
    return Card(title, icon, _sum(rows), _today(rows), url)


def _by_status(rows: list[Counted], period: Period, title: Any, icon: str, model: str, statuses: Any) -> Card:
    parts = [
        Part(
            status.label,
            _sum(keyed(rows, status.value)),
            list_url(model, period.query("created_at", status__exact=status.value)),
        )
        for status in statuses
    ]
    return Card(
        title,
        icon,
        _sum(rows),
        _today(rows),
        list_url(model, period.query("created_at")),
        has_parts=True,
        parts=[part for part in parts if part.value],
    )


def _credit_cards(rows: list[Counted], period: Period) -> list[Card]:
    def url(kind: EntryKind) -> str:
        return list_url("accounts.creditentry", period.query("created_at", kind__exact=kind.value))

    sold, spent = keyed(rows, EntryKind.RATE.value), keyed(rows, EntryKind.SPEND.value)
    credits = number_format(sum(row.amount for row in sold), force_grouping=True)
    return [
        Card(
            _("Forfaits souscrits"),
            "sell",
            _sum(sold),
            _today(sold),
            url(EntryKind.RATE),
            detail=_("%(credits)s crédits") % {"credits": credits} if sold else "",
        ),
        Card(
            _("Crédits consommés"),
            "toll",
            -sum(row.amount for row in spent),
            -sum(row.amount for row in spent if row.day == timezone.localdate()),
            url(EntryKind.SPEND),
            detail=_("en %(times)s fois") % {"times": number_format(_sum(spent), force_grouping=True)} if spent else "",
        ),
    ]


def _sum(rows: Iterable[Counted]) -> int:
    return sum(row.count for row in rows)


def _today(rows: Iterable[Counted]) -> int:
    today = timezone.localdate()
    return sum(row.count for row in rows if row.day == today)

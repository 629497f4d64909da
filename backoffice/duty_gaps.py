"""The coming days on which nobody is on duty in a town that has a roster."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from backoffice.figures.sources import ONE_DAY, days_between, midnight
from backoffice.waiting import MOST, Waiting
from catalog.models import DutyPeriod
from catalog.opening import listed

DAYS = 14
# A town whose pharmacies have taken turns that lately is expected to go on.
_LATELY = timedelta(days=60)


@dataclass(frozen=True)
class GapQueue:
    """What `Waiting` and the page show of a queue."""

    title: Any
    hint: Any
    icon: str


QUEUE = GapQueue(
    _("Trous dans les gardes"),
    _("Personne n'est de garde ces jours-là : demander le tour de garde, ou l'importer."),
    "nightlight",
)


@dataclass(frozen=True)
class Gap:
    town: str
    day: date


def may_see(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("catalog.view_dutyperiod"))  # type: ignore[union-attr]


def gaps() -> list[Gap]:
    """By day, then town; nothing where a pharmacy of the town never closes. Two queries."""
    today = timezone.localdate()
    days = days_between(today, today + (DAYS - 1) * ONE_DAY)
    shown = listed()
    always = set(shown.filter(always_open=True).values_list("town_key", flat=True))
    names: dict[str, str] = {}
    covered: dict[str, set[date]] = {}
    turns = DutyPeriod.objects.filter(
        pharmacy__in=shown, ends_at__gt=midnight(today) - _LATELY, starts_at__lt=midnight(days[-1] + ONE_DAY)
    )
    for key, name, starts_at, ends_at in turns.order_by().values_list(
        "pharmacy__town_key", "pharmacy__town", "starts_at", "ends_at"
    ):
        names.setdefault(key, name)
        # A turn that ends at midnight has nothing of the day that begins then.
        last = timezone.localdate(ends_at - timedelta(microseconds=1))
        covered.setdefault(key, set()).update(days_between(timezone.localdate(starts_at), last))
    found = [Gap(names[key], day) for key in names if key not in always for day in days if day not in covered[key]]
    return sorted(found, key=lambda gap: (gap.day, gap.town))


def waiting(request: HttpRequest) -> list[Waiting]:
    if not may_see(request):
        return []
    return [Waiting(QUEUE, min(len(gaps()), MOST + 1), None, reverse("queue", args=("duty-gaps",)))]

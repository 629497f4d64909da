"""Payments by provider and outcome, and the one that waits longest."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from backoffice.figures.sources import Counted
from backoffice.home.cards import Part, list_url
from backoffice.home.period import Period
from common.admin import money
from payments.enums import OPEN, Status
from payments.models import Payment

# How payments end, and what is under way.
OUTCOMES: tuple[tuple[Any, tuple[Status, ...]], ...] = (
    (_("Réussis"), (Status.SUCCEEDED,)),
    (_("Échoués"), (Status.FAILED, Status.EXPIRED)),
    (_("En cours"), (*OPEN, Status.HELD)),
)


@dataclass(frozen=True)
class ProviderRow:
    """`outcomes` in the order of `OUTCOMES`; `rate` is in percent of the payments that have ended, None without any."""

    name: str
    outcomes: list[Part]
    rate: int | None
    received: str


@dataclass(frozen=True)
class Oldest:
    since: datetime
    label: str
    url: str


def by_provider(rows: Iterable[Counted], period: Period) -> list[ProviderRow]:
    """A row a provider that was used, and one of all where there are several."""
    rows = list(rows)
    names = sorted({row.key[0] for row in rows})
    table = [_row(name, [row for row in rows if row.key[0] == name], period, provider=name) for name in names]
    return [*table, _row(str(_("Ensemble")), rows, period)] if len(table) > 1 else table


def oldest_pending(request: HttpRequest) -> Oldest | None:
    """The payment whose outcome is waited for the longest; for those who see payments."""
    if not request.user.has_perm("payments.view_payment"):  # type: ignore[union-attr]
        return None
    found = (
        Payment.objects.filter(status__in=OPEN).order_by("created_at").values_list("pk", "created_at", "label").first()
    )
    if found is None:
        return None
    pk, since, label = found
    return Oldest(since, label, reverse("admin:payments_payment_change", args=(pk,)))


def count_of(rows: Iterable[Counted], statuses: Iterable[Status]) -> int:
    return sum(row.count for row in rows if row.key[1] in set(statuses))


def _row(name: str, rows: list[Counted], period: Period, **filters: Any) -> ProviderRow:
    outcomes = [
        Part(
            label,
            count_of(rows, statuses),
            list_url("payments.payment", period.query("created_at", status__exact=statuses, **filters)),
        )
        for label, statuses in OUTCOMES
    ]
    received: dict[str, int] = {}
    for row in rows:
        if row.key[1] == Status.SUCCEEDED:
            received[row.key[2]] = received.get(row.key[2], 0) + row.amount
    succeeded, ended = outcomes[0].value, outcomes[0].value + outcomes[1].value
    return ProviderRow(
        name,
        outcomes,
        None if not ended else round(100 * succeeded / ended),
        ", ".join(money(amount, currency) for currency, amount in sorted(received.items())) or "–",
    )

"""The tables that are counted, each by one grouped query."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.apps import apps
from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from accounts.enums import EntryKind
from appointments.enums import ACTIVE as APPOINTMENT_ACTIVE
from audit.enums import Action
from payments.enums import OPEN as PAYMENT_OPEN
from payments.enums import Status as PaymentStatus
from reservations.enums import ACTIVE as RESERVATION_ACTIVE

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Counted:
    """`count` rows of one day and one group; `key` are the values of the source's columns."""

    day: date
    key: tuple[str, ...]
    count: int
    amount: int


@dataclass(frozen=True)
class Source:
    """Rows of `model` (`app.model`) by the day of `moment`, grouped by the columns `keys`, `amount` summed up.

    Rows that meet `unsettled` may still change their group: the day of such a row stays open, and is counted whenever
    somebody looks.
    """

    name: str
    model: str
    moment: str = "created_at"
    keys: tuple[str, ...] = ()
    amount: str = ""
    only: Q | None = None
    unsettled: Q | None = None

    def rows(self) -> QuerySet[Any]:
        return apps.get_model(self.model)._default_manager.filter(self.only or Q()).order_by()

    def count(self, days: Iterable[date], only: Q | None = None) -> list[Counted]:
        """What these days hold now, read by one query from the rows themselves."""
        spans = [Q(**{f"{self.moment}__gte": first, f"{self.moment}__lt": end}) for first, end in _spans(days)]
        if not spans:
            return []
        chosen = spans[0]
        for span in spans[1:]:
            chosen |= span
        found = (
            self.rows()
            .filter(chosen, only or Q())
            .annotate(local_day=TruncDate(self.moment, tzinfo=timezone.get_default_timezone()))
            .values_list("local_day", *self.keys)
            .annotate(rows=Count("pk"), total=Coalesce(Sum(F(self.amount)), Value(0)) if self.amount else Value(0))
        )
        return [
            Counted(day, tuple(str(value) for value in key), count, int(amount)) for day, *key, count, amount in found
        ]

    def open_days(self) -> set[date]:
        """The days whose rows may still change."""
        if self.unsettled is None:
            return set()
        days = (
            self.rows()
            .filter(self.unsettled)
            .annotate(local_day=TruncDate(self.moment, tzinfo=timezone.get_default_timezone()))
            .values_list("local_day", flat=True)
        )
        return set(days.distinct())


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source("people", "accounts.User"),
        Source(
            "events",
            "audit.Event",
            moment="occurred_at",
            keys=("action",),
            only=Q(action__in=(Action.USER_SIGNED_IN.value, Action.AVAILABILITY_CHECKED.value)),
        ),
        Source(
            "credits",
            "accounts.CreditEntry",
            keys=("kind",),
            amount="amount",
            only=Q(kind__in=(EntryKind.RATE.value, EntryKind.SPEND.value)),
        ),
        Source(
            "reservations",
            "reservations.Reservation",
            keys=("status",),
            amount="total",
            unsettled=Q(status__in=RESERVATION_ACTIVE),
        ),
        # A payment that failed may still be honoured once: `daily.reopen` counts its day again.
        Source(
            "payments",
            "payments.Payment",
            keys=("provider", "status", "currency"),
            amount="amount",
            unsettled=Q(status__in=(*PAYMENT_OPEN, PaymentStatus.HELD)),
        ),
        Source(
            "appointments",
            "appointments.Appointment",
            keys=("status",),
            unsettled=Q(status__in=APPOINTMENT_ACTIVE),
        ),
    )
}


def midnight(day: date) -> datetime:
    """The instant at which a day of local time (`TIME_ZONE`) begins."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


def days_between(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`, both included."""
    return [first + number * ONE_DAY for number in range((last - first).days + 1)]


def _spans(days: Iterable[date]) -> list[tuple[datetime, datetime]]:
    """Days as few spans of time, `[from, to)`."""
    spans: list[tuple[date, date]] = []
    for day in sorted(days):
        if spans and spans[-1][1] == day:
            spans[-1] = (spans[-1][0], day + ONE_DAY)
        else:
            spans.append((day, day + ONE_DAY))
    return [(midnight(first), midnight(end)) for first, end in spans]

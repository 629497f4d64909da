"""What each provider brought in a month."""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Sum
from django.utils import timezone

from payments.enums import RefundStatus, Status
from payments.models import Payment, PaymentAttempt, Refund


@dataclass(frozen=True)
class Line:
    """Payments begun in the month and those of them that came to nothing; what was paid, and what was given back, in
    it. Amounts and fees in whole units of `currency`; fees as `PAYMENT_FEES` has them, on what was paid."""

    provider: str
    currency: str
    started: int
    paid: int
    paid_amount: int
    failed: int
    refunded: int
    refunded_amount: int
    fees: int


COLUMNS = tuple(column.name for column in fields(Line))


def month_of(text: str) -> tuple[datetime, datetime]:
    """`2026-03` → its first moment and the next month's, in the site's time zone. Raises `ValueError`."""
    first = datetime.strptime(text, "%Y-%m").replace(tzinfo=timezone.get_default_timezone())
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first, following


def report(since: datetime, until: datetime) -> Iterator[tuple[object, ...]]:
    """A row for each provider and currency, under `COLUMNS`, in alphabetical order."""
    keys = ("provider", "currency")
    begun = Payment.objects.filter(created_at__gte=since, created_at__lt=until)
    started = _counts(begun.values_list(*keys).annotate(Count("pk")))
    failed = _counts(begun.filter(status__in=[Status.FAILED, Status.EXPIRED]).values_list(*keys).annotate(Count("pk")))
    succeeded = Payment.objects.filter(status=Status.SUCCEEDED, settled_at__gte=since, settled_at__lt=until)
    paid = _sums(succeeded.values_list(*keys).annotate(Count("pk"), Sum("amount")))
    surplus = PaymentAttempt.objects.filter(is_surplus=True, paid_at__gte=since, paid_at__lt=until)
    twice = _sums(
        surplus.values_list("payment__provider", "payment__currency").annotate(Count("pk"), Sum("payment__amount"))
    )
    done = Refund.objects.filter(status=RefundStatus.DONE, updated_at__gte=since, updated_at__lt=until)
    refunded = _sums(
        done.annotate(name=F("payment__provider")).values_list("name", "currency").annotate(Count("pk"), Sum("amount"))
    )
    for provider, currency in sorted({*started, *failed, *paid, *twice, *refunded}):
        key = (provider, currency)
        count, amount = paid.get(key, (0, 0))
        more, more_amount = twice.get(key, (0, 0))
        amount += more_amount
        yield astuple(
            Line(
                provider,
                currency,
                started.get(key, 0),
                count + more,
                amount,
                failed.get(key, 0),
                *refunded.get(key, (0, 0)),
                fees=(amount * settings.PAYMENT_FEES.get(provider, 0) + 5_000) // 10_000,
            )
        )


def _counts(rows: Iterable[Any]) -> dict[tuple[str, str], int]:
    return {(provider, currency): count for provider, currency, count in rows}


def _sums(rows: Iterable[Any]) -> dict[tuple[str, str], tuple[int, int]]:
    return {(provider, currency): (count, amount) for provider, currency, count, amount in rows}

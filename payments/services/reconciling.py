"""What we believe beside what the gateways say; what can be settled is settled on the way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from common.connections import release_connection
from payments.enums import MOVES, Status
from payments.models import Payment, PaymentAttempt
from payments.providers import get_provider
from payments.providers.base import Outcome, Report
from payments.services.settling import settle

# A payment that nobody has sent for so long was forgotten: the sweep is not running.
_FORGOTTEN = timedelta(hours=1)
_UNSENT = (Status.CREATED, Status.SUBMITTING)
_NO_MONEY = (Outcome.REFUSED, Outcome.PENDING, Outcome.NOT_FOUND)


@dataclass
class Reconciliation:
    """`asked` payments; `settled` of them came to their end by it; `findings` tell what somebody must look at."""

    asked: int = 0
    settled: int = 0
    findings: list[str] = field(default_factory=list)


def reconcile(*, since: datetime, sample: int, tell: Callable[[int, int], None]) -> Reconciliation:
    """Ask about every payment made since then that is not final, and about `sample` of those that are.

    `tell(done, of)` is called after each. Holds no transaction while a gateway answers.
    """
    final = [status for status in Status if MOVES.is_final(status)]
    recent = Payment.objects.filter(created_at__gte=since)
    numbers = list(recent.exclude(status__in=final).order_by("pk").values_list("pk", flat=True))
    numbers += recent.filter(status__in=final).order_by("?").values_list("pk", flat=True)[:sample]
    result = Reconciliation()
    for done, pk in enumerate(numbers, start=1):
        payment = Payment.objects.get(pk=pk)
        before = payment.status
        for what in _look_at(payment):
            result.findings.append(f"payment {payment.public_id} {payment.provider} {payment.amount}: {what}")
        result.asked += 1
        result.settled += before != Payment.objects.values_list("status", flat=True).get(pk=pk)
        tell(done, len(numbers))
    return result


def _look_at(payment: Payment) -> Iterator[str]:
    if payment.status in _UNSENT:
        if payment.created_at < timezone.now() - _FORGOTTEN:
            yield f"{payment.status} since {payment.created_at:%Y-%m-%d %H:%M}: is the sweep running?"
        return
    if payment.provider not in settings.PAYMENT_PROVIDERS:
        yield "its provider is not configured any more: nobody can be asked"
        return
    gateway = get_provider(payment.provider)
    if gateway.by_hand:
        return
    for attempt in payment.attempts.order_by("pk"):
        release_connection()
        try:
            report = gateway.ask(reference=attempt.reference, provider_id=attempt.provider_id)
        except Exception as error:
            yield f"could not be asked about: {type(error).__name__}"
            continue
        try:
            yield from _compare(payment, attempt, report)
        except Exception as error:
            outcome = report.outcome if report else "nothing"
            yield f"{outcome} says the gateway, and it could not be settled: {type(error).__name__}"
        payment.refresh_from_db()
    if payment.status == Status.HELD:
        yield f"held ({payment.reason}): staff decide"


def _compare(payment: Payment, attempt: PaymentAttempt, report: Report | None) -> Iterator[str]:
    before = Status(payment.status)
    if report is None:
        if before in (Status.PENDING, Status.UNKNOWN):
            yield f"{before}, and the gateway never told its id: only its own statement can tell"
        elif before == Status.SUCCEEDED and attempt.paid_at is not None:
            yield "succeeded here, and the gateway cannot be asked about it"
        return
    if report.outcome in (Outcome.UNKNOWN, Outcome.NOT_REACHED):
        yield f"{before}, and the gateway gives no answer"
        return
    if before == Status.SUCCEEDED:
        yield from _compare_succeeded(payment, attempt, report)
        return
    after = settle(attempt, report).status
    if report.outcome == Outcome.PAID and before in (Status.FAILED, Status.EXPIRED):
        yield f"{before} here, paid says the gateway: {after} now"


def _compare_succeeded(payment: Payment, attempt: PaymentAttempt, report: Report) -> Iterator[str]:
    # Payments from before attempts were marked have only one.
    is_the_one = not attempt.is_surplus and (attempt.paid_at is not None or payment.attempts.count() == 1)
    if report.outcome in _NO_MONEY:
        if is_the_one or attempt.is_surplus:
            yield f"succeeded here, {report.outcome} says the gateway"
        return
    said = (report.reference, report.amount, report.currency)
    if said != (attempt.reference, payment.amount, payment.currency):
        yield f"succeeded here, the gateway was paid {report.amount} {report.currency} under {report.reference}"
    elif not is_the_one and not attempt.is_surplus:
        settle(attempt, report)
        yield "paid twice: the second time is due back now"

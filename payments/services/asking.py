"""Asking the gateway, and what the sweep does for payments: nothing that was begun is forgotten."""

from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from common.connections import release_connection
from common.unit_of_work import unit_of_work
from payments.enums import Status
from payments.models import Payment
from payments.providers import find_provider
from payments.services.batches import for_each
from payments.services.moves import lock, move
from payments.services.schedule import next_time
from payments.services.settling import is_through, settle
from payments.services.starting import submit

# How many payments of a kind one sweep takes on.
BATCH = 100

_IN_FLIGHT = (Status.PENDING, Status.UNKNOWN)


def ask(payment_id: int) -> Payment:
    """Ask the gateway about the payment's newest attempt now, and settle what it says.

    Holds no transaction while it waits. Where the gateway cannot be asked, the payment waits for a callback or staff;
    where nothing that it says can matter any more, it is not asked.
    """
    payment = Payment.objects.get(pk=payment_id)
    attempt = payment.attempts.latest("id")
    gateway = find_provider(payment.provider)
    if gateway is None or is_through(attempt):
        return payment
    release_connection()
    report = gateway.ask(reference=attempt.reference, provider_id=attempt.provider_id)
    if report is None:
        return payment
    return settle(attempt, report)


def submit_forgotten() -> int:
    """Send payments whose process died between the intent and the call. Returns how many."""
    return for_each(_ids(_due(Status.CREATED)), submit)


def doubt_interrupted() -> int:
    """Call unknown what may have been sent by a process that did not live to tell. It is never sent again."""
    return for_each(_ids(_due(Status.SUBMITTING)), _doubt)


def ask_due() -> int:
    """Ask about every payment whose time has come; each is claimed first, so that two sweeps do not ask twice.

    Returns how many were asked about.
    """
    rows = list(_due(*_IN_FLIGHT).values_list("pk", "asked", "next_at")[:BATCH])
    return for_each((pk for pk, asked, due in rows if due and _claim(pk, asked, due)), ask)


def expire_old() -> int:
    """Give up on payments nobody has heard of for `PAYMENT_ASKED_FOR`; money that comes later is still honoured."""
    old = Payment.objects.filter(status__in=_IN_FLIGHT, created_at__lt=timezone.now() - settings.PAYMENT_ASKED_FOR)
    return for_each(_ids(old.order_by("pk")), _expire)


def _doubt(payment_id: int) -> None:
    with unit_of_work():
        payment = lock(payment_id)
        # The process may have lived to tell since, or another sweep was faster.
        if payment.status == Status.SUBMITTING and payment.next_at is not None and payment.next_at <= timezone.now():
            payment.next_at = next_time(timezone.now(), 0)
            move(payment, Status.UNKNOWN, reason="interrupted")


def _claim(payment_id: int, asked: int, due: datetime) -> bool:
    """Whether it is ours to ask about this payment now; the row count decides."""
    now = timezone.now()
    claimed = Payment.objects.filter(pk=payment_id, next_at=due, status__in=_IN_FLIGHT).update(
        next_at=next_time(now, asked + 1), asked=asked + 1, updated_at=now
    )
    return claimed == 1


def _expire(payment_id: int) -> None:
    with unit_of_work():
        payment = lock(payment_id)
        if payment.status in _IN_FLIGHT:
            move(payment, Status.EXPIRED, reason="no_answer")


def _due(*statuses: Status) -> QuerySet[Payment]:
    return Payment.objects.filter(status__in=statuses, next_at__lte=timezone.now()).order_by("next_at")


def _ids(payments: QuerySet[Payment]) -> list[int]:
    return list(payments.values_list("pk", flat=True)[:BATCH])

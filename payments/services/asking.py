"""Asking the gateway, and what the sweep does for payments: nothing that was begun is forgotten."""

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from common.connections import release_connection
from common.unit_of_work import unit_of_work
from payments.enums import Status
from payments.models import Payment
from payments.providers import get_provider
from payments.services.moves import lock, move
from payments.services.schedule import next_time
from payments.services.settling import settle
from payments.services.starting import submit

# How many payments of a kind one sweep takes on.
BATCH = 100

_IN_FLIGHT = (Status.PENDING, Status.UNKNOWN)


def ask(payment_id: int) -> Payment:
    """Ask the gateway about the payment's newest attempt now, and settle what it says.

    Holds no transaction while it waits. Where the gateway cannot be asked, the payment waits for a callback or staff.
    """
    payment = Payment.objects.get(pk=payment_id)
    attempt = payment.attempts.latest("id")
    release_connection()
    report = get_provider(payment.provider).ask(reference=attempt.reference, provider_id=attempt.provider_id)
    if report is None:
        return payment
    return settle(attempt, report)


def submit_forgotten() -> int:
    """Send payments whose process died between the intent and the call. Returns how many."""
    forgotten = _ids(_due(Status.CREATED))
    for payment_id in forgotten:
        submit(payment_id)
    return len(forgotten)


def doubt_interrupted() -> int:
    """Call unknown what may have been sent by a process that did not live to tell. It is never sent again."""
    interrupted = _ids(_due(Status.SUBMITTING))
    for payment_id in interrupted:
        with unit_of_work():
            payment = lock(payment_id)
            if payment.status == Status.SUBMITTING:
                payment.next_at = next_time(timezone.now(), 0)
                move(payment, Status.UNKNOWN, reason="interrupted")
    return len(interrupted)


def ask_due() -> int:
    """Ask about every payment whose time has come; each is claimed first, so that two sweeps do not ask twice.

    Returns how many were asked about.
    """
    asked_about = 0
    for payment_id, asked, due in _due(*_IN_FLIGHT).values_list("pk", "asked", "next_at")[:BATCH]:
        claimed = Payment.objects.filter(pk=payment_id, next_at=due, status__in=_IN_FLIGHT).update(
            next_at=next_time(timezone.now(), asked + 1), asked=asked + 1
        )
        if claimed:
            ask(payment_id)
            asked_about += 1
    return asked_about


def expire_old() -> int:
    """Give up on payments nobody has heard of for `PAYMENT_ASKED_FOR`; money that comes later is still honoured."""
    old = _ids(
        Payment.objects.filter(
            status__in=_IN_FLIGHT, created_at__lt=timezone.now() - settings.PAYMENT_ASKED_FOR
        ).order_by("pk")
    )
    for payment_id in old:
        with unit_of_work():
            payment = lock(payment_id)
            if payment.status in _IN_FLIGHT:
                move(payment, Status.EXPIRED, reason="no_answer")
    return len(old)


def _due(*statuses: Status) -> QuerySet[Payment]:
    return Payment.objects.filter(status__in=statuses, next_at__lte=timezone.now()).order_by("next_at")


def _ids(payments: QuerySet[Payment]) -> list[int]:
    return list(payments.values_list("pk", flat=True)[:BATCH])

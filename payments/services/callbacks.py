"""What is made of a stored callback: never proof, it tells whom to ask about.

One that arrives before our own start call has returned waits for it.
"""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from common.connections import release_connection
from common.unit_of_work import unit_of_work
from payments.enums import Status, Verdict
from payments.models import CallbackMessage, PaymentAttempt
from payments.providers import get_provider
from payments.providers.base import CallbackRefused, Claim, Outcome
from payments.services.settling import settle
from payments.signals import callback_refused

BATCH = 200
_NOT_STARTED = (Status.CREATED, Status.SUBMITTING)
RETRY = timedelta(seconds=30)


def process(message_id: int) -> CallbackMessage:
    """Verify a stored message, then ask the gateway about its payment. Safe to run twice and at once."""
    message = CallbackMessage.objects.get(pk=message_id)
    if message.verdict != Verdict.WAITING:
        return message
    gateway = get_provider(message.provider)
    try:
        claim = gateway.read_callback(bytes(message.body), message.content_type)
    except CallbackRefused as error:
        return _refuse(message, error.reason)
    attempt = _attempt_for(message, claim)
    if attempt is None:
        return _refuse(message, "unknown_reference")
    if attempt.payment.status in _NOT_STARTED:
        _close(message, Verdict.WAITING, attempt=attempt)
        attempt = PaymentAttempt.objects.select_related("payment").get(pk=attempt.pk)
        # The start call may have returned just before it could see this message waiting.
        if attempt.payment.status in _NOT_STARTED:
            return message
    if attempt.payment.status == Status.SUCCEEDED:
        return _close(message, Verdict.DUPLICATE, attempt=attempt)
    release_connection()
    report = gateway.ask(reference=attempt.reference, provider_id=attempt.provider_id)
    if report is None or report.outcome == Outcome.UNKNOWN:
        if message.created_at < timezone.now() - settings.PAYMENT_ASKED_FOR:
            return _refuse(message, "never_confirmed")
        return _close(message, Verdict.WAITING, attempt=attempt)
    settle(attempt, report)
    return _close(message, Verdict.SETTLED, attempt=attempt)


def settle_waiting(attempt_id: int) -> None:
    """Look again at what arrived before the start call had returned."""
    for pk in CallbackMessage.objects.filter(attempt_id=attempt_id, verdict=Verdict.WAITING).values_list(
        "pk", flat=True
    ):
        process(pk)


def process_waiting() -> int:
    """For the sweep: look at every message that still waits. Returns how many."""
    waiting = CallbackMessage.objects.filter(verdict=Verdict.WAITING, next_at__lte=timezone.now()).order_by("next_at")
    ids = list(waiting.values_list("pk", flat=True)[:BATCH])
    for pk in ids:
        process(pk)
    return len(ids)


def _attempt_for(message: CallbackMessage, claim: Claim) -> PaymentAttempt | None:
    """The attempt that a verified claim names; learns the gateway's own id where our start call never heard it."""
    attempt = (
        PaymentAttempt.objects.select_related("payment")
        .filter(provider=message.provider, reference=claim.reference)
        .first()
    )
    if attempt is not None and not attempt.provider_id and claim.provider_id:
        PaymentAttempt.objects.filter(pk=attempt.pk, provider_id="").update(provider_id=claim.provider_id)
        attempt.refresh_from_db(fields=["provider_id"])
    return attempt


def _refuse(message: CallbackMessage, reason: str) -> CallbackMessage:
    with unit_of_work():
        changed = CallbackMessage.objects.filter(pk=message.pk, verdict=Verdict.WAITING).update(
            verdict=Verdict.REFUSED, reason=reason, next_at=None, updated_at=timezone.now()
        )
        message.verdict, message.reason = Verdict.REFUSED, reason
        if changed:
            callback_refused.send(CallbackMessage, provider=message.provider, reason=reason, message=message)
    return message


def _close(message: CallbackMessage, verdict: Verdict, *, attempt: PaymentAttempt) -> CallbackMessage:
    message.verdict, message.attempt = verdict, attempt
    message.next_at = timezone.now() + RETRY if verdict == Verdict.WAITING else None
    CallbackMessage.objects.filter(pk=message.pk, verdict=Verdict.WAITING).update(
        verdict=verdict, attempt=attempt, next_at=message.next_at, updated_at=timezone.now()
    )
    return message

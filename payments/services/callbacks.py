"""What is made of a stored callback: never proof, it tells whom to ask about.

One that arrives before our own start call has returned waits for it.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from accounts.selectors import is_anonymous
from common.connections import release_connection
from common.unit_of_work import unit_of_work
from payments.enums import Status, Verdict
from payments.models import CallbackMessage, Payment, PaymentAttempt
from payments.providers import find_provider
from payments.providers.base import CallbackRefused, Claim, Outcome, Report
from payments.services.batches import for_each
from payments.services.settling import is_through, settle
from payments.signals import callback_refused

BATCH = 200
_NOT_STARTED = (Status.CREATED, Status.SUBMITTING)
# A message that waits is looked at again after as long as it has waited, within these limits.
RETRY_SOONEST, RETRY_LATEST = timedelta(seconds=30), timedelta(hours=1)


def process(message_id: int) -> CallbackMessage:
    """Verify a stored message, then ask the gateway about its payment. Safe to run twice and at once."""
    message = CallbackMessage.objects.get(pk=message_id)
    if message.verdict != Verdict.WAITING:
        return message
    gateway = find_provider(message.provider)
    if gateway is None:
        # Its operator may put it back; what came for it meanwhile is not lost.
        return _refuse(message, "unknown_provider") if _is_old(message) else message
    try:
        claim = gateway.read_callback(bytes(message.body), message.content_type)
    except CallbackRefused as error:
        return _refuse(message, error.reason)
    attempt = _attempt_for(message.provider, claim)
    if attempt is None:
        return _refuse(message, "unknown_reference")
    if attempt.payment.status in _NOT_STARTED:
        _close(message, Verdict.WAITING, attempt=attempt)
        attempt = PaymentAttempt.objects.select_related("payment").get(pk=attempt.pk)
        # The start call may have returned just before it could see this message waiting.
        if attempt.payment.status in _NOT_STARTED:
            return message
    mismatch = _mismatch(attempt.payment, claim)
    if is_through(attempt):
        return _finish(message, Verdict.DUPLICATE, mismatch, attempt=attempt)
    release_connection()
    report = gateway.ask(reference=attempt.reference, provider_id=attempt.provider_id or claim.provider_id)
    if report is not None:
        _learn(attempt, claim, report)
        settle(attempt, report)
    if not mismatch and (report is None or report.outcome not in (Outcome.PAID, Outcome.REFUSED)):
        # A gateway may lag behind its own callback. The message waits: of an expired payment nothing else would ask.
        if _is_old(message):
            return _refuse(message, "never_confirmed", attempt=attempt)
        return _close(message, Verdict.WAITING, attempt=attempt)
    return _finish(message, Verdict.SETTLED, mismatch, attempt=attempt)


def settle_waiting(attempt_id: int) -> None:
    """Look again at what arrived before the start call had returned."""
    for pk in CallbackMessage.objects.filter(attempt_id=attempt_id, verdict=Verdict.WAITING).values_list(
        "pk", flat=True
    ):
        process(pk)


def process_waiting() -> int:
    """For the sweep: look at every message that still waits, each claimed first, so that two sweeps do not ask twice.

    Returns how many were looked at.
    """
    waiting = CallbackMessage.objects.filter(verdict=Verdict.WAITING, next_at__lte=timezone.now()).order_by("next_at")
    rows = list(waiting.values_list("pk", "created_at", "next_at")[:BATCH])
    return for_each((pk for pk, created_at, due in rows if due and _claim_message(pk, created_at, due)), process)


def _is_old(message: CallbackMessage) -> bool:
    return message.created_at < timezone.now() - settings.PAYMENT_ASKED_FOR


def _attempt_for(provider: str, claim: Claim) -> PaymentAttempt | None:
    attempts = PaymentAttempt.objects.select_related("payment")
    return attempts.filter(provider=provider, reference=claim.reference).first()


def _learn(attempt: PaymentAttempt, claim: Claim, report: Report) -> None:
    """Keep the gateway's own id where our start call never heard it.

    The hash has no separators, so a claim alone could pass a piece of another field off as the id: it is kept only
    once the gateway, asked under that id, has named our reference.
    """
    if not attempt.provider_id and claim.provider_id and report.reference == attempt.reference:
        PaymentAttempt.objects.filter(pk=attempt.pk, provider_id="").update(
            provider_id=claim.provider_id, updated_at=timezone.now()
        )


def _mismatch(payment: Payment, claim: Claim) -> str:
    """Why a claim about our reference is not to be believed; the gateway is asked all the same, its answer counts."""
    if claim.amount != payment.amount:
        return "amount_mismatch"
    return "currency_mismatch" if claim.currency != payment.currency else ""


def _claim_message(message_id: int, created_at: datetime, due: datetime) -> bool:
    """Whether it is ours to look at this message now; the row count decides."""
    claimed = CallbackMessage.objects.filter(pk=message_id, verdict=Verdict.WAITING, next_at=due).update(
        next_at=_retry_at(created_at), updated_at=timezone.now()
    )
    return claimed == 1


def _retry_at(created_at: datetime) -> datetime:
    now = timezone.now()
    return now + min(max(now - created_at, RETRY_SOONEST), RETRY_LATEST)


def _finish(message: CallbackMessage, verdict: Verdict, mismatch: str, *, attempt: PaymentAttempt) -> CallbackMessage:
    return _refuse(message, mismatch, attempt=attempt) if mismatch else _close(message, verdict, attempt=attempt)


def _refuse(message: CallbackMessage, reason: str, *, attempt: PaymentAttempt | None = None) -> CallbackMessage:
    with unit_of_work():
        changed = CallbackMessage.objects.filter(pk=message.pk, verdict=Verdict.WAITING).update(
            verdict=Verdict.REFUSED,
            reason=reason,
            attempt=attempt or message.attempt,
            next_at=None,
            updated_at=timezone.now(),
        )
        message.verdict, message.reason = Verdict.REFUSED, reason
        if changed:
            _forget(message, attempt or message.attempt)
            callback_refused.send(CallbackMessage, provider=message.provider, reason=reason, message=message)
    return message


def _forget(message: CallbackMessage, attempt: PaymentAttempt | None) -> None:
    """What waited for somebody who was erased meanwhile is of no use to anybody any more."""
    if attempt is not None and is_anonymous(User.objects.get(payments=attempt.payment_id)):
        CallbackMessage.objects.filter(pk=message.pk).update(body=b"")


def _close(message: CallbackMessage, verdict: Verdict, *, attempt: PaymentAttempt) -> CallbackMessage:
    message.verdict, message.attempt = verdict, attempt
    message.next_at = _retry_at(message.created_at) if verdict == Verdict.WAITING else None
    with unit_of_work():
        changed = CallbackMessage.objects.filter(pk=message.pk, verdict=Verdict.WAITING).update(
            verdict=verdict, attempt=attempt, next_at=message.next_at, updated_at=timezone.now()
        )
        if changed and verdict != Verdict.WAITING:
            _forget(message, attempt)
    return message

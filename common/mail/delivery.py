"""Sending what is due. A mail may be sent twice where a process dies between sending and noting it, never lost.

While somebody sends a mail its `next_at` lies ahead, by the lease: a worker that dies leaves it due again.
"""

import json
import logging
import random
from datetime import datetime, timedelta
from enum import Enum
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException

from django.core.mail import BadHeaderError
from django.db.models import F
from django.utils import timezone

from common.crypto import decrypt
from common.enums import MailState
from common.mail.composing import Composed, compose, render
from common.models import Mail

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
# Seconds after the first, second, … failed attempt; the last one goes on until GIVEN_UP_AFTER.
RETRY_AFTER = (10, 30, 60, 120, 300, 900, 3600)
GIVEN_UP_AFTER = timedelta(days=3)
KEPT_FOR = timedelta(days=30)
BATCH = 50


class Outcome(Enum):
    NOT_DUE = "not due"
    DONE = "done"
    REFUSED = "refused"
    LATER = "later"


def deliver(mail_id: int) -> Outcome:
    """Send one mail if it is due and nobody else is sending it."""
    now = timezone.now()
    claimed = Mail.objects.filter(pk=mail_id, state=MailState.WAITING, next_at__lte=now).update(
        attempts=F("attempts") + 1, next_at=now + LEASE, updated_at=now
    )
    if not claimed:
        return Outcome.NOT_DUE
    mail = Mail.objects.get(pk=mail_id)
    if mail.expires_at is not None and mail.expires_at <= now:
        return _finish(mail, MailState.DROPPED, "expired")
    try:
        return _finish(mail, MailState.SENT if _send(mail) else MailState.DROPPED)
    except Exception as error:
        reason = _reason(error)
        logger.warning("mail not sent", extra={"mail": mail.pk, "attempt": mail.attempts, "error": reason})
        if _is_permanent(error) or mail.created_at < now - GIVEN_UP_AFTER:
            return _finish(mail, MailState.FAILED, reason)
        return _postpone(mail, reason)


def deliver_due() -> int:
    """Send what is due, oldest first; a server that cannot be reached is not asked again before the next sweep."""
    _forget_old()
    due = Mail.objects.filter(state=MailState.WAITING, next_at__lte=timezone.now()).order_by("next_at")
    moved = 0
    for mail_id in list(due.values_list("pk", flat=True)[:BATCH]):
        outcome = deliver(mail_id)
        moved += outcome is not Outcome.NOT_DUE
        if outcome is Outcome.LATER:
            break
    return moved


def _send(mail: Mail) -> bool:
    context = json.loads(decrypt(bytes(mail.context)))
    composed = compose(mail.to, Composed(mail.template, context, mail.language))
    if composed is None:
        return False
    render(mail.to, composed, message_id=f"mail.{mail.pk}.{int(mail.created_at.timestamp())}").send()
    return True


def _finish(mail: Mail, state: MailState, error: str = "") -> Outcome:
    _write(mail, state=state, error=error, next_at=None, context=b"")
    return Outcome.REFUSED if state == MailState.FAILED else Outcome.DONE


def _postpone(mail: Mail, error: str) -> Outcome:
    seconds = RETRY_AFTER[min(mail.attempts, len(RETRY_AFTER)) - 1]
    jitter = random.uniform(0.8, 1.2)  # noqa: S311  (spreads load, protects nothing)
    _write(mail, error=error, next_at=timezone.now() + timedelta(seconds=seconds * jitter))
    return Outcome.LATER


def _write(mail: Mail, **fields: str | bytes | datetime | None) -> None:
    # Not where the lease ran out and somebody else has taken the mail over.
    Mail.objects.filter(pk=mail.pk, state=MailState.WAITING, attempts=mail.attempts).update(
        **fields, updated_at=timezone.now()
    )


def _is_permanent(error: Exception) -> bool:
    """The address or the message is refused for good; everything else (the server, its settings) may be mended."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(code >= 500 for code, _text in error.recipients.values())
    if isinstance(error, SMTPDataError):
        return int(error.smtp_code) >= 500
    return isinstance(error, BadHeaderError)


def _reason(error: Exception) -> str:
    """What staff read: the kind of error and the server's code, not its words, which may quote the message."""
    codes = [error.smtp_code] if isinstance(error, SMTPResponseException) else []
    if isinstance(error, SMTPRecipientsRefused):
        codes = [code for code, _text in error.recipients.values()]
    return " ".join([type(error).__name__, *map(str, codes)])[:200]


def _forget_old() -> None:
    """An address is not kept for ever because it was once written to."""
    Mail.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).exclude(state=MailState.WAITING).delete()

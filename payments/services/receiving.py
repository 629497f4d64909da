"""A gateway's call: stored as it came, answered quickly, looked at afterwards."""

import hashlib

from django.conf import settings
from django.db import connection
from django.utils import timezone

from common import sql
from common.unit_of_work import unit_of_work
from payments.enums import Verdict
from payments.models import CallbackMessage
from payments.signals import callback_received, callback_refused
from payments.tasks import process_callback

# By hand: a repeat that arrives at the same moment must not break the transaction, nor cost a savepoint.
_STORE = """
INSERT INTO payments_callbackmessage (provider, digest, content_type, body, verdict, reason, next_at)
VALUES (%s, %s, %s, %s, %s, '', %s) ON CONFLICT (provider, digest) DO NOTHING RETURNING id
"""


def store_callback(provider: str, *, body: bytes, content_type: str) -> CallbackMessage | None:
    """Keep the raw message, once per provider and content; None where it is known already.

    Gateways repeat themselves for hours. What comes back after `PAYMENT_ASKED_FOR` is no repetition but a replay: it
    changes nothing either, and is noted.

    In the same transaction a task is queued that will look at it; should that be lost, the sweep does.
    """
    digest = hashlib.sha256(content_type.encode() + b"\n" + body).hexdigest()
    # Half of what arrives is a repeat: told by one look, without a transaction.
    if _is_known(provider, digest):
        return None
    message = CallbackMessage(
        provider=provider,
        digest=digest,
        content_type=content_type[:100].replace("\x00", ""),
        body=body,
        verdict=Verdict.WAITING,
        next_at=timezone.now(),
    )
    with unit_of_work():
        due = connection.ops.adapt_datetimefield_value(message.next_at)
        row = sql.fetch_one(_STORE, [provider, digest, message.content_type, body, str(message.verdict), due])
        if row is None:
            return None
        message.pk, message._state.adding = row[0], False
        callback_received.send(CallbackMessage, message=message)
        process_callback.enqueue(message.pk)
    return message


def _is_known(provider: str, digest: str) -> bool:
    known = CallbackMessage.objects.filter(provider=provider, digest=digest)
    if not (found := list(known.values_list("pk", "created_at"))):
        return False
    if found[0][1] < timezone.now() - settings.PAYMENT_ASKED_FOR:
        with unit_of_work():
            callback_refused.send(CallbackMessage, provider=provider, reason="replayed", message=known.get())
    return True

"""A gateway's call: stored as it came, answered quickly, looked at afterwards."""

import hashlib
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection
from django.utils import timezone

from common import sql
from common.unit_of_work import insert, unit_of_work
from payments.enums import Verdict
from payments.models import CallbackMessage
from payments.signals import callback_received, callback_refused
from payments.tasks import process_callback

_KNOWN = "SELECT id, created_at < %s FROM payments_callbackmessage WHERE provider = %s AND digest = %s"
_COLUMNS = ("id", "provider", "digest", "content_type", "body", "verdict", "reason", "next_at")


def store_callback(provider: str, *, body: bytes, content_type: str) -> CallbackMessage | None:
    """Keep the raw message, once per provider and content; None where it is known already.

    Gateways repeat themselves for hours. What comes back after `PAYMENT_ASKED_FOR` is no repetition but a replay: it
    changes nothing either, and is noted.

    In the same transaction a task is queued that will look at it; should that be lost, the sweep does.
    """
    digest = hashlib.sha256(content_type.encode() + b"\n" + body).hexdigest()
    message = CallbackMessage(
        provider=provider,
        digest=digest,
        content_type=content_type[:100].replace("\x00", ""),
        body=body,
        verdict=Verdict.WAITING,
        next_at=timezone.now(),
    )
    try:
        with unit_of_work(locks_nothing=True):
            # Half of what arrives is a repeat: told by one look.
            known, ((message.pk,),) = sql.fetch_together(
                (_KNOWN, [_replayed_before(), provider, digest]), sql.next_id(CallbackMessage._meta.db_table)
            )
            if known:
                if known[0][1]:
                    _note_replay(provider, known[0][0])
                return None
            message._state.adding = False
            _insert(message)
            callback_received.send(CallbackMessage, message=message)
            process_callback.enqueue(message.pk)
    except IntegrityError as error:
        if not sql.violates(error, CallbackMessage, "callback_once"):
            raise
        # The same message came twice at the same moment.
        return None
    return message


def _insert(message: CallbackMessage) -> None:
    values = [sql.adapt(getattr(message, name), CallbackMessage._meta.get_field(name)) for name in _COLUMNS]
    insert(CallbackMessage._meta.db_table, _COLUMNS, values)


def _replayed_before() -> Any:
    return connection.ops.adapt_datetimefield_value(timezone.now() - settings.PAYMENT_ASKED_FOR)


def _note_replay(provider: str, message_id: int) -> None:
    message = CallbackMessage.objects.get(pk=message_id)
    callback_refused.send(CallbackMessage, provider=provider, reason="replayed", message=message)

"""A gateway's call: stored as it came, answered quickly, looked at afterwards."""

import hashlib

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from common.sql import violates
from common.unit_of_work import unit_of_work
from payments.models import CallbackMessage
from payments.signals import callback_received, callback_refused
from payments.tasks import process_callback


def store_callback(provider: str, *, body: bytes, content_type: str) -> CallbackMessage | None:
    """Keep the raw message, once per provider and content; None where it is known already.

    Gateways repeat themselves for hours. What comes back after `PAYMENT_ASKED_FOR` is no repetition but a replay: it
    changes nothing either, and is noted.

    In the same transaction a task is queued that will look at it; should that be lost, the sweep does.
    """
    digest = hashlib.sha256(content_type.encode() + b"\n" + body).hexdigest()
    with unit_of_work():
        try:
            with transaction.atomic():
                message = CallbackMessage.objects.create(
                    provider=provider,
                    digest=digest,
                    content_type=content_type[:100].replace("\x00", ""),
                    body=body,
                    next_at=timezone.now(),
                )
        except IntegrityError as error:
            if not violates(error, CallbackMessage, "callback_once"):
                raise
            known = CallbackMessage.objects.get(provider=provider, digest=digest)
            if known.created_at < timezone.now() - settings.PAYMENT_ASKED_FOR:
                callback_refused.send(CallbackMessage, provider=provider, reason="replayed", message=known)
            return None
        callback_received.send(CallbackMessage, message=message)
        process_callback.enqueue(message.pk)
    return message

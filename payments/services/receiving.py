"""A gateway's call: stored as it came, answered quickly, looked at afterwards."""

import hashlib

from django.db import IntegrityError, transaction
from django.utils import timezone

from common.unit_of_work import unit_of_work
from payments.models import CallbackMessage
from payments.signals import callback_received
from payments.tasks import process_callback


def store_callback(provider: str, *, body: bytes, content_type: str) -> CallbackMessage | None:
    """Keep the raw message, once per provider and content; None where it is known already.

    In the same transaction a task is queued that will look at it; should that be lost, the sweep does.
    """
    with unit_of_work():
        try:
            with transaction.atomic():
                message = CallbackMessage.objects.create(
                    provider=provider,
                    digest=hashlib.sha256(content_type.encode() + b"\n" + body).hexdigest(),
                    content_type=content_type[:100],
                    body=body,
                    next_at=timezone.now(),
                )
        except IntegrityError:
            return None
        callback_received.send(CallbackMessage, message=message)
        process_callback.enqueue(message.pk)
    return message

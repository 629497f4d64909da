import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from common.crypto import encrypt
from common.models import Mail
from common.sql import one_at_a_time
from common.tasks import deliver_mail
from common.unit_of_work import unit_of_work


def send_mail_later(
    *,
    to: str,
    template: str,
    context: Mapping[str, Any] | None = None,
    language: str = "fr",
    expires_at: datetime | None = None,
    at_most_every: timedelta | None = None,
) -> Mail | None:
    """Put a mail into the outbox, in the caller's transaction, and wake a worker once that commits.

    `template` names files below `templates/mail/` or a registered composer. `context` must be JSON; it is stored
    encrypted and forgotten when the mail is sent or given up. After `expires_at` it is not sent any more. With
    `at_most_every` nothing is queued, and None returned, where the same mail was queued for this address that recently:
    two requests at once count as one.
    """
    now = timezone.now()
    plain = json.dumps(dict(context or {}), cls=DjangoJSONEncoder).encode()
    with unit_of_work():
        if at_most_every is not None:
            one_at_a_time(f"{template}\n{to}")
            if Mail.objects.filter(to=to, template=template, created_at__gt=now - at_most_every).exists():
                return None
        mail = Mail.objects.create(
            to=to, template=template, language=language, context=encrypt(plain), next_at=now, expires_at=expires_at
        )
        deliver_mail.enqueue(mail.pk)
    return mail

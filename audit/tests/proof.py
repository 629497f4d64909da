"""The proof of an event from its rows alone, as docs/audit.md describes it and independently of how it was written."""

import hashlib
import hmac
import json
from datetime import UTC
from typing import Any

from django.conf import settings

from audit.models import Event, EventPersonal


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def proves(event: Event) -> bool:
    """Whether the row is as it was written."""
    text = _canonical(
        [
            event.occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            event.action,
            event.entity,
            event.entity_id,
            event.actor_id,
            event.actor_kind,
            event.request_id,
            event.amount,
            event.changes,
            event.commitment,
        ]
    )
    expected = hmac.new(settings.AUDIT_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(event.mac, expected)


def personal_proves(personal: EventPersonal) -> bool:
    """Whether the personal values are those that the event is committed to."""
    text = f"{personal.salt}\n{_canonical({'ip': personal.ip, 'values': personal.values})}"
    return hashlib.sha256(text.encode()).hexdigest() == personal.event_id


def unproven() -> list[Event]:
    """Every event that is not as it was written, or whose personal values are not."""
    personal = {row.event_id: row for row in EventPersonal.objects.all()}
    return [
        event
        for event in Event.objects.order_by("id")
        if not proves(event) or event.commitment not in personal or not personal_proves(personal[event.commitment])
    ]

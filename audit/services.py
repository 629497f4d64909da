"""Writing an event: one door for every receiver."""

import secrets
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.utils import timezone

from audit.canonical import canonical_event, canonical_json, commitment, mac, plain
from audit.enums import Action
from common import unit_of_work
from common.context import current

_EVENT_COLUMNS = (
    "occurred_at",
    "action",
    "entity",
    "entity_id",
    "actor_id",
    "actor_kind",
    "request_id",
    "amount",
    "changes",
    "commitment",
    "mac",
)
_PERSONAL_COLUMNS = ("commitment", "salt", "ip", "values")
_SECRET_WORDS = ("password", "secret", "token", "apikey", "api_key", "otp")

MASKED = "***"


@unit_of_work.unit_of_work()
def record(
    action: Action,
    *,
    entity: str,
    entity_id: object = "",
    amount: int | None = None,
    changes: Mapping[str, Any] | None = None,
    personal: Mapping[str, Any] | None = None,
) -> None:
    """Write an event with the actor, address and request of the context, in the transaction of the change.

    `changes` is kept for ever and must hold nothing personal; `personal` can be erased with the person.
    """
    context = current()
    now = timezone.now()
    details = mask_secrets(plain(changes or {}))
    values = mask_secrets(plain(personal or {}))
    salt = secrets.token_hex(16)
    sealed = commitment(salt, context.ip, values)
    fields: dict[str, Any] = {
        "action": str(action),
        "entity": entity,
        "entity_id": str(entity_id),
        "actor_id": context.actor.id,
        "actor_kind": context.actor.kind,
        "request_id": context.request_id,
        "amount": amount,
    }
    signature = mac(canonical_event(occurred_at=now, changes=details, commitment=sealed, **fields))
    unit_of_work.insert(
        "audit_event",
        _EVENT_COLUMNS,
        [
            connection.ops.adapt_datetimefield_value(now),
            *fields.values(),
            canonical_json(details),
            sealed,
            signature,
        ],
    )
    # `values` is a word of SQL.
    unit_of_work.insert(
        "audit_eventpersonal",
        tuple(connection.ops.quote_name(column) for column in _PERSONAL_COLUMNS),
        [sealed, salt, context.ip, canonical_json(values)],
    )


def mask_secrets(value: Any) -> Any:
    """The same structure with the values of everything that is named like a secret masked."""
    if isinstance(value, dict):
        return {
            key: MASKED if any(word in str(key).lower() for word in _SECRET_WORDS) else mask_secrets(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [mask_secrets(item) for item in value]
    return value

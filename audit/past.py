"""Events that happened elsewhere, before: written many at once, each with its own time and actor, and provable."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from audit.canonical import canonical_event, canonical_json, commitment, mac
from audit.models import Event, EventPersonal
from common.bulk import copy_rows

_CHUNK = 20_000
_EVENT = ("occurred_at action entity entity_id actor_id actor_kind request_id amount changes commitment mac").split()
_PERSONAL = ("commitment", "salt", "ip", "values")
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class PastEvent:
    """`changes` is plain JSON of texts and whole numbers, and says where the event comes from; nothing personal."""

    occurred_at: datetime
    action: str
    entity: str
    entity_id: str = ""
    actor_id: str = ""
    actor_kind: str = "system"
    amount: int | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    ip: str = ""


def write_past(events: Iterable[PastEvent], *, request_id: str) -> int:
    """Append them in their order, in the caller's transaction; how many they were."""
    total = 0
    ahead = iter(events)
    while chunk := list(islice(ahead, _CHUNK)):
        personal: list[tuple[str, str, str, str]] = []
        copy_rows(Event._meta.db_table, _EVENT, _rows(chunk, request_id, personal))
        copy_rows(EventPersonal._meta.db_table, _PERSONAL, personal)
        total += len(chunk)
    return total


def _rows(
    events: Iterable[PastEvent], request_id: str, personal: list[tuple[str, str, str, str]]
) -> Iterator[tuple[object, ...]]:
    for event in events:
        salt = secrets.token_hex(16)
        sealed = commitment(salt, event.ip, _NOTHING)
        form = canonical_event(
            occurred_at=event.occurred_at,
            action=event.action,
            entity=event.entity,
            entity_id=event.entity_id,
            actor_id=event.actor_id,
            actor_kind=event.actor_kind,
            request_id=request_id,
            amount=event.amount,
            changes=event.changes,
            commitment=sealed,
        )
        if event.ip:
            # Without an address there is nothing that could be erased.
            personal.append((sealed, salt, event.ip, "{}"))
        yield (
            event.occurred_at,
            event.action,
            event.entity,
            event.entity_id,
            event.actor_id,
            event.actor_kind,
            request_id,
            event.amount,
            canonical_json(event.changes),
            sealed,
            mac(form),
        )

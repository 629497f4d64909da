"""From event rows to what a seal covers."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from audit.canonical import canonical_event
from audit.models import Event
from audit.seals.merkle import leaf_hash

_FIELDS = (
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
)


def leaf_data(event_id: int, canonical: bytes) -> bytes:
    """The number belongs to what is sealed: two events cannot change places."""
    return f"{event_id}\n".encode() + canonical


def stored_events(events: QuerySet[Event], *, limit: int | None = None) -> Iterator[tuple[int, bytes, str]]:
    """(id, canonical form, mac) of events as the table has them now, by ascending id."""
    rows = events.order_by("id").values_list("id", "mac", *_FIELDS)[:limit]
    for event_id, signature, *values in rows.iterator(chunk_size=2000):
        yield event_id, canonical_event(**dict(zip(_FIELDS, values, strict=True))), signature


def leaf_of(event_id: int, canonical: bytes) -> bytes:
    return leaf_hash(leaf_data(event_id, canonical))


def split(leaves: bytes | memoryview) -> Sequence[bytes]:
    """The leaf hashes of a seal, 32 bytes each."""
    raw = bytes(leaves)
    return [raw[i : i + 32] for i in range(0, len(raw), 32)]


def as_list(canonical: bytes) -> Any:
    """The canonical event as the JSON list that it is."""
    return json.loads(canonical)

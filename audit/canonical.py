"""The canonical form of an event: what its commitment and its HMAC are computed over. docs/audit.md describes it."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

# Made once: a million events are written and sealed by it.
_ENCODER = DjangoJSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Any) -> str:
    """Sorted keys, no spaces, UTF-8 as it is: one spelling for one value."""
    return _ENCODER.encode(value)


def plain(value: Any) -> Any:
    """The value as the database will give it back: what JSON knows, keys as text, whole floats as integers.

    PostgreSQL keeps JSON numbers as decimals: 1e16 comes back as 10000000000000000, and -0.0 without its sign.
    """
    return json.loads(canonical_json(value), parse_float=_number)


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def commitment(salt: str, ip: str, values: Mapping[str, Any]) -> str:
    """SHA-256 over the salt (32 hex digits) and the personal values, in hex."""
    return hashlib.sha256(f"{salt}\n{canonical_json({'ip': ip, 'values': values})}".encode()).hexdigest()


def canonical_event(
    *,
    occurred_at: datetime,
    action: str,
    entity: str,
    entity_id: str,
    actor_id: str,
    actor_kind: str,
    request_id: str,
    amount: int | None,
    changes: Mapping[str, Any],
    commitment: str,
) -> bytes:
    """The bytes that the HMAC covers: every field but the database's own (id, created_at, updated_at)."""
    return canonical_json(
        [
            occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            action,
            entity,
            entity_id,
            actor_id,
            actor_kind,
            request_id,
            amount,
            changes,
            commitment,
        ]
    ).encode()


def mac(event: bytes) -> str:
    """HMAC-SHA256 with AUDIT_KEY, in hex."""
    return _mac(settings.AUDIT_KEY, event)


def has_genuine_mac(event: bytes, signature: str) -> bool:
    """Whether AUDIT_KEY or one of AUDIT_PREVIOUS_KEYS made the HMAC."""
    keys = (settings.AUDIT_KEY, *settings.AUDIT_PREVIOUS_KEYS)
    return any(hmac.compare_digest(_mac(key, event), signature) for key in keys)


def _mac(key: str, event: bytes) -> str:
    return hmac.new(key.encode(), event, hashlib.sha256).hexdigest()

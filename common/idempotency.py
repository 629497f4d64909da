"""Idempotency-Key: the same request of the same user has one effect and one answer.

Work that is only ours runs in one transaction with its key and its stored answer: a process that dies leaves neither.
Work that calls another service commits its intent, a provisional answer and a lease, calls, then replaces the answer.
While the lease runs a repeat is told to wait; once it has run out (the worker died) the provisional answer stands.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from common import sql, unit_of_work
from common.crypto import decrypt, encrypt
from common.errors import Conflict, DomainError, Invalid
from common.models import IdempotencyKey

LEASE = timedelta(seconds=30)
KEPT = timedelta(days=7)

# Refusals that the request alone decides: asked again, the answer is the same. 409, 429 and 5xx may change, and so
# may 402 and 403 (credits arrive, an account is enabled again); having had no effect, those simply run again.
STORED_REFUSALS = frozenset({400, 404, 422})


class KeyRequired(Invalid):
    code = "idempotency_key_required"
    detail = _(
        "Cette requête demande un en-tête Idempotency-Key : une valeur unique par action, de 1 à 255 caractères."
    )


class KeyReused(DomainError):
    code = "idempotency_key_reused"
    status = 422
    detail = _("Cette clé d'idempotence a déjà servi pour une autre requête. Utilisez-en une nouvelle.")


class StillRunning(Conflict):
    code = "idempotency_key_in_use"
    detail = _("La même requête est en cours. Réessayez dans un instant avec la même clé.")

    def __init__(self) -> None:
        super().__init__(retry_after=1)


@dataclass(frozen=True)
class StoredAnswer:
    status: int
    body: Any


def validate_key(key: str | None) -> str:
    """1 to 255 visible ASCII characters. Raises `KeyRequired` (missing) or `Invalid` (`invalid_idempotency_key`)."""
    if not key:
        raise KeyRequired
    if len(key) > 255 or not all("!" <= character <= "~" for character in key):
        raise Invalid(
            _("La clé d'idempotence compte 1 à 255 caractères visibles, sans espace."), code="invalid_idempotency_key"
        )
    return key


def fingerprint(method: str, path: str, body: Any) -> bytes:
    """SHA-256 of method, path (without its trailing slash) and the parsed body in canonical form."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(f"{method}\n{path.rstrip('/')}\n{canonical}".encode()).digest()


def claim(user_id: int, key: str, print_: bytes) -> StoredAnswer | None:
    """Take the key inside the caller's transaction, or return what it was answered before.

    Raises `KeyReused` (422) and `StillRunning` (409). A concurrent twin waits here for the first one's commit; the
    `lock_timeout` of the connection turns a long wait into a 409.
    """
    now = timezone.now()
    inserted = sql.fetch_one(
        "INSERT INTO common_idempotencykey (user_id, key, fingerprint, created_at, updated_at) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (user_id, key) DO NOTHING RETURNING id",
        [user_id, key, print_, _at(now), _at(now)],
    )
    if inserted:
        return None
    # Locked, so that of two repeats after a dead worker only one goes on.
    row = IdempotencyKey.objects.select_for_update(no_key=True).get(user_id=user_id, key=key)
    if bytes(row.fingerprint) != print_:
        raise KeyReused
    if row.lease_until is not None and row.lease_until > now:
        raise StillRunning
    if row.answer is None or row.status is None:
        raise StillRunning
    return StoredAnswer(row.status, json.loads(decrypt(bytes(row.answer))))


def store(user_id: int, key: str, answer: StoredAnswer, *, leased: bool = False) -> None:
    """Put the answer beside the key; with `leased` it is provisional until the lease has run out or `store` again."""
    now = timezone.now()
    unit_of_work.write(
        "UPDATE common_idempotencykey SET status = %s, answer = %s, lease_until = %s, updated_at = %s "
        "WHERE user_id = %s AND key = %s",
        [
            answer.status,
            _seal(answer.body),
            _at(now + LEASE) if leased else None,
            _at(now),
            user_id,
            key,
        ],
    )


def store_refusal(user_id: int, key: str, print_: bytes, answer: StoredAnswer) -> None:
    """Remember a deterministic refusal whose transaction was rolled back."""
    now = timezone.now()
    sql.fetch_one(
        "INSERT INTO common_idempotencykey (user_id, key, fingerprint, status, answer, created_at, updated_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (user_id, key) DO NOTHING RETURNING id",
        [
            user_id,
            key,
            print_,
            answer.status,
            _seal(answer.body),
            _at(now),
            _at(now),
        ],
    )


def purge_expired_keys() -> int:
    """Forget keys older than seven days. Returns how many."""
    deleted, _per_model = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return deleted


def _seal(body: Any) -> bytes:
    return encrypt(json.dumps(body, ensure_ascii=False, cls=DjangoJSONEncoder).encode())


def _at(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)

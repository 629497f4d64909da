"""Idempotency-Key: the same request of the same user has one effect and one answer.

Work that is only ours commits its effect, its key and its answer in one transaction: a process that dies leaves none of
them. The key is inserted with the answer at the end, so that a first request pays no round trip for it; a twin does its
work too, waits at the unique index, fails there, and is rolled back: its caller gets the stored answer.

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


_COLUMNS = (
    "user_id",
    "key",
    "fingerprint",
    "status",
    "answer",
    "lease_until",
    "created_at",
    "updated_at",
)
# Every refusal looks here too.
_FIND = (
    "SELECT fingerprint, status, answer, lease_until > %s FROM common_idempotencykey WHERE user_id = %s AND key = %s"
)


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


def find(user_id: int, key: str, print_: bytes) -> StoredAnswer | None:
    """What this request was answered before, if it was.

    Raises `KeyReused` (422) for another request under the same key, `StillRunning` (409) while its lease runs.
    """
    (rows,) = sql.fetch_prepared((_FIND, [_at(timezone.now()), user_id, key]))
    if not rows:
        return None
    fingerprint_, status, answer, is_leased = rows[0]
    if bytes(fingerprint_) != print_:
        raise KeyReused
    if is_leased:
        raise StillRunning
    return StoredAnswer(status, json.loads(decrypt(bytes(answer))))


def store(user_id: int, key: str, print_: bytes, answer: StoredAnswer, *, leased: bool = False) -> datetime | None:
    """Put key and answer into the current unit of work; with `leased` the answer is provisional until `replace`.

    Until when the lease runs, which is what tells this row from a later one under the same key. Where the key exists
    already, the unit of work ends in `django.db.IntegrityError`.
    """
    now = timezone.now()
    lease = now + LEASE if leased else None
    unit_of_work.insert(
        "common_idempotencykey",
        _COLUMNS,
        [
            user_id,
            key,
            print_,
            answer.status,
            _seal(answer.body),
            None if lease is None else _at(lease),
            _at(now),
            _at(now),
        ],
    )
    return lease


def replace(user_id: int, key: str, answer: StoredAnswer, *, lease: datetime | None) -> None:
    """The final answer instead of the provisional one that `store` left under this `lease`, which ends.

    Nothing where another call has taken the key meanwhile: its answer is its own.
    """
    IdempotencyKey.objects.filter(user_id=user_id, key=key, lease_until=lease, lease_until__isnull=False).update(
        status=answer.status, answer=_seal(answer.body), lease_until=None, updated_at=timezone.now()
    )


def store_refusal(user_id: int, key: str, print_: bytes, answer: StoredAnswer) -> None:
    """Remember a deterministic refusal whose transaction was rolled back."""
    IdempotencyKey.objects.bulk_create(
        [IdempotencyKey(user_id=user_id, key=key, fingerprint=print_, status=answer.status, answer=_seal(answer.body))],
        ignore_conflicts=True,
    )


def purge_expired_keys() -> int:
    """Forget keys older than seven days. Returns how many."""
    deleted, _per_model = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return deleted


def _seal(body: Any) -> bytes:
    return encrypt(json.dumps(body, ensure_ascii=False, cls=DjangoJSONEncoder).encode())


def _at(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)

"""The old sites send no Idempotency-Key: the same call of the same user within seconds is the same call."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from common import idempotency, sql
from common.api.idempotency import CallOutside
from common.idempotency import StillRunning, StoredAnswer
from common.models import IdempotencyKey
from common.unit_of_work import retry_deadlocks, unit_of_work

_PAUSE_SECONDS = 0.1


def once(request: Request, user: User, work: Callable[[], Response | CallOutside]) -> Response:
    """Run `work` unless the same user sent the same body here and was answered within the last `LEGACY_REPEAT_SECONDS`:
    then that answer again.

    One that is still under way, however long, is waited for. A refusal has had no effect and is not kept: it simply
    runs again.
    """
    user_id = user.pk
    print_ = idempotency.fingerprint(str(request.method), request.path, request.data)
    key = f"legacy:{print_.hex()}"

    lease = None

    def attempt() -> Response | CallOutside:
        nonlocal lease
        with unit_of_work():
            sql.one_at_a_time(f"{user_id} {key}")
            known = _known(user_id, key, print_)
            if known is not None:
                return Response(known.body, status=known.status)
            IdempotencyKey.objects.filter(user_id=user_id, key=key).delete()
            result = work()
            answer = result.provisional if isinstance(result, CallOutside) else result
            stored = StoredAnswer(answer.status_code, answer.data)
            lease = idempotency.store(user_id, key, print_, stored, leased=isinstance(result, CallOutside))
        return result

    result = _patiently(lambda: retry_deadlocks(attempt))
    if not isinstance(result, CallOutside):
        return result
    final = result.finish()
    idempotency.replace(user_id, key, StoredAnswer(final.status_code, final.data), lease=lease)
    return final


def _known(user_id: int, key: str, print_: bytes) -> StoredAnswer | None:
    """What is fresh enough to be the same call. Raises `StillRunning` while its lease runs."""
    now = timezone.now()
    is_fresh = Q(updated_at__gt=now - timedelta(seconds=settings.LEGACY_REPEAT_SECONDS)) | Q(lease_until__gt=now)
    if not IdempotencyKey.objects.filter(is_fresh, user_id=user_id, key=key).exists():
        return None
    return idempotency.find(user_id, key, print_)


def _patiently(attempt: Callable[[], Response | CallOutside]) -> Response | CallOutside:
    ends = time.monotonic() + settings.PROVIDER_DEADLINE_SECONDS + 2
    while True:
        try:
            return attempt()
        except StillRunning:
            if time.monotonic() > ends:
                raise
            time.sleep(_PAUSE_SECONDS)

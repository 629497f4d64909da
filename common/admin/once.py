"""A question that is answered twice (a double click, "back" and again, a reload) is carried out once.

Every page that asks carries a token of its own; whoever answers first claims it, by one row under a unique index that
is committed before anything is done. A process that dies after the claim has done it or not, as the object's page then
tells; the question can be asked anew.
"""

import re
import uuid

from django.http import HttpRequest

from common.idempotency import fingerprint
from common.models import IdempotencyKey

FIELD = "once"
_TOKEN = re.compile(r"[0-9a-f]{32}")


def new_token() -> str:
    return uuid.uuid4().hex


def claim(request: HttpRequest) -> bool:
    """Whether this answer is the first; one without a token of ours comes from no page of ours, stands for itself."""
    key = _key(request)
    if key is None:
        return True
    _row, is_first = IdempotencyKey.objects.get_or_create(
        user_id=request.user.pk,
        key=key,
        defaults={"fingerprint": fingerprint("POST", request.path, None), "status": 302, "answer": b""},
    )
    return is_first


def release(request: HttpRequest) -> None:
    """What was answered has had no effect, and may be answered again."""
    IdempotencyKey.objects.filter(user_id=request.user.pk, key=_key(request)).delete()


def _key(request: HttpRequest) -> str | None:
    token = request.POST.get(FIELD, "")
    return f"admin:{token}" if _TOKEN.fullmatch(token) else None

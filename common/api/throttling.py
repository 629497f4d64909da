"""The rate limit of everybody without a sign-in, by address; generous, because carriers share addresses."""

import logging
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from common import limits
from common.addresses import subscriber_of
from common.context import current
from common.errors import RateLimited

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
# A cache that fails is not asked again for so long: down or hanging, it costs little.
_DISTRUSTED_SECONDS = 5.0

_distrusted_until = float("-inf")


class AnonymousThrottle(BaseThrottle):
    """For every view of the API; a signed-in request passes."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            count_anonymous()
        return True


def count_anonymous() -> None:
    """Count a request of the context's address (of IPv6 the /64). Raises `RateLimited` (429).

    In the cache, by its atomic increment; while the cache is down, in the database.
    """
    per_minute = settings.RATE_LIMIT_PER_MINUTE
    if per_minute == 0:
        return
    subject = subscriber_of(current().ip)
    minute, second = divmod(int(timezone.now().timestamp()), WINDOW_SECONDS)
    used = _count_in_cache(f"anonymous:{subject}:{minute}")
    if used is None:
        limits.take((limits.Limit("anonymous", attempts=per_minute, window=WINDOW_SECONDS), subject))
    elif used > per_minute:
        raise RateLimited(retry_after=WINDOW_SECONDS - second)


def _count_in_cache(key: str) -> int | None:
    """How often, this time included; None where the cache cannot tell."""
    global _distrusted_until
    if time.monotonic() < _distrusted_until:
        return None
    try:
        if cache.add(key, 1, timeout=2 * WINDOW_SECONDS):
            return 1
        return int(cache.incr(key))
    except Exception as error:
        _distrusted_until = time.monotonic() + _DISTRUSTED_SECONDS
        logger.warning("the cache counts nothing", extra={"error": type(error).__name__})
        return None

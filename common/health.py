"""Health checks: apps register one each; every check answers within a second, without details."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection, connections
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 1.0

OK, DOWN, DISABLED = "ok", "down", "disabled"

# Returns False where the part is not in use; raises where it is down.
Check = Callable[[], bool]

_checks: dict[str, Check] = {}
# Checks of parts that not every installation has: listed only while the function says so.
_optional: dict[str, Callable[[], bool]] = {}


def register(name: str, check: Check, *, only_if: Callable[[], bool] | None = None) -> None:
    """Add a check to `/health`. Raising means down, returning False means not in use.

    With `only_if` it is left out of `/health` where the installation does not have that part.
    """
    _checks[name] = check
    if only_if is not None:
        _optional[name] = only_if


def check_database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def check_cache() -> bool:
    if settings.CACHES["default"]["BACKEND"].endswith("LocMemCache"):
        return False
    if cache.get_or_set("health", 1, 10) is None:
        raise ConnectionError("the cache keeps nothing")
    return True


register("database", check_database)
register("cache", check_cache)


def run(name: str) -> str:
    """`ok`, `down` or `disabled`; a check that takes longer than a second is down."""

    def call() -> bool:
        try:
            return _checks[name]()
        finally:
            # The thread's own connections, which nobody else would close.
            connections.close_all()

    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"health-{name}")
    try:
        return OK if pool.submit(call).result(timeout=TIMEOUT_SECONDS) else DISABLED
    except Exception as error:
        logger.warning("health check failed", extra={"check": name, "error": type(error).__name__})
        return DOWN
    finally:
        pool.shutdown(wait=False)


@never_cache
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """200 while the process lives; `degraded` when a part is down."""
    names = [name for name in _checks if name not in _optional or _optional[name]()]
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        checks: dict[str, Any] = dict(zip(names, pool.map(run, names), strict=True))
    status = "degraded" if DOWN in checks.values() else "ok"
    return JsonResponse({"status": status, "checks": checks})


@never_cache
@require_safe
def health_of(request: HttpRequest, name: str) -> JsonResponse:
    """200 `ok` or `disabled`, 503 `down`."""
    status = run(name)
    return JsonResponse({"status": status}, status=503 if status == DOWN else 200)

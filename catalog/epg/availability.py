"""Many pharmacies asked at once, under one deadline; what they said is remembered.

An answer is fresh for `EPG_CACHE_SECONDS`. After that EPG is asked again, and only where it does not answer the old
one is given, marked as stale, with the time at which it was true. It is never given as fresh.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache as once
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from catalog.epg import adapter
from catalog.epg.codes import cip_key
from common import limits
from common.addresses import subscriber_of
from common.connections import release_connection
from common.context import current

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
# EPG's id of a pharmacy and the `cip_key` of a product.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What EPG said last of a product in a pharmacy, and when; it says "there is some", not how many."""

    is_available: bool
    observed_at: datetime
    is_stale: bool


def look(baskets: Mapping[str, Collection[str]], *, is_anonymous: bool = False) -> dict[Place, Seen]:
    """What is known of every product (CIP) of each pharmacy's basket; what nobody ever said is left out.

    One call per pharmacy, all at the same time, none longer than `EPG_AVAILABILITY_SECONDS`; no database connection
    is held meanwhile. While a breaker is open nobody waits for whom it stands.

    For callers without a sign-in only `EPG_ANONYMOUS_PHARMACIES` are asked, the first in the order of `baskets`, and
    each time that anybody is to be asked counts: raises `RateLimited` (429). What is remembered is free.
    """
    places = [(pharmacy, cip_key(code)) for pharmacy, codes in baskets.items() for code in codes]
    known = _remembered(places)
    fresh_since = timezone.now() - timedelta(seconds=settings.EPG_CACHE_SECONDS)
    missing = {
        pharmacy: unseen
        for pharmacy, codes in baskets.items()
        if (unseen := [code for code in codes if not _is_fresh(known.get((pharmacy, cip_key(code))), fresh_since)])
        and not adapter.is_waiting_pointless(pharmacy)
    }
    if missing:
        if is_anonymous:
            _count_anonymous()
            missing = dict(islice(missing.items(), settings.EPG_ANONYMOUS_PHARMACIES))
        release_connection()
        told = _ask_all(missing)
        _remember(told)
        known |= told
    return {
        place: Seen(is_available, observed_at, is_stale=not _is_fresh((is_available, observed_at), fresh_since))
        for place, (is_available, observed_at) in known.items()
    }


def _count_anonymous() -> None:
    """Count that the context's address has EPG asked. In the database: so seldom, and the limit of the whole site."""
    if settings.EPG_ANONYMOUS_PER_MINUTE:
        limit = limits.Limit("epg:anonymous", attempts=settings.EPG_ANONYMOUS_PER_MINUTE, window=60)
        limits.take((limit, subscriber_of(current().ip)))


def _is_fresh(seen: tuple[bool, datetime] | None, since: datetime) -> bool:
    return seen is not None and seen[1] > since


def _ask_all(baskets: Mapping[str, Sequence[str]]) -> dict[Place, tuple[bool, datetime]]:
    ends = time.monotonic() + settings.EPG_AVAILABILITY_SECONDS
    calls: dict[str, Future[tuple[dict[str, bool], datetime]]] = {
        pharmacy: _pool().submit(copy_context().run, _ask, pharmacy, codes, ends) for pharmacy, codes in baskets.items()
    }
    wait(calls.values(), timeout=settings.EPG_AVAILABILITY_SECONDS)
    told: dict[Place, tuple[bool, datetime]] = {}
    for pharmacy, call in calls.items():
        if not call.done():
            # Still in the queue: nobody waits for its answer any more.
            call.cancel()
        elif (error := call.exception()) is None:
            answers, observed_at = call.result()
            told |= {(pharmacy, key): (is_available, observed_at) for key, is_available in answers.items()}
        elif not isinstance(error, adapter.NotAnswered):
            raise error
    return told


def _ask(pharmacy: str, codes: Sequence[str], ends: float) -> tuple[dict[str, bool], datetime]:
    left = ends - time.monotonic()
    if left < settings.EPG_AVAILABILITY_SECONDS / 3:
        # It waited for a thread of ours: so little patience would blame EPG for that.
        raise adapter.NotAnswered("no time left to ask")
    return adapter.ask_availability(pharmacy, codes, deadline=left), timezone.now()


@once
def _pool() -> ThreadPoolExecutor:
    """Threads of the process that do nothing but wait for EPG."""
    return ThreadPoolExecutor(max_workers=settings.EPG_PARALLEL, thread_name_prefix="epg")


def _remembered(places: Collection[Place]) -> dict[Place, tuple[bool, datetime]]:
    keys = {_key(place): place for place in places}
    found: dict[str, Any] = _or_nothing(lambda: cache.get_many(keys)) or {}
    # The age decides, not when the cache forgets.
    oldest = timezone.now() - settings.EPG_STALE
    return {keys[key]: value for key, value in found.items() if value[1] > oldest}


def _remember(told: Mapping[Place, tuple[bool, datetime]]) -> None:
    entries = {_key(place): value for place, value in told.items()}
    if entries:
        _or_nothing(lambda: cache.set_many(entries, timeout=settings.EPG_STALE.total_seconds()))


def _or_nothing(work: Callable[[], Result]) -> Result | None:
    """A cache that is down costs its time-out and the memory, not the answer."""
    try:
        return work()
    except Exception as error:
        logger.warning("cache failed", extra={"error": type(error).__name__})
        return None


def _key(place: Place) -> str:
    return "epg:" + quote(":".join(place), safe=":")

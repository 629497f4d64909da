"""Sealing: the events that no seal covers yet become the leaves of the next one.

Writers are never made to wait: a seal takes what is committed. Numbers are given out before they commit, so a gap
between two committed numbers may fill later; each seal writes down the gaps that may, with the snapshot in which they
were seen, and the next one looks there again until every transaction of that time is over.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from audit.canonical import canonical_json
from audit.models import Event, Seal
from audit.seals import keys, merkle, ranges
from audit.seals.leaves import leaf_of, stored_events
from common.sql import fetch_all, fetch_one

# A batch: what is held in memory, and what a removed event is searched among.
BATCH = 10_000
FIRST_PREVIOUS = "0" * 64

# A number may be taken an instant before its transaction has its own; nothing of ours takes that long.
_SETTLED = timedelta(minutes=2)
# A restored database counts its transactions anew and would keep old gaps open for years.
_GIVEN_UP = timedelta(days=1)
# The sweep seals what has waited this long, or this many: not every few events a seal.
_DUE_AGE = timedelta(minutes=5)
_DUE_COUNT = 1000
_LOCK = 7_205_759_403


@dataclass(frozen=True)
class Gap:
    """Numbers missing between committed ones, as seen when `horizon` was the next transaction."""

    ids: str
    horizon: int
    seen_at: str

    def may_fill(self, oldest_running: int) -> bool:
        seen = parse_datetime(self.seen_at)
        age = timezone.now() - seen if seen else _GIVEN_UP
        return age < _SETTLED or (oldest_running <= self.horizon and age < _GIVEN_UP)

    def as_json(self) -> list[Any]:
        return [self.ids, self.horizon, self.seen_at]


def seal_all(*, limit: int = BATCH) -> int:
    """Seal everything that is committed, in batches; how many events were sealed."""
    total = 0
    while (seal := seal_next(limit=limit)) is not None:
        total += seal.count
    return total


def seal_due() -> int:
    """For the sweep: seal when the oldest unsealed event is five minutes old, or a thousand wait."""
    last = Seal.objects.order_by("-number").first()
    waiting = Event.objects.filter(id__gt=last.seen_to if last else 0).order_by("id")
    oldest = waiting.values_list("occurred_at", flat=True).first()
    if oldest is None:
        return 0
    is_due = oldest <= timezone.now() - _DUE_AGE or waiting[_DUE_COUNT - 1 : _DUE_COUNT].exists()
    return seal_all() if is_due else 0


def seal_next(*, limit: int = BATCH) -> Seal | None:
    """The next seal over at most `limit` events; None where there is nothing to seal, or another process does it."""
    try:
        with transaction.atomic():
            return _seal_next(limit) if _is_alone() else None
    except IntegrityError:
        # Another process continued the chain: `previous` is unique.
        return None


@contextmanager
def sealed_together() -> Iterator[None]:
    """A transaction whose events are one seal, however many they are, and committed with it.

    What waited before is sealed by itself. Nobody else seals meanwhile, and nobody who writes waits. Two hundred bytes
    of memory an event.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            fetch_one("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        while _seal_next(BATCH) is not None:
            pass
        yield
        _seal_next(None)


def _is_alone() -> bool:
    """SQLite has one writer anyway."""
    if connection.vendor != "postgresql":
        return True
    row = fetch_one("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
    return bool(row and row[0])


def _seal_next(limit: int | None) -> Seal | None:
    last = Seal.objects.order_by("-number").first()
    seen_to = last.seen_to if last else 0
    # Before the events are read: what had ended by then is visible to that reading.
    oldest_running, _ = _snapshot()
    open_gaps = [gap for gap in open_gaps_of(last) if gap.may_fill(oldest_running)]
    late = _filled(open_gaps)
    new = _leaves(Event.objects.filter(id__gt=seen_to), limit) if limit is None or len(late) < limit else []
    found = [*late, *new]
    if not found:
        return None
    now = timezone.now()
    gaps = _without(open_gaps, {event_id for event_id, _leaf in late})
    if connection.vendor == "postgresql" and new:
        # After the events were read: whoever holds a missing number has begun by now.
        _, horizon = _snapshot()
        fresh = ranges.missing((event_id for event_id, _leaf in new), after=seen_to)
        gaps += [Gap(fresh, horizon, now.isoformat())] if fresh else []
    leaves = [leaf for _event_id, leaf in found]
    seal = Seal(
        number=last.number + 1 if last else 1,
        sealed_at=now,
        count=len(found),
        ids=ranges.pack(event_id for event_id, _leaf in found),
        seen_to=new[-1][0] if new else seen_to,
        gaps=[gap.as_json() for gap in gaps],
        leaves=b"".join(leaves),
        root=merkle.root(leaves).hex(),
        previous=last.hash if last else FIRST_PREVIOUS,
        key=keys.public_key(),
    )
    seal.hash = seal_hash(seal)
    seal.signature = keys.sign(payload(seal))
    seal.save(force_insert=True)
    return seal


def open_gaps_of(seal: Seal | None) -> list[Gap]:
    return [Gap(*gap) for gap in seal.gaps] if seal else []


def payload(seal: Seal) -> bytes:
    """What is hashed and signed: canonical JSON of everything that a seal says. docs/audit.md gives the list."""
    return canonical_json(
        {
            "number": seal.number,
            "sealed_at": seal.sealed_at.isoformat(),
            "count": seal.count,
            "ids": seal.ids,
            "seen_to": seal.seen_to,
            "gaps": seal.gaps,
            "root": seal.root,
            "previous": seal.previous,
            "key": seal.key,
        }
    ).encode()


def seal_hash(seal: Seal) -> str:
    return merkle.leaf_hash(payload(seal)).hex()


def _snapshot() -> tuple[int, int]:
    """The oldest transaction still running, and the next one to begin (PostgreSQL's 64-bit numbers; SQLite: none)."""
    if connection.vendor != "postgresql":
        return 0, 0
    row = fetch_one("SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text FROM pg_current_snapshot() AS s")
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _leaves(events: QuerySet[Event], limit: int | None = None) -> list[tuple[int, bytes]]:
    return [(event_id, leaf_of(event_id, form)) for event_id, form, _mac in stored_events(events, limit=limit)]


def _filled(gaps: list[Gap]) -> list[tuple[int, bytes]]:
    spans = [span for gap in gaps for span in ranges.spans(gap.ids)]
    if not spans:
        return []
    firsts, lasts = (list(ends) for ends in zip(*spans, strict=True))
    found = fetch_all(
        "SELECT e.id FROM audit_event AS e "
        "JOIN unnest(%s::bigint[], %s::bigint[]) AS gap(first, last) ON e.id BETWEEN gap.first AND gap.last",
        [firsts, lasts],
    )
    return _leaves(Event.objects.filter(id__in=[event_id for (event_id,) in found])) if found else []


def _without(gaps: list[Gap], filled: set[int]) -> list[Gap]:
    left = [Gap(ranges.without(gap.ids, filled), gap.horizon, gap.seen_at) for gap in gaps]
    return [gap for gap in left if gap.ids]

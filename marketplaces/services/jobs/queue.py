"""Into the queue and out of it.

A merchant has one row that says when it is their turn (`JobTurn`). A worker takes the one whose turn came first, and
of theirs the most urgent job that is due; then the merchant goes to the end of those who are due. So a claim costs the
same few steps into indexes however many jobs wait, and whoever has a hundred thousand of them waits like everybody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.models import User
from common.sql import adapt
from common.unit_of_work import retry_deadlocks, unit_of_work
from marketplaces.enums import OPEN_JOB, Channel, JobKind, JobState
from marketplaces.models import ChannelQueue, Job, JobTurn, Listing, Merchant
from marketplaces.models.jobs import PRIORITIES
from marketplaces.signals import job_moved
from marketplaces.tasks import work_channels
from marketplaces.tenancy import crossing, merchant_scope, require_merchant

# What is sold elsewhere goes first: every second may sell it twice.
PRIORITY = {
    JobKind.DELETE: 0,
    JobKind.UPDATE: 0,
    JobKind.ORDERS: 1,
    JobKind.PUBLISH: 2,
    JobKind.SYNC: 3,
    JobKind.MESSAGES: 3,
}
# So far goes what keeps true what the channels show; for a merchant who is switched off nothing else does.
KEEPS_TRUE = PRIORITY[JobKind.ORDERS]
# A withdrawal is wanted until it is done; a publication that nobody could make for a week is stale.
LASTS = {JobKind.DELETE: timedelta(days=365), JobKind.UPDATE: timedelta(days=365)}
USUALLY_LASTS = timedelta(days=7)
# A merchant whose due jobs all wait for a sister of theirs is looked at again so much later.
BLOCKED = timedelta(seconds=1)


@dataclass(frozen=True)
class Claimed:
    """A job that is ours until its lease ends; `attempt` is our number. `stalled`: whoever had it did not come back."""

    merchant_id: int
    job_id: int
    attempt: int
    stalled: bool = False


def enqueue_for_listings(
    kind: JobKind, listings: Sequence[Listing], *, by: User | None, memo: dict[str, Any] | None = None
) -> list[Job]:
    """A job for each of the locked listings, in the caller's transaction. What is asked for already is one job still:
    one that waits is due now, one that runs goes round once more."""
    now = timezone.now()
    with unit_of_work():
        ids = [listing.pk for listing in listings]
        waiting = Job.objects.select_for_update(no_key=True).filter(listing_id__in=ids, kind=kind, state__in=OPEN_JOB)
        known = {job.listing_id: job for job in waiting.order_by("pk")}
        for job in known.values():
            _ask_again(job, memo or {}, now)
        fresh = [
            _new(kind, listing.channel, listing.merchant_id, now, listing=listing, by=by, memo=memo)
            for listing in listings
            if listing.pk not in known
        ]
        Job.objects.bulk_create(fresh)
        for job in fresh:
            job_moved.send(Job, job=job, old=None, by=by)
        _open_queues({listing.channel for listing in listings})
        wake(now)
    return [*known.values(), *fresh]


def enqueue(kind: JobKind, *, channel: str, by: User | None, call: bool = True) -> Job:
    """A job about the whole account, in the caller's transaction; one that is open already is the one. With `call` a
    worker is woken. Where a person asks, one that waits is due now, and one that runs, which may have read too early,
    goes round once more."""
    now = timezone.now()
    with unit_of_work():
        job, is_news = _open_one(kind, channel, now, by=by)
        if by is not None:
            is_news = is_news or _join(job, now, by=by)
            if is_news:
                job_moved.send(Job, job=job, old=None, by=by)
        _open_queues([channel])
        wake(now, call=call)
    return job


def _open_one(kind: JobKind, channel: str, now: datetime, *, by: User | None) -> tuple[Job, bool]:
    """The open job of that kind, locked, and whether it is ours."""
    fresh = _new(kind, channel, require_merchant(), now, by=by)
    open_ = Job.objects.select_for_update(no_key=True).filter(kind=kind, channel=channel, state__in=OPEN_JOB)
    while True:
        # Whoever comes second waits here for the first one's row.
        Job.objects.bulk_create([fresh], ignore_conflicts=True)
        job: Job | None = open_.filter(listing=None).first()
        if job is not None:
            return job, job.public_id == fresh.public_id
        # It has ended while we waited for its lock: now there is room for ours.


def _new(
    kind: JobKind,
    channel: str,
    merchant_id: int,
    now: datetime,
    *,
    by: User | None,
    listing: Listing | None = None,
    memo: dict[str, Any] | None = None,
) -> Job:
    return Job(
        merchant_id=merchant_id,
        kind=kind,
        channel=channel,
        listing=listing,
        priority=PRIORITY[kind],
        next_at=now,
        expires_at=_expires_at(kind, now),
        total=1 if listing is not None else None,
        requested_by=by,
        memo=memo or {},
    )


def _expires_at(kind: JobKind, now: datetime) -> datetime:
    return now + LASTS.get(kind, USUALLY_LASTS)


def _ask_again(job: Job, memo: dict[str, Any], now: datetime) -> None:
    job.memo = {**job.memo, **memo}
    # It may have waited for long: it is wanted anew.
    job.expires_at = _expires_at(JobKind(job.kind), now)
    if job.state == JobState.RUNNING:
        job.again = True
    else:
        job.next_at, job.failures = now, 0
    job.save(update_fields=["memo", "again", "next_at", "failures", "expires_at", "updated_at"])


def _join(job: Job, now: datetime, *, by: User) -> bool:
    """A person asks for a reading that is open already: it stays, for them to look at. Whether they are the first."""
    _ask_again(job, {}, now)
    if job.requested_by_id is not None:
        return False
    job.requested_by = by
    job.save(update_fields=["requested_by", "updated_at"])
    return True


def _open_queues(channels: Iterable[str]) -> None:
    merchant_id = require_merchant()
    ChannelQueue.objects.bulk_create(
        [ChannelQueue(merchant_id=merchant_id, channel=Channel(channel)) for channel in sorted(channels)],
        ignore_conflicts=True,
    )


def wake(at: datetime, *, call: bool = True) -> None:
    """The merchant of the block has something to do at `at`, or earlier; a worker is called where that is now.

    Who calls this holds whatever else it needs already: the row of the turn is the last one that is locked.
    """
    table, moment = JobTurn._meta.db_table, adapt(at, JobTurn._meta.get_field("turn_at"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (merchant_id, turn_at) VALUES (%s, %s) ON CONFLICT (merchant_id) DO UPDATE SET "
            f"turn_at = excluded.turn_at, updated_at = CURRENT_TIMESTAMP "
            f"WHERE {table}.turn_at IS NULL OR {table}.turn_at > excluded.turn_at",
            [require_merchant(), moment],
        )
    if call and at <= timezone.now():
        work_channels.enqueue()


def claim() -> Claimed | None:
    """Take one job, with a lease; None where nothing is due. Begins its own transactions, across all merchants."""
    with crossing():
        while True:
            is_over, claimed = retry_deadlocks(_claim_of_next_merchant)
            if is_over:
                return claimed


def _claim_of_next_merchant() -> tuple[bool, Claimed | None]:
    """Whether that was all, and the job: the merchant whose turn it was may have had nothing to do now."""
    now = timezone.now()
    with unit_of_work():
        turn = (
            JobTurn.objects.select_for_update(no_key=True, skip_locked=True)
            .filter(turn_at__lte=now)
            .order_by("turn_at")
            .values_list("pk", "merchant_id")
            .first()
        )
        if turn is None:
            return True, None
        turn_id, merchant_id = turn
        claimed = _take(merchant_id, now)
        upcoming = next_turn(merchant_id)
        if upcoming is not None:
            upcoming = max(upcoming, now if claimed else now + BLOCKED)
        JobTurn.objects.filter(pk=turn_id, merchant_id=merchant_id).update(turn_at=upcoming, updated_at=now)
        return claimed is not None, claimed


def _take(merchant_id: int, now: datetime) -> Claimed | None:
    rows = _rows(_FIRST_DUE, merchant=merchant_id, now=adapt(now, Job._meta.get_field("next_at")))
    if not rows:
        return None
    job_id, state, attempts = rows[0]
    until = now + timedelta(seconds=settings.JOB_LEASE_SECONDS)
    # Who changes a job holds it and then wants the turn, which is ours: it is passed over, they wake somebody. Locked
    # by a statement of its own: within the UPDATE it would keep the planner from the primary key.
    job = Job.objects.filter(pk=job_id, merchant_id=merchant_id)
    still_due = job.filter(state=state, attempts=attempts, next_at__lte=now)
    if not still_due.select_for_update(no_key=True, skip_locked=True).values_list("pk").first():
        return None
    job.update(state=JobState.RUNNING, attempts=attempts + 1, lease_until=until, next_at=until, updated_at=now)
    return Claimed(merchant_id, job_id, attempts + 1, stalled=state == JobState.RUNNING)


def next_turn(merchant_id: int) -> datetime | None:
    """When the first open job of a merchant is due, or its lease ends; None where there is none that may be done."""
    rows = _rows(_NEXT_DUES, merchant=merchant_id)
    return min((max(_moment(due), _moment(not_before or due)) for due, not_before in rows), default=None)


def beat(claimed: Claimed) -> bool:
    """We are still at it: the lease is as long again. False where it is ours no more."""
    until = timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)
    with merchant_scope(claimed.merchant_id):
        return bool(
            Job.objects.filter(pk=claimed.job_id, state=JobState.RUNNING, attempts=claimed.attempt).update(
                lease_until=until, next_at=until
            )
        )


def _rows(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _moment(value: datetime | str) -> datetime:
    """SQLite keeps times as texts, in UTC and without saying so."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


_JOB, _QUEUE = Job._meta.db_table, ChannelQueue._meta.db_table
_CLASSES = " UNION ALL ".join(f"SELECT {number} AS priority" for number in range(PRIORITIES))
_OPEN = ", ".join(f"'{state}'" for state in OPEN_JOB)
_LANES = (
    f"{_QUEUE} q JOIN {Merchant._meta.db_table} m ON m.id = q.merchant_id CROSS JOIN ({_CLASSES}) p "
    f"WHERE q.merchant_id = %(merchant)s AND q.stopped_at IS NULL AND (m.is_active OR p.priority <= {KEEPS_TRUE})"
)
_OF_LANE = (
    f"FROM {_JOB} w WHERE w.merchant_id = q.merchant_id AND w.channel = q.channel AND w.priority = p.priority "
    f"AND w.state IN ({_OPEN})"
)
# Two jobs about one listing never run at once.
_FREE = (
    f"NOT EXISTS (SELECT 1 FROM {_JOB} r WHERE r.merchant_id = w.merchant_id AND r.listing_id = w.listing_id "
    f"AND r.state = '{JobState.RUNNING}' AND r.lease_until > %(now)s AND r.id <> w.id)"
)
# One look into the index `job_due` for each channel and priority; the best of them is the one.
_FIRST_DUE = (
    f"SELECT j.id, j.state, j.attempts FROM {_JOB} j WHERE j.merchant_id = %(merchant)s AND j.id IN ("
    f"SELECT (SELECT w.id {_OF_LANE} AND w.next_at <= %(now)s AND {_FREE} ORDER BY w.next_at, w.id LIMIT 1) "
    f"FROM {_LANES} AND (q.not_before IS NULL OR q.not_before <= %(now)s)) "
    "ORDER BY j.priority, j.next_at, j.id LIMIT 1"
)
_NEXT_DUES = (
    f"SELECT due, not_before FROM (SELECT q.not_before AS not_before, "
    f"(SELECT w.next_at {_OF_LANE} ORDER BY w.next_at, w.id LIMIT 1) AS due FROM {_LANES}) lanes WHERE due IS NOT NULL"
)

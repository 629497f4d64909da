"""What the sweep finds due: orders to be read, wake-up calls that were lost, queues that stood still for too long."""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from marketplaces.enums import Channel, JobKind, JobState
from marketplaces.models import ChannelQueue, Job, JobTurn
from marketplaces.services.jobs import queue, running
from marketplaces.tasks import work_channels
from marketplaces.tenancy import crossing, merchant_scope

BATCH = 500
# A turn that nobody took for so long: the wake-up call is repeated.
FORGOTTEN = timedelta(seconds=10)


def poll_orders() -> int:
    """A job for every channel whose orders are to be read; how many."""
    now = timezone.now()
    with crossing():
        due = ChannelQueue.objects.filter(orders_at__lte=now, stopped_at=None).order_by("orders_at")
        found = list(due.values_list("merchant_id", "channel")[:BATCH])
    for merchant_id, channel in found:
        _poll(merchant_id, channel, now)
    if found:
        work_channels.enqueue()
    return len(found)


def _poll(merchant_id: int, channel: str, now: datetime) -> None:
    """Two units, for a reading that ends locks its job before the queue; what dies in between is polled again."""
    due = {"channel": channel, "orders_at__lte": now}
    with merchant_scope(merchant_id):
        if ChannelQueue.objects.filter(**due).exists():
            queue.enqueue(JobKind.ORDERS, channel=channel, by=None, call=False)
    with merchant_scope(merchant_id):
        # Again by then even where the job is lost; when it ends it says so itself.
        later = now + timedelta(seconds=settings.ORDER_POLL_SECONDS)
        ChannelQueue.objects.filter(**due).update(orders_at=later)


def call_workers() -> int:
    """Repeat the wake-up call where turns wait that nobody takes; how many merchants wait, up to `BATCH`."""
    with crossing():
        late = JobTurn.objects.filter(turn_at__lte=timezone.now() - FORGOTTEN)
        waiting = len(late.values_list("pk", flat=True)[:BATCH])
    if waiting:
        work_channels.enqueue()
    return waiting


def expire_stopped() -> int:
    """Jobs of queues that stand still are never claimed: those that nobody wants any more become due to expire."""
    now = timezone.now()
    moved = 0
    with crossing():
        stopped = list(
            ChannelQueue.objects.filter(stopped_at__isnull=False).values_list("merchant_id", "channel")[:BATCH]
        )
    for merchant_id, channel in stopped:
        moved += _expire(merchant_id, Channel(channel), now)
    return moved


def _expire(merchant_id: int, channel: Channel, now: datetime) -> int:
    with merchant_scope(merchant_id):
        rows = Job.objects.filter(channel=channel, state=JobState.PENDING, expires_at__lte=now)
        ids = list(rows.values_list("pk", flat=True)[:BATCH])
    for job_id in ids:
        with merchant_scope(merchant_id):
            running.expire(job_id)
    return len(ids)

"""A merchant's queue for one channel: stopped while the merchant is asked, resumed when they have answered."""

from datetime import datetime

from django.utils import timezone

from accounts.models import User
from common.unit_of_work import unit_of_work
from marketplaces.enums import Channel, ConnectionState, StopReason
from marketplaces.models import ChannelConnection, ChannelQueue
from marketplaces.services.jobs.queue import wake
from marketplaces.signals import queue_resumed, queue_stopped
from marketplaces.tenancy import require_merchant

# What the merchant's browser met: nobody but they can tell why.
BROWSER_REASONS = ("session_over", "stopped_by_channel")


def stop(channel: str, reason: StopReason, *, by: User | None = None) -> None:
    """Nothing more is taken out of this queue before `resume`."""
    with unit_of_work():
        queue = _locked(channel)
        if queue.stopped_at is not None:
            return
        queue.stopped_at, queue.stop_reason = timezone.now(), reason
        queue.save(update_fields=["stopped_at", "stop_reason", "updated_at"])
        queue_stopped.send(ChannelQueue, queue=queue, reason=reason, by=by)


def stop_unless_connected(channel: str) -> None:
    """The channel does not let us act: stop, unless the merchant has given access anew meanwhile."""
    if not ChannelConnection.objects.filter(channel=channel, state=ConnectionState.CONNECTED).exists():
        stop(channel, StopReason.CREDENTIALS)


def follow(connection: ChannelConnection, *, by: User | None) -> None:
    """The merchant's access to a channel has begun or ended."""
    if connection.state == ConnectionState.CONNECTED:
        resume(connection.channel, by=by)
    elif connection.reason in BROWSER_REASONS:
        stop(connection.channel, StopReason.BROWSER, by=by)
    else:
        stop(connection.channel, StopReason.CREDENTIALS, by=by)


def resume(channel: str, *, by: User | None = None) -> None:
    """The merchant has done what they were asked for."""
    with unit_of_work():
        queue = _locked(channel)
        if queue.stopped_at is None:
            return
        queue.stopped_at, queue.stop_reason, queue.not_before = None, "", None
        queue.save(update_fields=["stopped_at", "stop_reason", "not_before", "updated_at"])
        queue_resumed.send(ChannelQueue, queue=queue, by=by)
        wake(timezone.now())


def pause(channel: str, until: datetime) -> None:
    """The channel will not listen before `until`."""
    ChannelQueue.objects.filter(channel=channel).update(not_before=until, updated_at=timezone.now())


def _locked(channel: str) -> ChannelQueue:
    ChannelQueue.objects.bulk_create(
        [ChannelQueue(merchant_id=require_merchant(), channel=Channel(channel))], ignore_conflicts=True
    )
    queue: ChannelQueue = ChannelQueue.objects.select_for_update(no_key=True).get(channel=channel)
    return queue

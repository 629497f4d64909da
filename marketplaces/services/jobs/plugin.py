"""What the merchant's own browser does for us: it asks for work, says that it is still at it, and answers.

A task that was taken and not answered within its lease is in doubt, like a call of ours whose worker died: the job
looks before it creates again. An answer that comes too late, twice, or from another browser changes no job; where it
tells of a listing that nobody counts on, that one is withdrawn.
"""

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.utils import timezone

from common.connections import release_connection
from common.errors import NotFound
from common.unit_of_work import retry_deadlocks
from marketplaces.channels import get_channel
from marketplaces.channels.base import Action, BrowserAnswer, BrowserChannel, Outcome, Page
from marketplaces.enums import JobKind, JobState, ListingState, StepState
from marketplaces.exceptions import TaskNotYours
from marketplaces.models import ChannelQueue, Job, Listing, PluginTask
from marketplaces.services import admission, connections, devices
from marketplaces.services.devices import Caller
from marketplaces.services.jobs import closing, queue
from marketplaces.services.jobs.handlers import HANDLERS
from marketplaces.services.jobs.queue import wake
from marketplaces.services.jobs.running import settle
from marketplaces.tenancy import merchant_scope

LONGEST_WAIT = 30.0
MOST_TASKS = 10
# Seconds between two looks of a long poll: at first soon, then rarely.
_FIRST_LOOK, _LAST_LOOK = 0.25, 2.0
_MOST_LATE = 1000


@dataclass(frozen=True)
class Answered:
    """Whether an answer counted, and what became of its task."""

    accepted: bool
    state: str


def wait_for_tasks(
    caller: Caller, *, seconds: float, limit: int, pause: Callable[[float], object] = time.sleep
) -> list[PluginTask]:
    """Up to `limit` tasks, as soon as there is one, at the latest after `seconds`. Between two looks no transaction is
    open and no connection is held. Raises `DeviceRevoked`, `MerchantInactive` (403)."""
    ends = time.monotonic() + min(max(seconds, 0.0), LONGEST_WAIT)
    look = _FIRST_LOOK
    while True:
        tasks = retry_deadlocks(lambda: take(caller, limit=limit))
        left = ends - time.monotonic()
        if tasks or left <= 0:
            return tasks
        release_connection()
        pause(min(look, left))
        look = min(look * 1.5, _LAST_LOOK)


def take(caller: Caller, *, limit: int) -> list[PluginTask]:
    """Tasks for this browser, leased to it; none of a channel that stands still.

    Raises `DeviceRevoked`, `MerchantInactive` (403).
    """
    now = timezone.now()
    until = now + timedelta(seconds=settings.PLUGIN_LEASE_SECONDS)
    with merchant_scope(caller.merchant_id):
        devices.note_seen(caller, now)
        stopped = list(ChannelQueue.objects.filter(stopped_at__isnull=False).values_list("channel", flat=True))
        waiting = PluginTask.objects.filter(state=StepState.PENDING).exclude(channel__in=stopped).order_by("pk")
        tasks = []
        for pk, job_id in waiting.values_list("pk", "job_id")[: min(max(limit, 1), MOST_TASKS)]:
            task = _take(pk, job_id, caller, until=until)
            tasks += [task] if task is not None else []
        if tasks:
            # The lease ends sooner than whatever the merchant's turn was at.
            wake(until, call=False)
    return tasks


def _take(pk: int, job_id: int, caller: Caller, *, until: Any) -> PluginTask | None:
    job = Job.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=job_id, state=JobState.RUNNING).first()
    if job is None:
        return None
    task: PluginTask | None = (
        PluginTask.objects.select_for_update(no_key=True).filter(pk=pk, state=StepState.PENDING).first()
    )
    if task is None:
        return None
    if task.action == Action.PUBLISH and _is_overtaken(job):
        # Sold, withdrawn or forbidden while no browser asked: nothing is put up that has to come down again.
        closing.end_step(task, StepState.FAILED, reason="overtaken")
        closing.postpone(job, timezone.now())
        wake(timezone.now())
        return None
    task.state, task.device_id, task.lease_until = StepState.PROCESSING, caller.device_id, until
    task.save(update_fields=["state", "device", "lease_until", "updated_at"])
    job.lease_until = job.next_at = until
    job.save(update_fields=["lease_until", "next_at", "updated_at"])
    return task


def _is_overtaken(job: Job) -> bool:
    pending = Listing.objects.filter(pk=job.listing_id, state=ListingState.PENDING).select_related("item__category")
    listing = pending.first()
    return listing is None or bool(admission.refusals([listing.item]))


def heartbeat(caller: Caller, task_ids: Iterable[uuid.UUID]) -> int:
    """The browser is still at these tasks; how many of them are still its own.

    Raises `DeviceRevoked`, `MerchantInactive` (403).
    """
    now = timezone.now()
    until = now + timedelta(seconds=settings.PLUGIN_LEASE_SECONDS)
    with merchant_scope(caller.merchant_id):
        devices.note_seen(caller, now)
        return devices.renew(caller, task_ids, until=until)


def has_tasks(caller: Caller) -> bool:
    with merchant_scope(caller.merchant_id):
        return PluginTask.objects.filter(state=StepState.PENDING).exists()


def answer(caller: Caller, task_id: uuid.UUID, said: BrowserAnswer) -> Answered:
    """What the browser says became of a task. Raises `NotFound` (404) for another merchant's or none, `TaskNotYours`
    (409) for one that another browser has, or nobody."""
    return retry_deadlocks(lambda: _answer(caller, task_id, said))


def _answer(caller: Caller, task_id: uuid.UUID, said: BrowserAnswer) -> Answered:
    with merchant_scope(caller.merchant_id):
        found = PluginTask.objects.select_related("job").filter(public_id=task_id).first()
        if found is None:
            raise NotFound
        if found.device_id != caller.device_id:
            raise TaskNotYours
        action = Action(found.action)
        page = cast(BrowserChannel, get_channel(found.channel)).read(action, said)
        HANDLERS[found.job.kind].lock(found.job, page)
        job = Job.objects.select_for_update(no_key=True).get(pk=found.job_id)
        task = PluginTask.objects.select_for_update(no_key=True).get(pk=found.pk)
        if task.state != StepState.PROCESSING or job.state != JobState.RUNNING:
            _note_late(task, job, page)
            return Answered(False, task.state)
        result = page.result
        state = StepState.COMPLETED if result.outcome == Outcome.DONE else StepState.FAILED
        closing.end_step(task, state, outcome=result.outcome, reason=result.reason, detail=result.detail)
        if result.outcome == Outcome.CREDENTIALS:
            connections.stop(caller.merchant_id, task.channel, reason=result.reason)
        settle(job, action, page)
        return Answered(True, state)


def _note_late(task: PluginTask, job: Job, page: Page[Any]) -> None:
    """Nobody waits for this answer any more. A listing that it tells of, and that is not ours, goes."""
    task.late_answers = min(task.late_answers + 1, _MOST_LATE)
    task.save(update_fields=["late_answers", "updated_at"])
    number = page.result.external_id
    if task.action != Action.PUBLISH or page.result.outcome != Outcome.DONE or not number or job.listing_id is None:
        return
    listing = Listing.objects.get(pk=job.listing_id)
    if Listing.objects.filter(channel=task.channel, external_id=number).exclude(pk=listing.pk).exists():
        # Another item's: nothing of ours is to go because of it.
        return
    if listing.state == ListingState.LIVE and number != listing.external_id:
        queue.enqueue_for_listings(JobKind.UPDATE, [listing], by=None, memo={"tidy": True})
    elif listing.state not in (ListingState.LIVE, ListingState.PENDING):
        # Beside the number that we know, whose withdrawal may still wait for its turn.
        extra = ["", number] if listing.external_id not in ("", number) else [number]
        queue.enqueue_for_listings(JobKind.DELETE, [listing], by=None, memo={"looked": True, "extra": extra})

"""One job, one step: what is next is read and written down, the channel is called with nothing held, what it said is
written down.

Whoever dies in between leaves a step that was begun; when the lease has run out somebody else takes the job, knows of
the doubt, and looks before anything is created. Whoever comes back too late finds that the job has another number.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from common.connections import release_connection
from common.context import acting
from common.unit_of_work import persist, retry_deadlocks
from marketplaces.channels.base import Action, BrowserTask, Channel, ChannelError, Outcome, Page, Result, Seller
from marketplaces.enums import JobState, StepState
from marketplaces.models import ChannelCall, Job, Listing, PluginTask
from marketplaces.services import access
from marketplaces.services.jobs import closing, queues
from marketplaces.services.jobs.backoff import next_time
from marketplaces.services.jobs.handlers import HANDLERS, Ask, Onwards, Over
from marketplaces.services.jobs.queue import Claimed, wake
from marketplaces.tenancy import merchant_scope

logger = logging.getLogger(__name__)

# What changes something there, so that nobody knows what is there when it was interrupted.
CREATES = (Action.PUBLISH,)
# Whose answers name the listing.
NUMBERS = (Action.PUBLISH, Action.UPDATE)
_RATE_LIMITED = "rate_limited"
# Somebody connected anew while the channel refused the old access.
RECONNECTED = timedelta(seconds=1)


@dataclass(frozen=True)
class Begun:
    """A step that stands in the database."""

    call_id: int
    channel: str
    ask: Ask


def run(claimed: Claimed) -> None:
    """Take the next step of a job that was claimed. Never raises for what happens out there."""
    with acting("task", f"job:{claimed.job_id}"):
        begun = retry_deadlocks(lambda: _begin(claimed))
        if begun is None:
            return
        page = _call(claimed, begun)
        persist(lambda: retry_deadlocks(lambda: _end(claimed, begun, page)))


def _begin(claimed: Claimed) -> Begun | None:
    """The next call, written down; None where none is needed or the job is ours no more."""
    with merchant_scope(claimed.merchant_id):
        job = _locked(claimed, page=None)
        if job is None:
            return None
        if claimed.stalled and not _recover(job):
            return None
        if job.expires_at <= timezone.now():
            _give_up(job, JobState.EXPIRED, Result(Outcome.REFUSED, reason="expired"))
            return None
        try:
            step = HANDLERS[job.kind].prepare(job)
        except ChannelError as error:
            settle(job, None, Page(error.result()))
            return None
        if isinstance(step, Over):
            _over(job, step)
            return None
        job.save(update_fields=["memo", "updated_at"])
        call = ChannelCall.objects.create(
            merchant_id=job.merchant_id, job=job, action=step.action, state=StepState.PROCESSING
        )
        return Begun(call.pk, job.channel, step)


def _call(claimed: Claimed, begun: Begun) -> Page[Any]:
    """What the channel says, asked without a transaction and without a database connection."""

    def without_connection(channel: Channel, seller: Seller) -> Any:
        release_connection()
        return begun.ask.call(channel, seller)

    try:
        if begun.ask.reads:
            page: Page[Any] = access.read(claimed.merchant_id, begun.channel, without_connection)
            return page
        return Page(access.act(claimed.merchant_id, begun.channel, without_connection))
    except Exception:
        # A mistake of ours in a channel's code: nobody knows how far it came.
        logger.exception("channel call failed", extra={"job": claimed.job_id, "channel": begun.channel})
        return Page(Result(Outcome.UNKNOWN, reason="internal"))


def _end(claimed: Claimed, begun: Begun, page: Page[Any]) -> None:
    with merchant_scope(claimed.merchant_id):
        job = _locked(claimed, page=page)
        if job is None:
            # Somebody else has the job since, and has closed this step.
            return
        call = ChannelCall.objects.select_for_update(no_key=True).get(pk=begun.call_id)
        result = page.result
        is_through = result.outcome in (Outcome.DONE, Outcome.IN_BROWSER)
        closing.end_step(
            call,
            StepState.COMPLETED if is_through else StepState.FAILED,
            outcome=result.outcome,
            reason=result.reason,
            detail=result.detail,
        )
        settle(job, begun.ask.action, page)


def _locked(claimed: Claimed, *, page: Page[Any] | None) -> Job | None:
    """The job, where it is still ours, locked behind everything that it writes."""
    job = Job.objects.filter(pk=claimed.job_id).first()
    if job is None:
        return None
    HANDLERS[job.kind].lock(job, page)
    mine = Job.objects.filter(pk=claimed.job_id, state=JobState.RUNNING, attempts=claimed.attempt)
    found: Job | None = mine.select_for_update(no_key=True).first()
    return found


def settle(job: Job, action: Action | None, page: Page[Any]) -> None:
    """What an answer means for a locked job that runs. `action` is None where nothing was called."""
    if action in NUMBERS and page.result.outcome == Outcome.DONE and _is_anothers(job, page.result.external_id):
        detail = "the number of another item's listing"
        page = Page(Result(Outcome.UNKNOWN, reason="number_taken", detail=detail))
    result = page.result
    match result.outcome:
        case Outcome.DONE:
            step = HANDLERS[job.kind].conclude(job, Action(str(action)), page)
            if isinstance(step, Over):
                _over(job, step)
            else:
                _go_on(job, step)
        case Outcome.IN_BROWSER if result.task is not None:
            _hand_to_browser(job, result.task)
        case Outcome.REFUSED:
            _give_up(job, JobState.FAILED, result)
        case Outcome.CREDENTIALS:
            queues.stop_unless_connected(job.channel)
            closing.postpone(job, timezone.now() + RECONNECTED, **_error(result))
        case _:
            fail(job, action, result)
    wake(timezone.now(), call=False)


def _is_anothers(job: Job, number: str) -> bool:
    """No two listings of a merchant have one number: whoever says so is wrong about what they did."""
    rows = Listing.objects.filter(channel=job.channel, external_id=number).exclude(pk=job.listing_id)
    return bool(number) and rows.exists()


def fail(job: Job, action: Action | None, result: Result) -> None:
    """It was not done, or nobody knows: again after a pause, unless that was the last time."""
    memo = dict(job.memo)
    if result.outcome == Outcome.UNKNOWN and action in CREATES:
        memo = {**memo, "doubt": True}
        memo.pop("looked", None)
    failures = job.failures + 1
    job.memo, job.failures = memo, failures
    if failures >= HANDLERS[job.kind].most_failures:
        job.save(update_fields=["memo", "failures"])
        _give_up(job, JobState.FAILED, result)
        return
    until = next_time(timezone.now(), failures, retry_after=result.retry_after)
    if result.reason == _RATE_LIMITED:
        queues.pause(job.channel, until)
    closing.postpone(job, until, memo=memo, failures=failures, **_error(result))


def _recover(job: Job) -> bool:
    """After a lease that ran out. Whether the job may go on at once."""
    begun = closing.end_open_steps(job, timed_out=True)
    memo, failures = dict(job.memo), job.failures + 1
    if any(action in CREATES for action in begun):
        memo["doubt"] = True
        memo.pop("looked", None)
    job.memo, job.failures = memo, failures
    job.save(update_fields=["memo", "failures", "updated_at"])
    if failures < HANDLERS[job.kind].most_failures:
        return True
    _give_up(job, JobState.FAILED, Result(Outcome.UNKNOWN, reason="interrupted"))
    return False


def expire(job_id: int) -> None:
    """Give up a job that waits and that nobody wants any more, in the block of its merchant."""
    job = Job.objects.get(pk=job_id)
    HANDLERS[job.kind].lock(job, None)
    waiting = Job.objects.select_for_update(no_key=True).filter(pk=job_id, state=JobState.PENDING)
    job = waiting.filter(expires_at__lte=timezone.now()).first()
    if job is not None:
        _give_up(job, JobState.EXPIRED, Result(Outcome.REFUSED, reason="expired"))


def _go_on(job: Job, step: Onwards) -> None:
    # What was asked for meanwhile is not forgotten between two steps either.
    closing.postpone(
        job,
        timezone.now(),
        memo=dict(step.memo),
        failures=0,
        done=job.done + step.done,
        last_error="",
        last_error_code="",
    )


def _over(job: Job, step: Over) -> None:
    if step.traceless and not job.again:
        closing.erase(job)
        return
    closing.complete(job, step.result)


def _give_up(job: Job, state: JobState, result: Result) -> None:
    closing.end_open_steps(job, timed_out=True)
    HANDLERS[job.kind].refuse(job, result)
    closing.move(job, state, **_error(result))


def _hand_to_browser(job: Job, task: BrowserTask) -> None:
    """The merchant's browser does it, whenever it asks; the job waits under a number of its own."""
    PluginTask.objects.create(
        merchant_id=job.merchant_id,
        job=job,
        channel=job.channel,
        action=task.action,
        method=task.method,
        path=task.path,
        params=dict(task.params),
        payload=dict(task.payload),
    )
    job.attempts += 1
    job.lease_until = job.next_at = job.expires_at
    job.save(update_fields=["attempts", "lease_until", "next_at", "updated_at"])


def _error(result: Result) -> dict[str, Any]:
    return {"last_error": (result.detail or result.reason)[:2000], "last_error_code": result.reason[:64]}

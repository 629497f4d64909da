"""The states of jobs and of their steps: the only place that moves them. Jobs are locked by the caller."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import User
from marketplaces.enums import JOB_MOVES, OPEN_JOB, STEP_MOVES, JobState, StepState
from marketplaces.models import ChannelCall, Job, PluginTask
from marketplaces.signals import job_moved

OPEN_STEP = (StepState.PENDING, StepState.PROCESSING)


def move(job: Job, state: JobState, *, by: User | None = None, **fields: Any) -> None:
    """Change the state, and `fields` with it. Raises `IllegalMove` (409)."""
    JOB_MOVES.check(job.state, state)
    old = JobState(job.state)
    job.state = state
    if state != JobState.RUNNING:
        fields["lease_until"] = None
    if state not in OPEN_JOB:
        fields |= {"next_at": None, "finished_at": timezone.now()}
    for name, value in fields.items():
        setattr(job, name, value)
    job.save(update_fields=["state", "updated_at", *fields])
    if state not in OPEN_JOB or old not in OPEN_JOB:
        job_moved.send(Job, job=job, old=old, by=by)


def postpone(job: Job, until: datetime, **fields: Any) -> None:
    """It runs no more, and is due again at `until`."""
    move(job, JobState.PENDING, next_at=until, **fields)


def complete(job: Job, result: Mapping[str, Any]) -> None:
    """Done; or once more, where it was asked for meanwhile."""
    job.refresh_from_db(fields=["again", "memo"])
    if job.again:
        postpone(job, timezone.now(), again=False, failures=0, memo={k: v for k, v in job.memo.items() if k == "tidy"})
        return
    move(
        job,
        JobState.COMPLETED,
        result=dict(result),
        done=max(job.done, job.total or 0),
        memo={},
        last_error="",
        last_error_code="",
    )


def erase(job: Job) -> None:
    """A job that has nothing to tell leaves no trace."""
    ChannelCall.objects.filter(job_id=job.pk).delete()
    PluginTask.objects.filter(job_id=job.pk).delete()
    Job.objects.filter(pk=job.pk).delete()


def end_step(
    step: ChannelCall | PluginTask, state: StepState, *, outcome: str = "", reason: str = "", detail: str = ""
) -> None:
    """Raises `IllegalMove` (409)."""
    STEP_MOVES.check(step.state, state)
    step.state, step.outcome, step.reason, step.detail = state, outcome[:12], reason[:64], detail[:500]
    step.finished_at = timezone.now()
    fields = ["state", "outcome", "reason", "detail", "finished_at", "updated_at"]
    if isinstance(step, PluginTask):
        step.lease_until = None
        fields.append("lease_until")
    step.save(update_fields=fields)


def end_open_steps(job: Job, *, timed_out: bool) -> list[str]:
    """Close whatever step of the job is open; the actions of those that somebody may have begun."""
    begun = []
    for model in (ChannelCall, PluginTask):
        for step in model.objects.select_for_update(no_key=True).filter(job_id=job.pk, state__in=OPEN_STEP):
            if step.state == StepState.PROCESSING:
                begun.append(step.action)
            end_step(step, StepState.TIMEOUT if timed_out else StepState.FAILED)
    return begun

"""What people ask for: items on channels, what stands there already, and jobs called off or tried again."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from marketplaces.channels import get_channel
from marketplaces.channels.base import Action as ChannelAction
from marketplaces.enums import DEAD_LETTER, OF_A_LISTING, OPEN_JOB, JobKind, JobState, ListingState, StepState
from marketplaces.exceptions import ChannelCannot
from marketplaces.models import Job, Listing, Membership, Merchant, PluginTask
from marketplaces.services import publishing, quotas
from marketplaces.services.jobs import closing, queue
from marketplaces.services.jobs.handlers.listings import was_tried
from marketplaces.services.locks import lock_active_merchant, lock_items, lock_listings, lock_merchant
from marketplaces.services.publishing import Action

_KINDS = {Action.PUBLISH: JobKind.PUBLISH, Action.UPDATE: JobKind.UPDATE, Action.WITHDRAW: JobKind.DELETE}
_NEEDS = {
    JobKind.SYNC: ChannelAction.SYNC,
    JobKind.ORDERS: ChannelAction.ORDERS,
    JobKind.MESSAGES: ChannelAction.MESSAGES,
}
# What a person may ask for themselves, and what counts as theirs. What follows from their stock is never refused.
_COUNTED = (JobKind.PUBLISH, JobKind.SYNC, JobKind.ORDERS, JobKind.MESSAGES)
# Called off, the others would leave a channel with what is not true any more.
_MAY_BE_CALLED_OFF = _COUNTED


def carry_out(action: Action, listings: Sequence[Listing], by: User | None) -> None:
    """For `publishing.carry_out_by`: jobs for listings that are locked. Raises `QuotaExceeded` (409)."""
    kind = _KINDS[action]
    if kind in _COUNTED and by is not None:
        quotas.require_jobs(lock_merchant(), adding=len(listings))
    queue.enqueue_for_listings(kind, listings, by=by)


def jobs_today() -> int:
    """How many jobs people of the present merchant have asked for since midnight of the site's time zone, and how often
    they have tried one again."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    asked = Job.objects.filter(created_at__gte=midnight, kind__in=_COUNTED, requested_by__isnull=False).count()
    again = Job.objects.filter(retried_on=midnight.date()).aggregate(times=Sum("retries"))
    return asked + (again["times"] or 0)


def request(kind: JobKind, channel: str, *, by: User) -> Job:
    """Read a channel now: its listings (`sync`), `orders` or `messages`; the open job where there is one.

    Raises `UnknownChannel` (404), `ChannelCannot` (409), `QuotaExceeded` (409), `MerchantInactive` (403).
    """
    if _NEEDS[kind] not in get_channel(channel).can:
        raise ChannelCannot
    with unit_of_work():
        quotas.require_jobs(lock_active_merchant(), adding=1)
        return queue.enqueue(kind, channel=channel, by=by)


def cancel(job: Job, *, by: User) -> Job:
    """Call a job off that nobody is working at, or put a failed one away. Raises `IllegalMove` (409)."""
    with unit_of_work():
        listing = _lock_listing(job)
        job = _lock(job)
        if job.state in DEAD_LETTER:
            closing.move(job, JobState.CANCELLED, by=by)
            return job
        if job.kind not in _MAY_BE_CALLED_OFF:
            raise IllegalMove(_("Ce qui suit le stock ne s'annule pas."))
        if job.state == JobState.RUNNING and not _waits_for_browser(job):
            raise IllegalMove(_("La tâche est en cours."))
        closing.end_open_steps(job, timed_out=False)
        closing.move(job, JobState.CANCELLED, by=by)
        if listing is not None and listing.state == ListingState.PENDING:
            if was_tried(listing):
                publishing.move(listing, ListingState.WITHDRAWING, by=by)
                queue.enqueue_for_listings(JobKind.DELETE, [listing], by=by)
            else:
                publishing.move(listing, ListingState.FAILED, by=by, error_code="cancelled")
    return job


def retry(job: Job, *, by: User) -> Job:
    """Try a job again that failed or expired; what it is about must want it still.

    Raises `IllegalMove` (409), `QuotaExceeded` (409) for members, and for a publication whatever
    `publishing.request_publication` raises.
    """
    with unit_of_work():
        merchant = lock_merchant()
        listing = _lock_listing(job)
        job = _lock(job)
        if job.state not in DEAD_LETTER or _open_one(job):
            raise IllegalMove
        _count_retry(merchant, job, by=by)
        now = timezone.now()
        memo = {name: value for name, value in job.memo.items() if name in ("doubt", "tidy")}
        closing.move(
            job, JobState.PENDING, by=by, next_at=now, finished_at=None, failures=0, memo=memo, expires_at=_fresh(job)
        )
        if listing is not None:
            _want_again(job, listing, by=by)
        queue.wake(now)
    return job


def _count_retry(merchant: Merchant, job: Job, *, by: User) -> None:
    """What a member asks for once more is asked for; what staff do for them costs the merchant nothing."""
    if job.kind not in _COUNTED or not Membership.objects.filter(user=by).exists():
        return
    quotas.require_jobs(merchant, adding=1)
    today = timezone.localdate()
    job.retries = (job.retries or 0) + 1 if job.retried_on == today else 1
    job.retried_on = today
    job.save(update_fields=["retries", "retried_on", "updated_at"])


def _want_again(job: Job, listing: Listing, *, by: User) -> None:
    """The listing is asked for once more, by the same rules as the first time; the job is there already."""
    if job.kind == JobKind.PUBLISH:
        if listing.state != ListingState.FAILED:
            raise IllegalMove(_("L'annonce n'attend plus cette publication."))
        publishing.request_publication([listing.item], [listing.channel], by=None)
    elif job.kind == JobKind.DELETE:
        if listing.state in (ListingState.LIVE, ListingState.FAILED):
            publishing.move(listing, ListingState.WITHDRAWING, by=by)
        elif listing.state != ListingState.WITHDRAWING:
            raise IllegalMove(_("L'annonce n'attend plus ce retrait."))
    elif listing.state != ListingState.LIVE:
        raise IllegalMove(_("L'annonce n'est plus en ligne."))


def _fresh(job: Job) -> datetime:
    return timezone.now() + queue.LASTS.get(JobKind(job.kind), queue.USUALLY_LASTS)


def _open_one(job: Job) -> bool:
    same = Job.objects.filter(kind=job.kind, listing_id=job.listing_id, state__in=OPEN_JOB)
    return bool((same if job.kind in OF_A_LISTING else same.filter(channel=job.channel)).exists())


def _lock(job: Job) -> Job:
    found: Job = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
    return found


def _lock_listing(job: Job) -> Listing | None:
    if job.listing_id is None:
        return None
    item_id = Listing.objects.values_list("item_id", flat=True).get(pk=job.listing_id)
    (item,) = lock_items([item_id])
    listing = next(row for row in lock_listings([item_id]) if row.pk == job.listing_id)
    listing.item = item
    return listing


def _waits_for_browser(job: Job) -> bool:
    return PluginTask.objects.filter(job_id=job.pk, state=StepState.PENDING).exists()

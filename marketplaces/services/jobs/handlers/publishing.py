from typing import Any

from django.utils import timezone

from marketplaces.channels.base import Action, ChannelError, Outcome, Page, Result
from marketplaces.enums import JobKind, ListingState
from marketplaces.models import Job, Listing
from marketplaces.services import admission, publishing
from marketplaces.services.jobs import queue
from marketplaces.services.jobs.goods import goods_for, told
from marketplaces.services.jobs.handlers.base import Ask, Onwards, Over
from marketplaces.services.jobs.handlers.listings import (
    ONE_BY_SKU,
    OfListing,
    acts_in_browser,
    catch_up,
    live_ids,
    look,
    note_published,
    read_orders,
    save_published,
    was_tried,
)


class Publish(OfListing):
    """One live listing of the item. Whatever may have been tried before is looked for first: channels with an API do
    so themselves, for the others we do."""

    def prepare(self, job: Job) -> Ask | Over:
        listing = self.listing(job)
        if listing.state != ListingState.PENDING:
            return Over({"overtaken": listing.state})
        if (refusal := admission.refusal_of(listing.item)) is not None:
            # It was admitted when somebody asked for it.
            raise ChannelError(Outcome.REFUSED, refusal.code)
        if "doubt" in job.memo and "looked" not in job.memo and acts_in_browser(job.channel):
            return look(listing)
        goods = goods_for(listing, may_exist=was_tried(listing, besides=job))
        job.memo = {**job.memo, "sent": told(goods)}
        return Ask(Action.PUBLISH, lambda channel, seller: channel.publish(seller, goods))

    def conclude(self, job: Job, action: Action, page: Page[Any]) -> Over | Onwards:
        listing = self.listing(job)
        if action == Action.FIND:
            found = live_ids(listing, page)
            if not found:
                return Onwards({**job.memo, "looked": True})
            # It is there; whether it shows what it should is another question.
            result = Result(page.result.outcome, external_id=found[0])
            sent = {"quantity": None, "price": None, "content": None}
        else:
            result, sent = page.result, job.memo["sent"]
        if listing.state != ListingState.PENDING and listing.external_id not in ("", result.external_id):
            return self._beside(listing, result)
        note_published(listing, result, sent)
        listing.published_at = timezone.now()
        read_orders(job.channel)
        if listing.state == ListingState.PENDING:
            publishing.move(listing, ListingState.LIVE, by=None)
            save_published(listing)
            catch_up(listing, sent)
            if "doubt" in job.memo and job.channel not in ONE_BY_SKU:
                queue.enqueue_for_listings(JobKind.UPDATE, [listing], by=None, memo={"tidy": True})
        else:
            save_published(listing)
            if listing.state != ListingState.WITHDRAWING:
                queue.enqueue_for_listings(JobKind.DELETE, [listing], by=None)
        return Over({"external_id": listing.external_id, "url": listing.url})

    def _beside(self, listing: Listing, result: Result) -> Over:
        """Meanwhile the row is of another listing there (linked, read). The one that was made goes; of what is on its
        way out both do."""
        if listing.state == ListingState.LIVE:
            queue.enqueue_for_listings(JobKind.UPDATE, [listing], by=None, memo={"extra": [result.external_id]})
        else:
            memo = {"looked": True, "extra": ["", result.external_id]}
            queue.enqueue_for_listings(JobKind.DELETE, [listing], by=None, memo=memo)
        return Over({"overtaken": listing.state, "withdrawn": result.external_id})

    def refuse(self, job: Job, result: Result) -> None:
        listing = self.listing(job)
        if listing.state != ListingState.PENDING:
            return
        listing.external_id = result.external_id or listing.external_id
        listing.external_offer_id = result.offer_id or listing.external_offer_id
        publishing.move(
            listing, ListingState.FAILED, by=None, error=result.detail or result.reason, error_code=result.reason
        )
        if "doubt" in job.memo:
            # Nobody can tell whether it is there: what is there goes.
            publishing.move(
                listing, ListingState.WITHDRAWING, by=None, error=listing.last_error, error_code=result.reason
            )
            queue.enqueue_for_listings(JobKind.DELETE, [listing], by=None)

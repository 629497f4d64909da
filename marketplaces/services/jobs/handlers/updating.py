from typing import Any

from marketplaces.channels.base import Action, Page, Result
from marketplaces.enums import ListingState
from marketplaces.models import Job
from marketplaces.services import publishing
from marketplaces.services.jobs import gatekeeping
from marketplaces.services.jobs.goods import goods_for, placed, told
from marketplaces.services.jobs.handlers.base import Ask, Onwards, Over
from marketplaces.services.jobs.handlers.listings import (
    OfListing,
    acts_in_browser,
    catch_up,
    live_ids,
    look,
    note_published,
    save_published,
)

NOT_LISTED = "not_listed"


class Update(OfListing):
    """A live listing shows what is here: price and quantity alone where nothing else has changed.

    `tidy` in the memo: a second listing of the same SKU may have been made; whatever is not ours is withdrawn.
    """

    most_failures = 60

    def prepare(self, job: Job) -> Ask | Over:
        listing = self.listing(job)
        if listing.state != ListingState.LIVE:
            return Over({"overtaken": listing.state})
        if job.memo.get("tidy"):
            return look(listing)
        if extra := job.memo.get("extra"):
            there = placed(listing, external_id=extra[0])
            return Ask(Action.WITHDRAW, lambda channel, seller: channel.withdraw(seller, there))
        if listing.pk in {row.pk for row in gatekeeping.withdraw_refused(listing.item)}:
            return Over({"overtaken": ListingState.WITHDRAWING})
        goods = goods_for(listing)
        if goods.quantity == 0:
            publishing.follow(listing.item, by=None)
            return Over({"overtaken": ListingState.WITHDRAWING})
        sent = told(goods)
        job.memo = {**job.memo, "sent": sent}
        # In a browser to publish is to make another one.
        if sent["content"] == listing.content_digest or acts_in_browser(job.channel):
            return Ask(Action.UPDATE, lambda channel, seller: channel.update(seller, goods))
        return Ask(Action.PUBLISH, lambda channel, seller: channel.publish(seller, goods))

    def conclude(self, job: Job, action: Action, page: Page[Any]) -> Over | Onwards:
        listing = self.listing(job)
        if action == Action.FIND:
            found = [number for number in live_ids(listing, page) if number != listing.external_id]
            return Onwards({"extra": list(dict.fromkeys([*job.memo.get("extra", ()), *found]))})
        if action == Action.WITHDRAW:
            return Onwards({"extra": job.memo["extra"][1:]})
        sent = job.memo["sent"]
        note_published(listing, page.result, sent)
        listing.last_error = listing.last_error_code = ""
        save_published(listing)
        catch_up(listing, sent)
        return Over({"quantity": sent["quantity"]})

    def refuse(self, job: Job, result: Result) -> None:
        listing = self.listing(job)
        if listing.state != ListingState.LIVE:
            return
        error, code = result.detail or result.reason, result.reason
        if code == NOT_LISTED:
            publishing.move(listing, ListingState.WITHDRAWN, by=None, error=error, error_code=code)
            return
        listing.last_error, listing.last_error_code = error[:2000], code[:64]
        listing.save(update_fields=["last_error", "last_error_code", "updated_at"])

from typing import Any

from marketplaces.channels.base import Action, Page, Result
from marketplaces.enums import ListingState
from marketplaces.models import Job, Listing
from marketplaces.services import activity, publishing
from marketplaces.services.jobs.goods import placed
from marketplaces.services.jobs.handlers.base import Ask, Onwards, Over
from marketplaces.services.jobs.handlers.listings import OfListing, acts_in_browser, live_ids, look, was_tried
from marketplaces.services.publishing import TAKEN_DOWN

_STANDS = (ListingState.PENDING, ListingState.LIVE)


class Withdraw(OfListing):
    """No live listing of the item there any more. `extra` in the memo: numbers beside the one that we know."""

    most_failures = 60

    def prepare(self, job: Job) -> Ask | Over:
        listing = self.listing(job)
        if listing.state in _STANDS:
            return Over({"overtaken": listing.state})
        if not was_tried(listing) and "extra" not in job.memo:
            _gone(listing)
            return Over({"never_there": True})
        if "looked" not in job.memo and acts_in_browser(job.channel) and not listing.external_id:
            return look(listing)
        extra = job.memo.get("extra") or [""]
        if extra == [""] and "looked" in job.memo:
            _gone(listing)
            return Over({"never_there": True})
        there = placed(listing, external_id=extra[0])
        # `extra` may grow while the call is made (a late answer of a browser): what was asked is known by its number.
        job.memo = {**job.memo, "at": extra[0]}
        return Ask(Action.WITHDRAW, lambda channel, seller: channel.withdraw(seller, there))

    def conclude(self, job: Job, action: Action, page: Page[Any]) -> Over | Onwards:
        listing = self.listing(job)
        if action == Action.FIND:
            return Onwards({**job.memo, "looked": True, "extra": live_ids(listing, page)})
        gone = {job.memo["at"]} if job.memo.get("at") else {"", listing.external_id}
        rest = [number for number in job.memo.get("extra") or () if number not in gone]
        if rest:
            return Onwards({**job.memo, "extra": rest})
        _gone(listing)
        return Over({"external_id": listing.external_id})

    def refuse(self, job: Job, result: Result) -> None:
        listing = self.listing(job)
        if listing.state != ListingState.WITHDRAWING:
            return
        state = ListingState.LIVE if listing.external_id else ListingState.WITHDRAWN
        publishing.move(listing, state, by=None, error=result.detail or result.reason, error_code=result.reason)


def _gone(listing: Listing) -> None:
    if listing.state == ListingState.WITHDRAWING:
        state = ListingState.SOLD_OUT if listing.item.quantity == 0 else ListingState.WITHDRAWN
        publishing.move(listing, state, by=None, error=listing.last_error, error_code=listing.last_error_code)
        if listing.last_error_code == TAKEN_DOWN:
            activity.come_back(listing)

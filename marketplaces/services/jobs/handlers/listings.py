"""What the three kinds of jobs about one listing share."""

from typing import Any

from django.utils import timezone

from marketplaces.channels import get_channel
from marketplaces.channels.base import Action, Goods, ListingStatus, Page, Result
from marketplaces.enums import Channel, JobKind, ListingState
from marketplaces.models import ChannelQueue, ForeignListing, Job, Listing
from marketplaces.services import publishing
from marketplaces.services.jobs import queue
from marketplaces.services.jobs.goods import goods_for, told
from marketplaces.services.jobs.handlers.base import Ask
from marketplaces.services.locks import lock_items, lock_listings

# One SKU is one offer at eBay, whatever happens; on the others two may stand side by side.
ONE_BY_SKU = frozenset({Channel.EBAY})


class OfListing:
    most_failures = 12

    def lock(self, job: Job, page: Page[Any] | None) -> None:
        item_id = Listing.objects.values_list("item_id", flat=True).get(pk=job.listing_id)
        lock_items([item_id])
        lock_listings([item_id])

    def listing(self, job: Job) -> Listing:
        rows = Listing.objects.select_related(
            "item__category", "item__condition", "item__brand", "item__color", "item__material", "item__size"
        )
        listing: Listing = rows.get(pk=job.listing_id)
        return listing


def look(listing: Listing) -> Ask:
    """What stands there under the SKU of the listing."""
    sku = listing.item.sku
    return Ask(Action.FIND, lambda channel, seller: channel.find(seller, sku), reads=True)


def live_ids(listing: Listing, page: Page[Any]) -> list[str]:
    """The numbers of the live listings that a look has found; what is another item's is never one of them, nor what
    names no SKU and was found on the channel before as nobody's."""
    sku = listing.item.sku
    found = [row for row in page.rows if row.status == ListingStatus.LIVE and row.sku in ("", sku)]
    numbers = [row.external_id for row in found]
    others = Listing.objects.filter(channel=listing.channel, external_id__in=numbers).exclude(pk=listing.pk)
    taken = {"", *others.values_list("external_id", flat=True)}
    seen = ForeignListing.objects.filter(channel=listing.channel, external_id__in=numbers, listing=None)
    theirs = set(seen.values_list("external_id", flat=True))
    return [row.external_id for row in found if row.external_id not in (taken if row.sku else taken | theirs)]


def acts_in_browser(channel: str) -> bool:
    """Whether a channel's calls are made by the merchant's browser, which cannot look by itself before it creates."""
    return hasattr(get_channel(channel), "read")


def was_tried(listing: Listing, *, besides: Job | None = None) -> bool:
    """Whether anybody may ever have put it on the channel; the first try of `besides` does not count."""
    if listing.external_id or listing.published_at is not None:
        return True
    tries = Job.objects.filter(listing_id=listing.pk, kind=JobKind.PUBLISH, attempts__gt=0)
    if besides is not None and besides.attempts == 1:
        tries = tries.exclude(pk=besides.pk)
    return tries.exists()


def note_published(listing: Listing, result: Result, sent: dict[str, Any]) -> None:
    """Take down what the channel calls it and what it was told; the caller saves."""
    listing.external_id = result.external_id or listing.external_id
    listing.external_offer_id = result.offer_id or listing.external_offer_id
    listing.url = result.url or listing.url
    listing.published_quantity, listing.content_digest = sent["quantity"], sent["content"]


def save_published(listing: Listing) -> None:
    listing.save(
        update_fields=[
            *("external_id", "external_offer_id", "url", "published_quantity", "published_at", "content_digest"),
            *("last_error", "last_error_code", "updated_at"),
        ]
    )


def catch_up(listing: Listing, sent: dict[str, Any]) -> None:
    """What was changed while the channel was being told follows: a listing that is live shows what is here."""
    if listing.state != ListingState.LIVE:
        return
    goods: Goods = goods_for(listing)
    if goods.quantity == 0:
        publishing.follow(listing.item, by=None)
    elif told(goods) != sent:
        queue.enqueue_for_listings(JobKind.UPDATE, [listing], by=None)


def read_orders(channel: str) -> None:
    """From now on somebody may buy there."""
    ChannelQueue.objects.filter(channel=channel, orders_at=None).update(orders_at=timezone.now())

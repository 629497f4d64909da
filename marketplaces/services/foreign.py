"""Listings that were on a channel before us: they become those of the items that they show."""

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from marketplaces.channels.base import ListingStatus, RemoteListing
from marketplaces.enums import OPEN_JOB, JobKind, ListingState
from marketplaces.models import ForeignListing, Item, Job, Listing
from marketplaces.services import admission, publishing, quotas
from marketplaces.services.jobs import queue
from marketplaces.services.locks import lock_active_merchant, lock_items, lock_listings
from marketplaces.signals import foreign_linked, listing_moved


def adopt(item: Item, listing: Listing | None, channel: str, row: RemoteListing) -> Listing:
    """A live listing of the channel is this item's from now on; then it is brought up to date. The item is locked."""
    if listing is None:
        listing = Listing(merchant_id=item.merchant_id, item=item, channel=channel, state=ListingState.PENDING)
        listing.save(force_insert=True)
        listing_moved.send(Listing, listing=listing, old=None, by=None)
    listing.external_id, listing.external_offer_id, listing.url = row.external_id, row.offer_id, row.url[:500]
    listing.published_quantity, listing.published_at = row.quantity, timezone.now()
    publishing.move(listing, ListingState.LIVE, by=None)
    seen = ForeignListing.objects.filter(channel=channel, external_id=row.external_id, listing=None)
    seen.update(listing=listing, updated_at=timezone.now())
    publishing.follow(item, by=None)
    return listing


def link(found: ForeignListing, item: Item, *, by: User) -> Listing:
    """The merchant says which item a foreign listing shows.

    Raises `IllegalMove` (409) where the item stands on that channel already or the listing is gone or taken,
    `ItemRefused`, `NotForSale`, `QuotaExceeded`, `MerchantInactive` (403). A sold-out item is linked, and withdrawn.
    """
    with unit_of_work():
        merchant = lock_active_merchant()
        (item,) = lock_items([item.pk])
        found = ForeignListing.objects.select_for_update(no_key=True).get(pk=found.pk)
        listing = next((row for row in lock_listings([item.pk]) if row.channel == found.channel), None)
        if found.listing_id is not None or not found.is_live or item.deleted_at is not None:
            raise IllegalMove
        if listing is not None and listing.state in (ListingState.LIVE, ListingState.WITHDRAWING):
            raise IllegalMove
        if listing is not None and _is_being_published(listing):
            raise IllegalMove(_("Une publication de l'article sur ce canal est en cours : attendez-en la fin."))
        taken = Listing.objects.filter(channel=found.channel, external_id=found.external_id)
        if taken.exclude(pk=listing.pk if listing is not None else None).exists():
            raise IllegalMove(_("Cette annonce est déjà celle d'un article."))
        admission.require([item])
        quotas.require_listings(merchant, found.channel, adding=1)
        if listing is not None and listing.state != ListingState.PENDING:
            publishing.move(listing, ListingState.PENDING, by=by)
        row = RemoteListing(
            external_id=found.external_id,
            sku=found.sku,
            title=found.title,
            status=ListingStatus.LIVE,
            quantity=found.quantity,
            offer_id=found.external_offer_id,
            url=found.url,
        )
        listing = adopt(item, listing, found.channel, row)
        found.listing = listing
        found.save(update_fields=["listing", "updated_at"])
        foreign_linked.send(ForeignListing, found=found, item=item, by=by)
        queue.enqueue_for_listings(JobKind.UPDATE, [listing], by=by)
    return listing


def _is_being_published(listing: Listing) -> bool:
    """Whether the channel may be making one of its own: two would stand there, one of them forgotten."""
    tried = Job.objects.filter(listing_id=listing.pk, kind=JobKind.PUBLISH, state__in=OPEN_JOB, attempts__gt=0)
    return bool(tried.exists())

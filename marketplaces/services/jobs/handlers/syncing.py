from typing import Any

from django.utils import timezone

from marketplaces.channels.base import Action, ListingStatus, Page, RemoteListing, Result
from marketplaces.enums import ListingState
from marketplaces.models import ForeignListing, Item, Job, Listing, Merchant
from marketplaces.services import admission, foreign, publishing, quotas
from marketplaces.services.jobs.handlers.base import Ask, Onwards, Over
from marketplaces.services.jobs.handlers.listings import read_orders
from marketplaces.services.locks import lock_items, lock_listings, lock_merchant


class Sync:
    """What the account has listed already, a page a step: known SKUs become listings of their items, the others stand
    in a list from which the merchant links them. So does what may not be an item's: it may not be sold, the plan has no
    room for it, or the merchant was switched off."""

    most_failures = 12

    def lock(self, job: Job, page: Page[Any] | None) -> None:
        if page is None:
            return
        # What is adopted counts against the quota, and is nobody's who was switched off.
        lock_merchant()
        skus = [row.sku for row in page.rows if row.sku]
        ids = list(Item.objects.filter(sku__in=skus).values_list("pk", flat=True))
        if ids:
            lock_items(ids)
            lock_listings(ids)

    def prepare(self, job: Job) -> Ask | Over:
        cursor = job.memo.get("cursor", "")
        return Ask(Action.SYNC, lambda channel, seller: channel.sync(seller, cursor), reads=True)

    def conclude(self, job: Job, action: Action, page: Page[Any]) -> Over | Onwards:
        counts = {name: job.memo.get(name, 0) for name in ("adopted", "ended", "foreign", "known")}
        merchant = lock_merchant()
        for row in page.rows:
            what = self._take(job, row, merchant)
            counts[what] = counts.get(what, 0) + 1
        if page.more:
            return Onwards({**counts, "cursor": page.cursor}, done=len(page.rows))
        return Over({**counts, "seen": job.done + len(page.rows)})

    def refuse(self, job: Job, result: Result) -> None:
        """Nothing was changed that would have to be taken back."""

    def _take(self, job: Job, row: RemoteListing, merchant: Merchant) -> str:
        if not row.external_id:
            # An offer that was never published (eBay): nobody can see or buy it.
            return "known"
        item = Item.objects.select_related("category").filter(sku=row.sku).first() if row.sku else None
        listings = Listing.objects.select_related("item__category").filter(channel=job.channel)
        known = listings.filter(external_id=row.external_id).first()
        if item is None:
            if known is None:
                return self._note_foreign(job, row)
            item = known.item
        listing = Listing.objects.filter(item=item, channel=job.channel).first()
        if row.status == ListingStatus.ENDED:
            return self._ended(listing, row)
        if row.status != ListingStatus.LIVE:
            return "known"
        if known not in (None, listing) or (listing is not None and listing.state != ListingState.PENDING):
            return "known"
        if listing is None and item.deleted_at is not None:
            return "known"
        has_room = listing is not None or quotas.room_for_listings(merchant, job.channel) != 0
        if not merchant.is_active or not has_room or admission.refusal_of(item) is not None:
            return self._note_foreign(job, row)
        foreign.adopt(item, listing, job.channel, row)
        read_orders(job.channel)
        return "adopted"

    def _ended(self, listing: Listing | None, row: RemoteListing) -> str:
        if listing is None or listing.state != ListingState.LIVE or listing.external_id != row.external_id:
            return "known"
        publishing.move(listing, ListingState.WITHDRAWN, by=None, error_code="ended_on_channel")
        return "ended"

    def _note_foreign(self, job: Job, row: RemoteListing) -> str:
        ForeignListing.objects.update_or_create(
            merchant_id=job.merchant_id,
            channel=job.channel,
            external_id=row.external_id,
            defaults={
                "external_offer_id": row.offer_id,
                "sku": row.sku[:50],
                "title": row.title[:200],
                "quantity": row.quantity,
                "price": row.price.minor if row.price else None,
                "currency": row.price.currency if row.price else "",
                "url": row.url[:500],
                "is_live": row.status == ListingStatus.LIVE,
                "seen_at": timezone.now(),
            },
        )
        return "foreign"

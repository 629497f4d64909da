"""A merchant who is switched off leaves every channel; switched on again, what left because of that comes back.

Left standing, it would go on being bought while nobody may change it. Withdrawals, changes of quantities and readings
of orders therefore go on for them (`jobs.queue`), so that no piece is sold twice; nothing else does.
"""

from accounts.models import User
from marketplaces.enums import ON_CHANNEL, Channel, ListingState
from marketplaces.models import Item, Listing, Merchant
from marketplaces.services import admission, publishing, quotas
from marketplaces.services.locks import lock_items, lock_listings
from marketplaces.services.publishing import TAKEN_DOWN
from marketplaces.tenancy import require_merchant

_STANDS = (ListingState.PENDING, ListingState.LIVE)
_GONE = (ListingState.WITHDRAWN, ListingState.SOLD_OUT)


def take_down(*, by: User | None) -> None:
    """Ask every channel to let go of what the merchant of the block has there; their row is locked."""
    ids = set(Listing.objects.filter(state__in=ON_CHANNEL).values_list("item_id", flat=True))
    lock_items(ids)
    standing = [listing for listing in lock_listings(ids) if listing.state in _STANDS]
    publishing.withdraw(standing, by=by, error_code=TAKEN_DOWN)


def bring_back(merchant: Merchant) -> None:
    """Ask for what `take_down` took, as far as it may be sold and the plan has room; the merchant's row is locked.

    What is still on its way out comes back once it is out (`come_back`).
    """
    ids = set(Listing.objects.filter(last_error_code=TAKEN_DOWN).values_list("item_id", flat=True))
    items = {item.pk: item for item in lock_items(ids)}
    refused = admission.refusals(list(items.values()))
    marked = [listing for listing in lock_listings(ids) if listing.last_error_code == TAKEN_DOWN]
    for channel in Channel:
        gone = [listing for listing in marked if listing.channel == channel and listing.state in _GONE]
        room = quotas.room_for_listings(merchant, channel)
        coming = [
            listing
            for listing in gone
            if listing.item_id not in refused and _is_offered(items[listing.item_id], listing.channel)
        ][:room]
        publishing.ask_again(coming)
        for listing in gone:
            if listing not in coming:
                publishing.forget_why(listing)


def come_back(listing: Listing) -> None:
    """A locked listing has left its channel because of `take_down`: it is asked for again where its merchant has been
    switched on since. Its place in the plan was never free."""
    if not Merchant.objects.filter(pk=require_merchant(), is_active=True).exists():
        return
    if _is_offered(listing.item, listing.channel) and not admission.refusals([listing.item]):
        publishing.ask_again([listing])
    else:
        publishing.forget_why(listing)


def _is_offered(item: Item, channel: str) -> bool:
    return item.deleted_at is None and item.offered_on(channel) > 0

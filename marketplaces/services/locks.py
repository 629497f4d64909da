"""The order of locks, everywhere: the merchant's row (who counts against a quota holds it), items, listings, orders,
each by their keys."""

from collections.abc import Collection

from marketplaces.exceptions import MerchantInactive
from marketplaces.models import Item, Listing, Merchant, Order
from marketplaces.tenancy import require_merchant


def lock_merchant() -> Merchant:
    """The merchant whose block this is, read again under its row lock."""
    return (
        Merchant.objects.select_for_update(no_key=True, of=("self",)).select_related("plan").get(pk=require_merchant())
    )


def lock_active_merchant() -> Merchant:
    """The same for whatever puts something on sale. Raises `MerchantInactive` (403)."""
    merchant = lock_merchant()
    if not merchant.is_active:
        raise MerchantInactive
    return merchant


def lock_items(item_ids: Collection[int]) -> list[Item]:
    return list(
        Item.objects.select_for_update(no_key=True, of=("self",))
        .select_related("category")
        .filter(pk__in=item_ids)
        .order_by("pk")
    )


def lock_listings(item_ids: Collection[int]) -> list[Listing]:
    """Every listing of these items."""
    return list(Listing.objects.select_for_update(no_key=True).filter(item_id__in=item_ids).order_by("pk"))


def lock_order(order_id: int) -> Order:
    order: Order = Order.objects.select_for_update(no_key=True).get(pk=order_id)
    return order

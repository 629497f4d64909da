"""Between our words and Etsy's: what is sent, and what its answers say."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marketplaces.channels.base import Amount, Goods, ListingStatus, RemoteLine, RemoteListing, RemoteOrder, Seller
from marketplaces.channels.calls import address, shortened, text, whole
from marketplaces.channels.money import as_number, as_text, converted, from_parts

LONGEST_TITLE = 140
LARGEST_QUANTITY = 999
ACTIVE, DRAFT = "active", "draft"


def price(seller: Seller, goods: Goods) -> Amount:
    """The price in the currency of the seller's shop. Raises `ChannelError` (`rate_missing`)."""
    currency = str(seller.settings.get("currency") or "EUR")
    return converted(goods.price, to=currency, rate=str(seller.settings.get("rate") or ""))


def words(seller: Seller, goods: Goods) -> dict[str, str]:
    """What buyers read of a listing, as a form.

    The description ends with the SKU: a draft has none of its own before its inventory is written, and a draft whose
    creation was never answered could not be found again.
    """
    settings = seller.settings
    form = {
        "title": shortened(goods.title, LONGEST_TITLE),
        "description": f"{goods.description or goods.title}\n\n{mark(goods.sku)}",
        "who_made": str(settings.get("who_made") or "someone_else"),
        "when_made": str(settings.get("when_made") or "2020_2026"),
        "taxonomy_id": goods.category,
    }
    for name in ("shipping_profile_id", "return_policy_id"):
        if settings.get(name):
            form[name] = str(settings[name])
    return form


def mark(sku: str) -> str:
    return f"Réf. {sku}"


def draft(seller: Seller, goods: Goods) -> dict[str, str]:
    """A new listing, as a form."""
    quantity = min(goods.quantity, LARGEST_QUANTITY)
    return {**words(seller, goods), "quantity": str(quantity), "price": as_text(price(seller, goods))}


def inventory(seller: Seller, goods: Goods) -> dict[str, Any]:
    """One product with one offering: Etsy replaces the whole inventory."""
    offering = {
        "price": as_number(price(seller, goods)),
        "quantity": min(goods.quantity, LARGEST_QUANTITY),
        "is_enabled": True,
    }
    return {
        "products": [{"sku": goods.sku, "property_values": [], "offerings": [offering]}],
        "price_on_property": [],
        "quantity_on_property": [],
        "sku_on_property": [],
    }


def is_of(row: Mapping[str, Any], sku: str) -> bool:
    """Whether a listing is the one of that SKU, also as a draft that has none yet."""
    skus = row.get("skus")
    if isinstance(skus, list) and any(skus):
        return sku in skus
    return row.get("state") == DRAFT and text(row.get("description"), 20_000).rstrip().endswith(mark(sku))


def listing(row: Mapping[str, Any]) -> RemoteListing:
    skus = row.get("skus")
    state = text(row.get("state"))
    known = {ACTIVE: ListingStatus.LIVE, DRAFT: ListingStatus.DRAFT}
    return RemoteListing(
        external_id=text(row.get("listing_id")),
        sku=text(skus[0], 50) if isinstance(skus, list) and skus else "",
        title=text(row.get("title")),
        status=known.get(state, ListingStatus.ENDED),
        quantity=whole(row.get("quantity")),
        price=from_parts(row.get("price")),
        url=address(row.get("url")),
    )


def order(row: Mapping[str, Any]) -> RemoteOrder | None:
    """A receipt; None where what cannot be left out is missing."""
    number, at, total = text(row.get("receipt_id")), row.get("created_timestamp"), from_parts(row.get("grandtotal"))
    lines = row.get("transactions")
    if not number or type(at) is not int or not 0 <= at < 2**33 or total is None or not isinstance(lines, list):
        return None
    return RemoteOrder(
        external_id=number,
        ordered_at=datetime.fromtimestamp(at, UTC),
        buyer=text(row.get("name"), 120),
        total=total,
        lines=tuple(
            _line(each, total.currency) for each in lines if isinstance(each, dict) and each.get("transaction_id")
        ),
        is_paid=row.get("is_paid") is True,
        is_sent=row.get("is_shipped") is True,
        is_cancelled=text(row.get("status")).casefold() in ("canceled", "cancelled", "fully refunded"),
    )


def _line(row: Mapping[str, Any], currency: str) -> RemoteLine:
    return RemoteLine(
        external_id=text(row.get("transaction_id")),
        sku=text(row.get("sku"), 50),
        listing_id=text(row.get("listing_id")),
        title=text(row.get("title")),
        quantity=max(1, whole(row.get("quantity"))),
        unit_price=from_parts(row.get("price")) or Amount(0, currency),
    )

"""Between our words and eBay's: what is sent, and what its answers say."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from common.moments import is_reasonable
from marketplaces.channels.base import (
    Amount,
    Goods,
    ListingStatus,
    RemoteLine,
    RemoteListing,
    RemoteOrder,
    Seller,
)
from marketplaces.channels.calls import shortened, text, whole
from marketplaces.channels.money import as_text, converted, from_text

FORMAT = "FIXED_PRICE"
PUBLISHED = "PUBLISHED"
LONGEST_TITLE = 80
LONGEST_DESCRIPTION = 4_000
MOST_PICTURES = 24
CURRENCY_OF = {
    "EBAY_AT": "EUR",
    "EBAY_AU": "AUD",
    "EBAY_BE": "EUR",
    "EBAY_CA": "CAD",
    "EBAY_CH": "CHF",
    "EBAY_DE": "EUR",
    "EBAY_ES": "EUR",
    "EBAY_FR": "EUR",
    "EBAY_GB": "GBP",
    "EBAY_IE": "EUR",
    "EBAY_IT": "EUR",
    "EBAY_NL": "EUR",
    "EBAY_PL": "PLN",
    "EBAY_US": "USD",
}
# What eBay's sites call the shared attributes, by the language of the listing.
_ASPECTS = {
    "fr": {"brand": "Marque", "color": "Couleur", "material": "Matière", "size": "Taille"},
    "en": {"brand": "Brand", "color": "Color", "material": "Material", "size": "Size"},
}


def price(seller: Seller, goods: Goods) -> Amount:
    """The price in the currency of the seller's marketplace. Raises `ChannelError` (`rate_missing`)."""
    currency = CURRENCY_OF.get(str(seller.settings["marketplace_id"])) or str(seller.settings.get("currency") or "EUR")
    return converted(goods.price, to=currency, rate=str(seller.settings.get("rate") or ""))


def money(amount: Amount) -> dict[str, str]:
    return {"value": as_text(amount), "currency": amount.currency}


def item(seller: Seller, goods: Goods) -> dict[str, Any]:
    """An inventory item: eBay replaces the one of that SKU as a whole."""
    language = str(seller.settings.get("content_language") or "fr-FR")[:2]
    names = _ASPECTS.get(language, _ASPECTS["en"])
    aspects = {**goods.aspects, **({"brand": goods.brand} if goods.brand else {})}
    product: dict[str, Any] = {
        "title": shortened(goods.title, LONGEST_TITLE),
        "description": shortened(goods.description or goods.title, LONGEST_DESCRIPTION),
        "aspects": {names.get(name, name): [value] for name, value in aspects.items()},
        "imageUrls": [picture.url for picture in goods.pictures[:MOST_PICTURES]],
    }
    if goods.brand:
        product["brand"] = goods.brand
    if goods.ean:
        product["ean"] = [goods.ean]
    return {
        "availability": {"shipToLocationAvailability": {"quantity": goods.quantity}},
        "condition": goods.condition,
        "product": product,
    }


def offer(seller: Seller, goods: Goods) -> dict[str, Any]:
    """An offer of that item on the seller's marketplace, replaced as a whole, too."""
    settings = seller.settings
    return {
        "sku": goods.sku,
        "marketplaceId": settings["marketplace_id"],
        "format": FORMAT,
        "availableQuantity": goods.quantity,
        "categoryId": goods.category,
        "merchantLocationKey": settings["merchant_location_key"],
        "listingDescription": goods.description or goods.title,
        "pricingSummary": {"price": money(price(seller, goods))},
        "listingPolicies": {
            "fulfillmentPolicyId": settings["fulfillment_policy_id"],
            "paymentPolicyId": settings["payment_policy_id"],
            "returnPolicyId": settings["return_policy_id"],
        },
    }


def listing(row: Mapping[str, Any], title: str = "") -> RemoteListing:
    """An offer of theirs as a listing."""
    standing = row.get("listing") if isinstance(row.get("listing"), dict) else {}
    is_live = row.get("status") == PUBLISHED
    summary = row.get("pricingSummary")
    amount = summary.get("price") if isinstance(summary, dict) else None
    number = text(standing.get("listingId")) if isinstance(standing, dict) else ""
    return RemoteListing(
        external_id=number,
        offer_id=text(row.get("offerId")),
        sku=text(row.get("sku")),
        title=title,
        status=ListingStatus.LIVE if is_live else ListingStatus.DRAFT,
        quantity=whole(row.get("availableQuantity")),
        price=from_text(amount.get("value"), amount.get("currency")) if isinstance(amount, dict) else None,
    )


def order(row: Mapping[str, Any]) -> RemoteOrder | None:
    """An order; None where what cannot be left out is missing."""
    at, total = moment(row.get("creationDate")), _total(row.get("pricingSummary"))
    lines = row.get("lineItems")
    number = text(row.get("orderId"))
    if at is None or total is None or not number or not isinstance(lines, list):
        return None
    buyer = row.get("buyer")
    cancelled = row.get("cancelStatus")
    return RemoteOrder(
        external_id=number,
        ordered_at=at,
        buyer=text(buyer.get("username"), 120) if isinstance(buyer, dict) else "",
        total=total,
        lines=tuple(_line(each, total.currency) for each in lines if isinstance(each, dict) and each.get("lineItemId")),
        is_paid=row.get("orderPaymentStatus") == "PAID",
        is_sent=row.get("orderFulfillmentStatus") == "FULFILLED",
        is_cancelled=isinstance(cancelled, dict) and cancelled.get("cancelState") == "CANCELED",
    )


def moment(value: Any) -> datetime | None:
    """A time as eBay writes it, `2026-11-21T10:00:00.000Z`."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None and is_reasonable(at) else None


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _total(summary: Any) -> Amount | None:
    total = summary.get("total") if isinstance(summary, dict) else None
    return from_text(total.get("value"), total.get("currency")) if isinstance(total, dict) else None


def _line(row: Mapping[str, Any], currency: str) -> RemoteLine:
    quantity = max(1, whole(row.get("quantity")))
    total = row.get("total")
    amount = from_text(total.get("value"), total.get("currency")) if isinstance(total, dict) else None
    return RemoteLine(
        external_id=text(row.get("lineItemId")),
        sku=text(row.get("sku"), 50),
        listing_id=text(row.get("legacyItemId")),
        title=text(row.get("title")),
        quantity=quantity,
        # A line's total is what eBay tells; a rest that does not divide is less than the smallest unit a piece.
        unit_price=Amount(amount.minor // quantity, amount.currency) if amount else Amount(0, currency),
    )

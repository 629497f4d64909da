"""eBay's bulk update of prices and quantities: every SKU answers for itself."""

from typing import Any

from . import ebay_checks as checks
from .ebay_checks import EbayError

Books = dict[str, dict[str, Any]]


def update(items: Books, offers: Books, asked: Any) -> list[dict[str, Any]]:
    """What one of the `requests` changes in the books, answered once per offer that it names."""
    sku = asked.get("sku") if isinstance(asked, dict) else None
    if sku not in items:
        return [response(sku, "", 404, checks.UNKNOWN_ITEM)]
    availability = asked.get("shipToLocationAvailability")
    if availability is not None:
        quantity = availability.get("quantity") if isinstance(availability, dict) else None
        if not checks.is_quantity(quantity):
            return [response(sku, "", 400, checks.user_error("quantity: a whole number is expected"))]
        items[sku]["availability"] = {"shipToLocationAvailability": {"quantity": quantity}}
    return [_update_offer(offers, sku, each) for each in asked.get("offers") or []] or [response(sku, "", 200)]


def _update_offer(offers: Books, sku: str, asked: dict[str, Any]) -> dict[str, Any]:
    offer = offers.get(str(asked.get("offerId")))
    if offer is None or offer["sku"] != sku:
        return response(sku, str(asked.get("offerId", "")), 404, checks.UNKNOWN_OFFER)
    if "price" in asked and (wrong := checks.price_error(asked["price"], offer["marketplaceId"])):
        return response(sku, offer["offerId"], 400, wrong)
    if "availableQuantity" in asked and not checks.is_quantity(asked["availableQuantity"]):
        error = checks.user_error("availableQuantity: a whole number is expected")
        return response(sku, offer["offerId"], 400, error)
    if "price" in asked:
        offer["pricingSummary"] = {"price": asked["price"]}
    if "availableQuantity" in asked:
        offer["availableQuantity"] = asked["availableQuantity"]
    return response(sku, offer["offerId"], 200)


def response(sku: Any, offer_id: str, status: int, *errors: EbayError) -> dict[str, Any]:
    shown = [error.shown() for error in errors]
    return {"sku": sku, "offerId": offer_id, "statusCode": status, "errors": shown, "warnings": []}

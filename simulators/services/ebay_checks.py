"""What eBay refuses, in eBay's words: one error per failing field, with its id and category."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from ..wire import Answer, Headers, answer_json

SKU = re.compile(r"[A-Za-z0-9]{1,50}")
PRICE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")
CURRENCY_OF = {
    "EBAY_FR": "EUR",
    "EBAY_BE": "EUR",
    "EBAY_DE": "EUR",
    "EBAY_ES": "EUR",
    "EBAY_IT": "EUR",
    "EBAY_US": "USD",
    "EBAY_GB": "GBP",
    "EBAY_CH": "CHF",
}
CONDITIONS = frozenset(
    """NEW LIKE_NEW NEW_OTHER NEW_WITH_DEFECTS CERTIFIED_REFURBISHED EXCELLENT_REFURBISHED VERY_GOOD_REFURBISHED
    GOOD_REFURBISHED SELLER_REFURBISHED USED_EXCELLENT USED_VERY_GOOD USED_GOOD USED_ACCEPTABLE
    FOR_PARTS_OR_NOT_WORKING""".split()
)
POLICIES = ("fulfillmentPolicyId", "paymentPolicyId", "returnPolicyId")
LONGEST_TITLE = 80
LONGEST_DESCRIPTION = 4_000
USER_ERROR, BAD_SKU, BAD_VALUE = 25002, 25707, 25709


@dataclass(frozen=True)
class EbayError:
    id: int
    message: str
    category: str = "REQUEST"
    parameters: tuple[tuple[str, str], ...] = ()
    domain: str = "API_INVENTORY"

    def shown(self) -> dict[str, Any]:
        return {
            "errorId": self.id,
            "domain": self.domain,
            "category": self.category,
            "message": self.message,
            "longMessage": self.message,
            "parameters": [{"name": name, "value": value} for name, value in self.parameters],
        }


UNKNOWN_ITEM = EbayError(25710, "We didn't find the entity you are requesting.")
UNKNOWN_OFFER = EbayError(25713, "This Offer is not available.")
NO_LANGUAGE = EbayError(
    BAD_VALUE, "Invalid value for header Content-Language.", parameters=(("headerName", "Content-Language"),)
)


def refuse(status: int, *errors: EbayError, headers: Headers = ()) -> Answer:
    body = {"errors": [error.shown() for error in errors]}
    return answer_json(status, body, headers=headers, outcome=f"refused: {errors[0].id} {errors[0].message}")


def user_error(message: str, **parameters: str) -> EbayError:
    return EbayError(USER_ERROR, f"A user error has occurred. {message}", parameters=tuple(parameters.items()))


def sku_error(sku: Any) -> EbayError | None:
    if isinstance(sku, str) and SKU.fullmatch(sku):
        return None
    return EbayError(BAD_SKU, "Invalid sku. sku has to be alphanumeric with up to 50 characters.")


def is_quantity(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def price_error(price: Any, marketplace: Any = None) -> EbayError | None:
    """An amount is a text with at most two decimals, above zero, in the currency of its marketplace."""
    if not isinstance(price, Mapping) or not isinstance(price.get("value"), str):
        return user_error("price: value must be a string and currency a code", fieldName="pricingSummary.price")
    try:
        positive = PRICE.fullmatch(price["value"]) is not None and Decimal(price["value"]) > 0
    except InvalidOperation:
        positive = False
    if not positive:
        return user_error("price: invalid value", fieldName="pricingSummary.price.value")
    if price.get("currency") not in CURRENCY_OF.values():
        return user_error("price: invalid currency", fieldName="pricingSummary.price.currency")
    if marketplace is not None and price["currency"] != CURRENCY_OF[marketplace]:
        return user_error("price: not the currency of the marketplace", fieldName="pricingSummary.price.currency")
    return None


def item_errors(data: Any) -> list[EbayError]:
    """What keeps an inventory item from being stored. It may be incomplete: publishing it then fails."""
    if not isinstance(data, Mapping):
        return [user_error("A JSON object is expected")]
    found = []
    availability = data.get("availability")
    if availability is not None:
        to_location = availability.get("shipToLocationAvailability") if isinstance(availability, Mapping) else None
        if not isinstance(to_location, Mapping) or not is_quantity(to_location.get("quantity")):
            found.append(user_error("quantity: a whole number is expected", fieldName="availability"))
    if data.get("condition") is not None and data["condition"] not in CONDITIONS:
        found.append(user_error("Invalid condition", fieldName="condition"))
    product = data.get("product") or {}
    if not isinstance(product, Mapping):
        return [*found, user_error("product: an object is expected", fieldName="product")]
    for name, longest in (("title", LONGEST_TITLE), ("description", LONGEST_DESCRIPTION), ("brand", 65)):
        if name in product and not (isinstance(product[name], str) and 0 < len(product[name]) <= longest):
            found.append(user_error(f"{name}: a text of 1 to {longest} characters is expected", fieldName=name))
    aspects = product.get("aspects", {})
    if not isinstance(aspects, Mapping) or not all(is_texts(values) for values in aspects.values()):
        found.append(user_error("aspects: names with lists of values are expected", fieldName="aspects"))
    if "ean" in product and not is_texts(product["ean"]):
        found.append(user_error("ean: a list is expected", fieldName="ean"))
    if "imageUrls" in product and not (
        is_texts(product["imageUrls"]) and all(url.startswith(("https://", "http://")) for url in product["imageUrls"])
    ):
        found.append(user_error("imageUrls: a list of addresses is expected", fieldName="imageUrls"))
    return found


def is_texts(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(value, str) and value for value in values)


def offer_errors(data: Any) -> list[EbayError]:
    """What keeps an offer from being stored."""
    if not isinstance(data, Mapping):
        return [user_error("A JSON object is expected")]
    found = [error for error in [sku_error(data.get("sku"))] if error]
    if data.get("marketplaceId") not in CURRENCY_OF:
        found.append(EbayError(BAD_VALUE, "Invalid value for marketplaceId.", parameters=(("name", "marketplaceId"),)))
    if data.get("format") != "FIXED_PRICE":
        found.append(EbayError(BAD_VALUE, "Invalid value for format.", parameters=(("name", "format"),)))
    if "availableQuantity" in data and not is_quantity(data["availableQuantity"]):
        found.append(user_error("availableQuantity: a whole number is expected", fieldName="availableQuantity"))
    summary = data.get("pricingSummary")
    if not found and summary is not None:
        error = price_error(summary.get("price") if isinstance(summary, Mapping) else None, data["marketplaceId"])
        found += [error] if error else []
    return found


def publish_errors(offer: Mapping[str, Any], item: Mapping[str, Any]) -> list[EbayError]:
    """What an offer and its item still lack to be a listing."""
    policies = offer.get("listingPolicies")
    missing = [name for name in ("merchantLocationKey", "categoryId") if not offer.get(name)]
    missing += [name for name in POLICIES if not (isinstance(policies, Mapping) and policies.get(name))]
    product = item.get("product") or {}
    missing += [name for name in ("title", "description", "imageUrls") if not product.get(name)]
    missing += [] if item.get("condition") else ["condition"]
    found = [user_error(f"{name} is missing", fieldName=name) for name in missing]
    if price_error((offer.get("pricingSummary") or {}).get("price"), offer["marketplaceId"]):
        found.append(user_error("price is missing or invalid", fieldName="pricingSummary.price"))
    if not offer.get("availableQuantity") or not quantity_of(item):
        found.append(user_error("availableQuantity must be at least 1", fieldName="availableQuantity"))
    return found


def quantity_of(item: Mapping[str, Any]) -> int:
    availability = item.get("availability") or {}
    return int(availability.get("shipToLocationAvailability", {}).get("quantity", 0))

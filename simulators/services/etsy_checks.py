"""What Etsy refuses of a listing and of its inventory, as one sentence."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

WHO_MADE = frozenset({"i_did", "someone_else", "collective"})
WHEN_MADE = re.compile(r"made_to_order|20[12][0-9]_20[12][0-9]|before_[0-9]{4}|[0-9]{4}_[0-9]{4}|[0-9]{4}s")
REQUIRED = ("quantity", "title", "description", "price", "who_made", "when_made", "taxonomy_id")
LONGEST_TITLE = 140
LARGEST_QUANTITY = 999
LONGEST_SKU = 32
DIVISOR = 100
LEAST_CENTS = 20


def cents(value: Any) -> int | None:
    """A price in hundredths: a number (or, in a form, its text) with at most two decimals; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value)) * DIVISOR
    except InvalidOperation:
        return None
    return int(amount) if amount.is_finite() and amount == amount.to_integral_value() and amount > 0 else None


def whole(value: Any) -> int | None:
    """A whole number, or its text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def listing_error(data: Mapping[str, Any]) -> str | None:
    """Why a listing cannot be created, None when it can."""
    missing = [name for name in REQUIRED if data.get(name) in (None, "")]
    if missing:
        return f"Missing required parameters: {', '.join(missing)}"
    quantity = whole(data["quantity"])
    if quantity is None or not 1 <= quantity <= LARGEST_QUANTITY:
        return f"quantity must be between 1 and {LARGEST_QUANTITY}"
    price = cents(data["price"])
    if price is None or price < LEAST_CENTS:
        return "price must be a number with two decimals, at least 0.20"
    if data["who_made"] not in WHO_MADE:
        return "who_made is invalid"
    if not WHEN_MADE.fullmatch(str(data["when_made"])):
        return "when_made is invalid"
    if (whole(data["taxonomy_id"]) or 0) < 1:
        return "taxonomy_id is invalid"
    if len(str(data["title"])) > LONGEST_TITLE:
        return f"title must have at most {LONGEST_TITLE} characters"
    return None


def inventory_error(data: Any) -> str | None:
    """Why an inventory cannot be stored, None when it can."""
    products = data.get("products") if isinstance(data, Mapping) else None
    if not isinstance(products, list) or not products:
        return "products is required"
    for name in ("price_on_property", "quantity_on_property", "sku_on_property"):
        if not isinstance(data.get(name, []), list):
            return f"{name} must be an array"
    for product in products:
        if not isinstance(product, Mapping) or not isinstance(product.get("sku"), str):
            return "products: sku is required"
        if len(product["sku"]) > LONGEST_SKU:
            return f"sku must have at most {LONGEST_SKU} characters"
        if not isinstance(product.get("property_values"), list):
            return "products: property_values is required"
        offerings = product.get("offerings")
        if not isinstance(offerings, list) or not offerings:
            return "products: offerings is required"
        for offering in offerings:
            if error := offering_error(offering):
                return error
    return None


def offering_error(offering: Any) -> str | None:
    if not isinstance(offering, Mapping):
        return "offerings: an object is expected"
    price = offering.get("price")
    if isinstance(price, str) or (cents(price) or 0) < LEAST_CENTS:
        return "offerings: price must be a number with two decimals, at least 0.20"
    quantity = offering.get("quantity")
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 0 <= quantity <= LARGEST_QUANTITY:
        return f"offerings: quantity must be between 0 and {LARGEST_QUANTITY}"
    if not isinstance(offering.get("is_enabled"), bool):
        return "offerings: is_enabled is required"
    return None

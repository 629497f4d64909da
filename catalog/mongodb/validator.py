"""The constraints of `Product` as MongoDB checks them: `$jsonSchema`, everything but the unique code."""

from collections.abc import Mapping
from typing import Any

from catalog.enums import ProductKind

# `catalog.models.LABEL_MAX_LENGTH`; models cannot be imported while the engines are set up.
_LABEL_MAX_LENGTH = 660
_CODE_MAX_LENGTH = 13

_PRODUCT: dict[str, Any] = {
    "bsonType": "object",
    "required": ["code", "label", "kind"],
    "properties": {
        "code": {"bsonType": "string", "minLength": 1, "maxLength": _CODE_MAX_LENGTH},
        "label": {"bsonType": "string", "minLength": 1, "maxLength": _LABEL_MAX_LENGTH},
        "kind": {"enum": list(ProductKind.values)},
        "price": {"bsonType": ["int", "long", "null"], "minimum": 1},
    },
}


def is_valid(product: Mapping[str, Any]) -> bool:
    """Whether the validator accepts a product (field → value)."""
    price = product["price"]
    return (
        0 < len(product["code"]) <= _CODE_MAX_LENGTH
        and 0 < len(product["label"]) <= _LABEL_MAX_LENGTH
        and product["kind"] in ProductKind.values
        and (price is None or price > 0)
    )


def validator_of(model: Any) -> dict[str, Any] | None:
    """The validator of a model's collection, or None."""
    return {"$jsonSchema": _PRODUCT} if model._meta.db_table == "catalog_product" else None

"""Rows as the API shows them, by hand."""

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from marketplaces.models import Attribute, Item, ItemImage, Listing, Membership, Merchant, Order
from marketplaces.services.invitations import Invitation
from marketplaces.services.quotas import Usage
from marketplaces.trouble import in_words

_time = serializers.DateTimeField()


def merchant(row: Merchant, role: str | None) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "name": row.name,
        "role": role,
        "pharmacy": row.pharmacy.code if row.pharmacy else None,
        "plan": row.plan.code,
        "currency": row.currency,
        "is_active": row.is_active,
        "created_at": _time.to_representation(row.created_at),
    }


def member(row: Membership) -> dict[str, Any]:
    return {
        "id": row.user_id,
        "full_name": row.user.get_full_name(),
        "email": row.user.email,
        "role": row.role,
        "created_at": _time.to_representation(row.created_at),
    }


def invitation(made: Invitation) -> dict[str, Any]:
    return {
        "email": made.email,
        "role": made.role.value,
        "expires_at": _time.to_representation(made.expires_at),
    }


def image(row: ItemImage) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "url": row.file.url,
        "content_type": row.content_type,
        "size": row.size,
        "width": row.width,
        "height": row.height,
    }


def item(row: Item) -> dict[str, Any]:
    """`images` in their order, `listings` and the attributes are loaded with it."""
    return {
        "id": str(row.public_id),
        "sku": row.sku,
        "title": row.title,
        "description": row.description,
        "price": row.price,
        "currency": row.currency,
        "quantity": row.quantity,
        "code": row.code,
        "category": row.category.code,
        "condition": row.condition.code,
        "brand": _code(row.brand),
        "color": _code(row.color),
        "material": _code(row.material),
        "size": _code(row.size),
        "stock_buffers": row.stock_buffers,
        "review": row.review,
        "images": [image(each) for each in row.images.all()],
        "listings": [
            {"id": str(each.public_id), "channel": each.channel, "state": each.state} for each in row.listings.all()
        ],
        "created_at": _time.to_representation(row.created_at),
        "updated_at": _time.to_representation(row.updated_at),
    }


def listing(row: Listing) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "item": str(row.item.public_id),
        "sku": row.item.sku,
        "title": row.item.title,
        "channel": row.channel,
        "state": row.state,
        "price": row.item.price if row.price_override is None else row.price_override,
        "currency": row.item.currency,
        "external_id": row.external_id,
        "url": row.url,
        "published_quantity": row.published_quantity,
        "published_at": None if row.published_at is None else _time.to_representation(row.published_at),
        "last_error": in_words(row.last_error_code, row.last_error),
        "last_error_code": row.last_error_code,
        "created_at": _time.to_representation(row.created_at),
        "updated_at": _time.to_representation(row.updated_at),
    }


def order(row: Order) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "channel": row.channel,
        "external_id": row.external_id,
        "state": row.state,
        "task": row.task,
        "task_note": row.task_note,
        "buyer": row.buyer,
        "total": row.total,
        "currency": row.currency,
        "lines": [
            {
                "item": None if line.item is None else str(line.item.public_id),
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
            }
            for line in row.lines.all()
        ],
        "ordered_at": _time.to_representation(row.ordered_at),
        "created_at": _time.to_representation(row.created_at),
    }


def quotas(plan: str, rows: Iterable[Usage]) -> dict[str, Any]:
    return {
        "plan": plan,
        "quotas": [
            {"kind": row.kind.value, "channel": row.channel or None, "used": row.used, "limit": row.limit}
            for row in rows
        ],
    }


def attribute(row: Attribute) -> dict[str, Any]:
    numbers: Any = row.channel_ids  # type: ignore[attr-defined]
    return {"code": row.code, "name": row.name, "channels": sorted(each.channel for each in numbers.all())}


def _code(attribute: Attribute | None) -> str | None:
    return None if attribute is None else attribute.code

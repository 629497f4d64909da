"""Marketplaces: from domain signals to events. What merchants write and who buys from them is in none of them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.dispatch import receiver

from accounts.models import User
from audit.enums import Action
from audit.services import record
from marketplaces import signals as marketplaces
from marketplaces.enums import ListingState, MemberRole, OrderState, OrderTask, Review
from marketplaces.models import Item, Listing, Merchant, Order

# Long texts: that they changed is enough.
_UNTOLD = {"description"}


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: "…" if name in _UNTOLD else value.pk if isinstance(value, Model) else value
        for name, value in values.items()
    }


@receiver(marketplaces.merchant_created, dispatch_uid="audit.merchant_created")
def merchant_created(merchant: Merchant, owner: User, **kwargs: Any) -> None:
    record(
        Action.MERCHANT_CREATED,
        entity="merchant",
        entity_id=merchant.public_id,
        changes={"id": merchant.pk, "pharmacy": merchant.pharmacy_id, "plan": merchant.plan_id, "owner": owner.pk},
    )


@receiver(marketplaces.merchant_changed, dispatch_uid="audit.merchant_changed")
def merchant_changed(merchant: Merchant, old: Mapping[str, Any], new: Mapping[str, Any], **kwargs: Any) -> None:
    record(
        Action.MERCHANT_CHANGED,
        entity="merchant",
        entity_id=merchant.public_id,
        changes={"old": _told(old), "new": _told(new)},
    )


@receiver(marketplaces.member_changed, dispatch_uid="audit.member_changed")
def member_changed(
    merchant_id: int, user_id: int, old: MemberRole | None, new: MemberRole | None, **kwargs: Any
) -> None:
    record(
        Action.MERCHANT_MEMBER_CHANGED,
        entity="merchant",
        entity_id=merchant_id,
        changes={"user": user_id, "old": old, "new": new},
    )


@receiver(marketplaces.member_invited, dispatch_uid="audit.member_invited")
def member_invited(merchant_id: int, email: str, role: MemberRole, **kwargs: Any) -> None:
    record(
        Action.MERCHANT_MEMBER_INVITED,
        entity="merchant",
        entity_id=merchant_id,
        changes={"role": role},
        personal={"email": email},
    )


@receiver(marketplaces.item_created, dispatch_uid="audit.item_created")
def item_created(item: Item, **kwargs: Any) -> None:
    record(
        Action.ITEM_CREATED,
        entity="item",
        entity_id=item.public_id,
        amount=item.price,
        changes={
            "merchant": item.merchant_id,
            "title": item.title,
            "quantity": item.quantity,
            "code": item.code,
            "category": item.category_id,
        },
    )


@receiver(marketplaces.item_changed, dispatch_uid="audit.item_changed")
def item_changed(item: Item, old: Mapping[str, Any], new: Mapping[str, Any], **kwargs: Any) -> None:
    record(
        Action.ITEM_CHANGED,
        entity="item",
        entity_id=item.public_id,
        changes={"merchant": item.merchant_id, "old": _told(old), "new": _told(new)},
    )


@receiver(marketplaces.item_deleted, dispatch_uid="audit.item_deleted")
def item_deleted(item: Item, **kwargs: Any) -> None:
    record(Action.ITEM_DELETED, entity="item", entity_id=item.public_id, changes={"merchant": item.merchant_id})


@receiver(marketplaces.item_refused, dispatch_uid="audit.item_refused")
def item_refused(merchant_id: int | None, code: str, category: str, reason: str, **kwargs: Any) -> None:
    record(
        Action.ITEM_REFUSED,
        entity="merchant",
        entity_id=merchant_id or "",
        changes={"code": code, "category": category, "reason": reason},
    )


@receiver(marketplaces.item_reviewed, dispatch_uid="audit.item_reviewed")
def item_reviewed(item: Item, old: Review, **kwargs: Any) -> None:
    record(
        Action.ITEM_REVIEWED,
        entity="item",
        entity_id=item.public_id,
        changes={"merchant": item.merchant_id, "old": old, "new": item.review, "words": item.flagged_words},
    )


@receiver(marketplaces.images_changed, dispatch_uid="audit.images_changed")
def images_changed(item: Item, change: str, images: list[UUID], **kwargs: Any) -> None:
    record(
        Action.ITEM_IMAGES_CHANGED,
        entity="item",
        entity_id=item.public_id,
        changes={"merchant": item.merchant_id, "change": change, "images": images},
    )


@receiver(marketplaces.listing_moved, dispatch_uid="audit.listing_moved")
def listing_moved(listing: Listing, old: ListingState | None, **kwargs: Any) -> None:
    record(
        Action.LISTING_MOVED,
        entity="listing",
        entity_id=listing.public_id,
        changes={
            "merchant": listing.merchant_id,
            "channel": listing.channel,
            "old": old,
            "new": listing.state,
            "external_id": listing.external_id,
            "error": listing.last_error_code,
        },
    )


@receiver(marketplaces.order_moved, dispatch_uid="audit.order_moved")
def order_moved(order: Order, old: OrderState | None, **kwargs: Any) -> None:
    record(
        Action.ORDER_MOVED,
        entity="order",
        entity_id=order.public_id,
        amount=order.total,
        changes={
            "merchant": order.merchant_id,
            "channel": order.channel,
            "old": old,
            "new": order.state,
            "task": order.task,
        },
    )


@receiver(marketplaces.order_task_closed, dispatch_uid="audit.order_task_closed")
def order_task_closed(order: Order, old: OrderTask, **kwargs: Any) -> None:
    record(
        Action.ORDER_TASK_CLOSED,
        entity="order",
        entity_id=order.public_id,
        changes={"merchant": order.merchant_id, "task": old},
    )

"""What a merchant sells: made, changed, deleted. Everything runs in the merchant's block."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from accounts.models import User
from common.unit_of_work import unit_of_work
from marketplaces import gate
from marketplaces.enums import REVIEW_MOVES, Channel, Review
from marketplaces.exceptions import QuantityChanged
from marketplaces.models import Item
from marketplaces.services import publishing, quotas
from marketplaces.services.locks import lock_active_merchant, lock_items
from marketplaces.signals import item_changed, item_created, item_deleted, item_reviewed
from marketplaces.sku import sku_for

FIELDS = (
    *("title", "description", "price", "quantity", "code", "stock_buffers"),
    *("category", "condition", "brand", "color", "material", "size"),
)


def create_item(*, by: User | None, **fields: Any) -> Item:
    """Put an item into the merchant's stock; `fields` are those of `FIELDS`.

    Raises `NotForSale` (the medicine gate), `Invalid` for a code that is none, `QuotaExceeded`, `MerchantInactive`.
    """
    given = _prepared(fields)
    gate.check(category=given["category"], code=given.get("code", ""))
    with unit_of_work():
        merchant = lock_active_merchant()
        quotas.require_item(merchant)
        item = Item(merchant=merchant, currency=merchant.currency, **given)
        item.sku = sku_for(item.public_id)
        _flag(item)
        item.save(force_insert=True)
        item_created.send(Item, item=item, by=by)
        if item.review == Review.FLAGGED:
            item_reviewed.send(Item, item=item, old=Review.NONE, by=None)
    return item


def update_item(
    item: Item, changes: Mapping[str, Any], *, by: User | None, expected_quantity: int | None = None
) -> Item:
    """Change some of `FIELDS`; channels that show the item follow. Raises as `create_item` does, and `QuantityChanged`
    (409) where the stock is not `expected_quantity` pieces: some were sold since."""
    given = _prepared(changes)
    with unit_of_work():
        (item,) = lock_items([item.pk])
        if expected_quantity is not None and item.quantity != expected_quantity:
            raise QuantityChanged(extra={"quantity": item.quantity})
        old = {name: getattr(item, name) for name in given}
        changed = {name: value for name, value in given.items() if value != old[name]}
        if not changed:
            return item
        for name, value in changed.items():
            setattr(item, name, value)
        if {"category", "code"} & changed.keys():
            gate.check(category=item.category, code=item.code)
        review = Review(item.review)
        _flag(item)
        item.save(update_fields=[*changed, "review", "flagged_words", "updated_at"])
        item_changed.send(Item, item=item, old={name: old[name] for name in changed}, new=changed, by=by)
        if item.review != review:
            item_reviewed.send(Item, item=item, old=review, by=None)
        publishing.follow(item, by=by)
    return item


def delete_item(item: Item, *, by: User | None) -> Item:
    """Take an item out of the stock and off every channel; its row, its sku and its orders stay."""
    with unit_of_work():
        (item,) = lock_items([item.pk])
        if item.deleted_at is not None:
            return item
        publishing.request_withdrawal([item], by=by)
        item.deleted_at = timezone.now()
        item.save(update_fields=["deleted_at", "updated_at"])
        item_deleted.send(Item, item=item, by=by)
    return item


def review_item(item: Item, verdict: Review, *, by: User) -> Item:
    """Staff say whether an item may be sold; a refused one leaves every channel. Raises `IllegalMove` (409)."""
    with unit_of_work():
        (item,) = lock_items([item.pk])
        REVIEW_MOVES.check(item.review, verdict)
        old = Review(item.review)
        item.review, item.reviewed_at, item.reviewed_by = verdict, timezone.now(), by
        item.save(update_fields=["review", "reviewed_at", "reviewed_by", "updated_at"])
        item_reviewed.send(Item, item=item, old=old, by=by)
        if verdict == Review.REFUSED:
            publishing.follow(item, by=by)
    return item


def _prepared(fields: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(fields)
    if "code" in given:
        given["code"] = gate.normalise_code(given["code"])
    if "stock_buffers" in given:
        given["stock_buffers"] = {
            channel: given["stock_buffers"][channel]
            for channel in Channel.values
            if given["stock_buffers"].get(channel)
        }
    return given


def _flag(item: Item) -> None:
    """Words that nobody has looked at yet make somebody look; what staff refused stays refused."""
    words = gate.suspect_words(item.title)
    if item.review != Review.REFUSED and set(words) - set(item.flagged_words):
        item.review = Review.FLAGGED
        item.flagged_words = sorted({*words, *item.flagged_words})

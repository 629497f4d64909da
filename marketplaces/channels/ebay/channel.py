"""eBay's Inventory API: an item by SKU, an offer of it on a marketplace, the offer published as a listing.

The SKU is the key of everything, so that each call may be repeated: items and offers are replaced, a second offer of
the same SKU is refused by eBay with the number of the first, and a published offer stays the same listing.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from marketplaces.channels.base import (
    Action,
    ChannelError,
    Goods,
    ListingStatus,
    Outcome,
    Page,
    Placed,
    RemoteListing,
    RemoteMessage,
    RemoteOrder,
    Result,
    Seller,
)
from marketplaces.channels.calls import fields, paged, require_settings, rows, segment, text, told, unclear, unsupported
from marketplaces.channels.ebay import client, shapes
from marketplaces.channels.ebay.client import INVENTORY, ORDERS, USER_ERROR, EbayRefusal
from marketplaces.channels.ebay.oauth import EbayOAuth
from marketplaces.channels.oauth import OAuth

_PAGE = 100
_ORDERS_PAGE = 200
# Orders of the last days for a connection that has none yet; eBay may list an order late, so the last ones come again.
_FIRST_LOOK = timedelta(days=7)
_OVERLAP = timedelta(minutes=10)


class Ebay:
    name = "ebay"
    oauth: OAuth | None = EbayOAuth()
    can = frozenset(Action) - {Action.MESSAGES}
    requires = frozenset(
        "marketplace_id merchant_location_key fulfillment_policy_id payment_policy_id return_policy_id".split()
    )
    accepts = requires | {"content_language", "currency", "rate"}

    @told
    def publish(self, seller: Seller, goods: Goods) -> Result:
        require_settings(self, seller)
        if not goods.pictures:
            raise ChannelError(Outcome.REFUSED, "image_required", "a listing needs a picture")
        placed = Placed(goods.sku, goods.external_id, goods.offer_id)
        offer = shapes.offer(seller, goods)
        try:
            client.put(seller, f"{INVENTORY}/inventory_item/{segment(goods.sku)}", shapes.item(seller, goods))
            found = self._offers(seller, goods.sku)
            if goods.offer_id not in ("", *(row.offer_id for row in found)):
                # Linked under another SKU, or of another marketplace: two live listings would sell each piece twice.
                self._end_other(seller, goods.offer_id)
            offer_id = found[0].offer_id if found else self._create(seller, offer)
            placed = replace(placed, offer_id=offer_id)
            if found:
                client.put(seller, f"{INVENTORY}/offer/{segment(offer_id)}", offer)
            answer = client.post(seller, f"{INVENTORY}/offer/{segment(offer_id)}/publish", {})
        except ChannelError as error:
            return error.result(placed)
        number = text(fields(answer.body, reads=False).get("listingId"))
        if not number:
            return unclear("no listingId", reads=False).result(placed)
        return Result(Outcome.DONE, external_id=number, offer_id=offer_id)

    @told
    def update(self, seller: Seller, goods: Goods) -> Result:
        require_settings(self, seller)
        live = [row for row in self._offers(seller, goods.sku) if row.status == ListingStatus.LIVE]
        if not live:
            return Result(Outcome.REFUSED, reason="not_listed")
        offer = {
            "offerId": live[0].offer_id,
            "availableQuantity": goods.quantity,
            "price": shapes.money(shapes.price(seller, goods)),
        }
        request = {
            "sku": goods.sku,
            "shipToLocationAvailability": {"quantity": goods.quantity},
            "offers": [offer],
        }
        answer = client.post(seller, f"{INVENTORY}/bulk_update_price_quantity", {"requests": [request]})
        responses = fields(answer.body, reads=False).get("responses")
        if not isinstance(responses, list) or not responses:
            raise unclear("no responses", reads=False)
        for each in responses:
            status = each.get("statusCode") if isinstance(each, dict) else None
            if type(status) is not int:
                raise unclear("no statusCode", reads=False)
            if status >= 300:
                raise client.refusal(status, each.get("errors"))
        return Result(Outcome.DONE, external_id=live[0].external_id, offer_id=live[0].offer_id)

    @told
    def withdraw(self, seller: Seller, placed: Placed) -> Result:
        live = [row for row in self._offers(seller, placed.sku, everywhere=True) if row.status == ListingStatus.LIVE]
        for row in live:
            try:
                client.post(seller, f"{INVENTORY}/offer/{segment(row.offer_id)}/withdraw", {})
            except EbayRefusal:
                # Somebody was faster, or eBay ended it: asked again, it is live no more.
                still = self._offers(seller, placed.sku, everywhere=True)
                if any(each.offer_id == row.offer_id and each.status == ListingStatus.LIVE for each in still):
                    raise
        if placed.offer_id not in ("", *(row.offer_id for row in live)):
            self._end_other(seller, placed.offer_id)
        return Result(Outcome.DONE, external_id=placed.external_id, offer_id=placed.offer_id)

    @paged
    def find(self, seller: Seller, sku: str) -> Page[RemoteListing]:
        found = self._offers(seller, sku, everywhere=True)
        return Page(Result(Outcome.DONE), tuple(sorted(found, key=lambda row: row.status != ListingStatus.LIVE)))

    @paged
    def sync(self, seller: Seller, cursor: str) -> Page[RemoteListing]:
        offset = int(cursor) if cursor.isdigit() else 0
        answer = client.get(seller, f"{INVENTORY}/inventory_item", {"limit": _PAGE, "offset": offset})
        items = rows(answer.body, "inventoryItems") if answer.status < 300 else []
        found: list[RemoteListing] = []
        for item in items:
            product = item.get("product")
            title = text(product.get("title")) if isinstance(product, dict) else ""
            found += [replace(row, title=title) for row in self._offers(seller, text(item.get("sku")), everywhere=True)]
        more = len(items) == _PAGE
        return Page(Result(Outcome.DONE), tuple(found), cursor=str(offset + len(items)) if more else "", more=more)

    @paged
    def orders(self, seller: Seller, cursor: str) -> Page[RemoteOrder]:
        """The cursor is `since offset newest`: a window stays as it is until its last page was read."""
        since, offset, newest = _position(cursor)
        asked = {"filter": f"creationdate:[{shapes.stamp(since)}..]", "limit": _ORDERS_PAGE, "offset": offset}
        found = [shapes.order(row) for row in rows(client.get(seller, ORDERS, asked).body, "orders")]
        if None in found:
            # Passed over, it would never be seen again.
            raise unclear("an order that cannot be read", reads=True)
        read = tuple(sorted((row for row in found if row is not None), key=lambda row: row.ordered_at))
        newest = max([newest, *(row.ordered_at for row in read)])
        if len(read) == _ORDERS_PAGE:
            position = (since, offset + _ORDERS_PAGE, newest)
            return Page(Result(Outcome.DONE), read, cursor=_cursor(*position), more=True)
        since = max(since, newest - _OVERLAP)
        return Page(Result(Outcome.DONE), read, cursor=_cursor(since, 0, since))

    @told
    def fulfil(self, seller: Seller, order_id: str, line_ids: tuple[str, ...]) -> Result:
        body: Mapping[str, Any] = {
            "lineItems": [{"lineItemId": line_id} for line_id in line_ids],
            "shippedDate": shapes.stamp(timezone.now()),
        }
        client.post(seller, f"{ORDERS}/{segment(order_id)}/shipping_fulfillment", body)
        return Result(Outcome.DONE, external_id=order_id)

    def messages(self, seller: Seller, cursor: str) -> Page[RemoteMessage]:
        return Page(unsupported(self, Action.MESSAGES))

    def _offers(self, seller: Seller, sku: str, *, everywhere: bool = False) -> list[RemoteListing]:
        """The seller's offers of a SKU, on their marketplace or on all. eBay says 404 where there is none."""
        params = {"sku": sku} if everywhere else {"sku": sku, "marketplace_id": seller.settings["marketplace_id"]}
        answer = client.get(seller, f"{INVENTORY}/offer", params)
        if answer.status == 404:
            return []
        return [shapes.listing(row) for row in rows(answer.body, "offers") if row.get("format") == shapes.FORMAT]

    def _end_other(self, seller: Seller, offer_id: str) -> None:
        """An offer that is known by its number only is live no more; where there is none, that is right, too."""
        path = f"{INVENTORY}/offer/{segment(offer_id)}"
        answer = client.get(seller, path, {})
        if answer.status < 300 and shapes.listing(fields(answer.body, reads=True)).status == ListingStatus.LIVE:
            client.post(seller, f"{path}/withdraw", {})

    def _create(self, seller: Seller, offer: Mapping[str, Any]) -> str:
        """A new offer's number; where eBay has one already (25002), that one's, brought up to date."""
        try:
            answer = client.post(seller, f"{INVENTORY}/offer", offer)
        except EbayRefusal as error:
            existing = error.errors.get(USER_ERROR, {}).get("offerId", "")
            if not existing.isdigit():
                raise
            client.put(seller, f"{INVENTORY}/offer/{segment(existing)}", offer)
            return existing
        offer_id = text(fields(answer.body, reads=False).get("offerId"))
        if not offer_id:
            raise unclear("no offerId", reads=False)
        return offer_id


def _position(cursor: str) -> tuple[datetime, int, datetime]:
    parts = cursor.split(" ")
    since, newest = (shapes.moment(parts[0]), shapes.moment(parts[-1]))
    if len(parts) != 3 or not parts[1].isdigit() or since is None or newest is None:
        begin = timezone.now() - _FIRST_LOOK
        return begin, 0, begin
    return since, int(parts[1]), newest


def _cursor(since: datetime, offset: int, newest: datetime) -> str:
    return f"{shapes.stamp(since)} {offset} {shapes.stamp(newest)}"

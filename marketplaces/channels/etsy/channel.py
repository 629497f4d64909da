"""Etsy's Open API: a draft, its inventory with the SKU, its pictures, then the state `active`.

Etsy knows no idempotency: a creation without an answer may have made a draft. Nothing is created before the shop was
looked through for the SKU, drafts included; whatever is found is brought up to date instead.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
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
from marketplaces.channels.calls import (
    fields,
    paged,
    require_settings,
    rows,
    segment,
    text,
    told,
    unclear,
    unsupported,
)
from marketplaces.channels.etsy import client, shapes
from marketplaces.channels.etsy.oauth import EtsyOAuth
from marketplaces.channels.oauth import OAuth

# Where a listing of ours may be, the likeliest first.
_STATES = ("active", "draft", "inactive", "sold_out", "expired")
_PAGE = 100
_MOST_PAGES = 100
_MOST_PICTURES = 10
_FIRST_LOOK = timedelta(days=7)
_OVERLAP_SECONDS = 600
_ORDER = [ListingStatus.LIVE, ListingStatus.DRAFT, ListingStatus.ENDED]


class Etsy:
    name = "etsy"
    oauth: OAuth | None = EtsyOAuth()
    can = frozenset(Action) - {Action.MESSAGES}
    requires = frozenset({"shipping_profile_id"})
    accepts = requires | {"currency", "rate", "who_made", "when_made", "return_policy_id"}

    @told
    def publish(self, seller: Seller, goods: Goods) -> Result:
        require_settings(self, seller)
        if not goods.pictures:
            raise ChannelError(Outcome.REFUSED, "image_required", "a listing needs a picture")
        shapes.price(seller, goods)
        listing_id = ""
        try:
            listing_id = self._standing(seller, goods)
            is_new = not listing_id
            if is_new:
                created = client.post_form(seller, f"{client.shop(seller)}/listings", shapes.draft(seller, goods))
                listing_id = text(fields(created.body, reads=False).get("listing_id"))
                if not listing_id:
                    raise unclear("no listing_id", reads=False)
            self._put_inventory(seller, listing_id, goods)
            self._upload(seller, listing_id, goods, is_new=is_new)
            form = {**shapes.words(seller, goods), "state": shapes.ACTIVE}
            answer = client.patch(seller, f"{client.shop(seller)}/listings/{segment(listing_id)}", form)
            if answer.status == 404:
                raise ChannelError(Outcome.LATER, "listing_gone", "deleted meanwhile")
            shown = shapes.listing(fields(answer.body, reads=False))
            if shown.status != ListingStatus.LIVE:
                raise unclear("not active", reads=False)
        except ChannelError as error:
            return error.result(Placed(goods.sku, listing_id))
        return Result(Outcome.DONE, external_id=listing_id, url=shown.url)

    @told
    def update(self, seller: Seller, goods: Goods) -> Result:
        require_settings(self, seller)
        known = self._show(seller, goods.external_id) if goods.external_id else None
        found = [shapes.listing(known)] if known is not None else self._search(seller, goods.sku)
        live = next((row for row in found if row.status == ListingStatus.LIVE), None)
        if live is None:
            return Result(Outcome.REFUSED, reason="not_listed")
        self._put_inventory(seller, live.external_id, goods)
        return Result(Outcome.DONE, external_id=live.external_id, url=live.url)

    @told
    def withdraw(self, seller: Seller, placed: Placed) -> Result:
        known = self._show(seller, placed.external_id) if placed.external_id else None
        found = [shapes.listing(known)] if known is not None else self._search(seller, placed.sku)
        for row in found:
            if row.status == ListingStatus.LIVE:
                path = f"{client.shop(seller)}/listings/{segment(row.external_id)}"
                client.patch(seller, path, {"state": "inactive"})
        return Result(Outcome.DONE, external_id=placed.external_id)

    @paged
    def find(self, seller: Seller, sku: str) -> Page[RemoteListing]:
        return Page(Result(Outcome.DONE), tuple(self._search(seller, sku)))

    @paged
    def sync(self, seller: Seller, cursor: str) -> Page[RemoteListing]:
        """The cursor is `state offset`."""
        state, _, number = (cursor or f"{_STATES[0]} 0").partition(" ")
        if state not in _STATES or not number.isdigit():
            state, number = _STATES[0], "0"
        found = self._page(seller, state, int(number))
        position = _STATES.index(state) + 1
        following = f"{_STATES[position]} 0" if position < len(_STATES) else ""
        if len(found) == _PAGE:
            following = f"{state} {int(number) + _PAGE}"
        return Page(Result(Outcome.DONE), tuple(map(shapes.listing, found)), cursor=following, more=bool(following))

    @paged
    def orders(self, seller: Seller, cursor: str) -> Page[RemoteOrder]:
        """The cursor is `since offset newest`, in seconds: a window stays until its last page was read."""
        since, offset, newest = _position(cursor)
        asked = {"min_created": since, "sort_on": "created", "sort_order": "asc", "limit": _PAGE, "offset": offset}
        answer = client.get(seller, f"{client.shop(seller)}/receipts", asked)
        found = [shapes.order(row) for row in rows(answer.body, "results")]
        if None in found:
            # Passed over, it would never be seen again.
            raise unclear("a receipt that cannot be read", reads=True)
        read = tuple(row for row in found if row is not None)
        newest = max([newest, *(int(row.ordered_at.timestamp()) for row in read)])
        if len(read) == _PAGE:
            return Page(Result(Outcome.DONE), read, cursor=f"{since} {offset + _PAGE} {newest}", more=True)
        since = max(since, newest - _OVERLAP_SECONDS)
        return Page(Result(Outcome.DONE), read, cursor=f"{since} 0 {since}")

    @told
    def fulfil(self, seller: Seller, order_id: str, line_ids: tuple[str, ...]) -> Result:
        client.post(seller, f"{client.shop(seller)}/receipts/{segment(order_id)}/tracking", {})
        return Result(Outcome.DONE, external_id=order_id)

    def messages(self, seller: Seller, cursor: str) -> Page[RemoteMessage]:
        return Page(unsupported(self, Action.MESSAGES))

    def _standing(self, seller: Seller, goods: Goods) -> str:
        """The number of the listing that is there already; empty where one is to be made."""
        if goods.external_id and self._show(seller, goods.external_id) is not None:
            return goods.external_id
        if not goods.may_exist and not goods.external_id:
            return ""
        found = self._search(seller, goods.sku)
        return found[0].external_id if found else ""

    def _show(self, seller: Seller, listing_id: str) -> Mapping[str, Any] | None:
        answer = client.get(seller, f"/listings/{segment(listing_id)}")
        return None if answer.status == 404 else fields(answer.body, reads=True)

    def _search(self, seller: Seller, sku: str) -> list[RemoteListing]:
        """Every listing of a SKU, live ones first. Etsy has no search by SKU: the shop is read through."""
        found = [shapes.listing(row) for state in _STATES for row in self._all(seller, state) if shapes.is_of(row, sku)]
        return sorted(found, key=lambda row: (_ORDER.index(row.status), row.external_id))

    def _all(self, seller: Seller, state: str) -> Iterator[Mapping[str, Any]]:
        for number in range(_MOST_PAGES):
            found = self._page(seller, state, number * _PAGE)
            yield from found
            if len(found) < _PAGE:
                return
        raise ChannelError(Outcome.REFUSED, "too_many_listings", f"more than {_MOST_PAGES * _PAGE} are {state}")

    def _page(self, seller: Seller, state: str, offset: int) -> list[Mapping[str, Any]]:
        asked = {"state": state, "limit": _PAGE, "offset": offset, "sort_on": "created", "sort_order": "desc"}
        return rows(client.get(seller, f"{client.shop(seller)}/listings", asked).body, "results")

    def _put_inventory(self, seller: Seller, listing_id: str, goods: Goods) -> None:
        answer = client.put(seller, f"/listings/{segment(listing_id)}/inventory", shapes.inventory(seller, goods))
        if answer.status == 404:
            raise ChannelError(Outcome.LATER, "listing_gone", "deleted meanwhile")
        fields(answer.body, reads=False)

    def _upload(self, seller: Seller, listing_id: str, goods: Goods, *, is_new: bool) -> None:
        """The pictures that the listing lacks, by their number: an upload without an answer is not sent twice."""
        path = f"/listings/{segment(listing_id)}/images"
        there = 0 if is_new else len(rows(client.get(seller, path).body, "results"))
        for position, picture in enumerate(goods.pictures[:_MOST_PICTURES]):
            if position >= there:
                content, kind = picture.read()
                name = f"{position + 1}.{kind.rpartition('/')[2] or 'jpg'}"
                client.post_image(seller, f"{client.shop(seller)}{path}", (name, content, kind), position + 1)


def _position(cursor: str) -> tuple[int, int, int]:
    parts = cursor.split(" ")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        begin = int((timezone.now() - _FIRST_LOOK).timestamp())
        return begin, 0, begin
    since, offset, newest = map(int, parts)
    return since, offset, newest

"""Vinted, which has no API for ordinary members: requests for the merchant's own browser, and what its answers mean.

Nothing is called here and nothing is disguised. 401, 403 and a captcha end the merchant's access (`CREDENTIALS`): the
queue stops until the merchant says that it may go on.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from common.moments import is_reasonable
from marketplaces.channels.base import (
    Action,
    Amount,
    BrowserAnswer,
    BrowserTask,
    ChannelError,
    Goods,
    ListingStatus,
    Outcome,
    Page,
    Placed,
    RemoteLine,
    RemoteListing,
    RemoteMessage,
    RemoteOrder,
    Result,
    Seller,
)
from marketplaces.channels.calls import LONGEST_DETAIL, address, text, unsupported, whole
from marketplaces.channels.money import as_text, converted, from_text
from marketplaces.channels.oauth import OAuth
from marketplaces.channels.vinted.templates import at, filled, filled_path

_CAPTCHA = ("captcha", "datadome", "challenge")
_STOPPING = (401, 403)
_READING = (Action.FIND, Action.SYNC, Action.ORDERS, Action.MESSAGES)
_LIVE = ("live", "active", "published", "true", "1", "")


class Vinted:
    name = "vinted"
    oauth: OAuth | None = None
    can = frozenset(Action)
    requires: frozenset[str] = frozenset()
    accepts = frozenset({"currency", "rate"})

    def publish(self, seller: Seller, goods: Goods) -> Result:
        return self._selling(Action.PUBLISH, seller, goods)

    def update(self, seller: Seller, goods: Goods) -> Result:
        return self._selling(Action.UPDATE, seller, goods)

    def withdraw(self, seller: Seller, placed: Placed) -> Result:
        return self._task(Action.WITHDRAW, {"sku": placed.sku, "external_id": placed.external_id})

    def find(self, seller: Seller, sku: str) -> Page[RemoteListing]:
        return Page(self._task(Action.FIND, {"sku": sku}))

    def sync(self, seller: Seller, cursor: str) -> Page[RemoteListing]:
        return Page(self._task(Action.SYNC, {"cursor": cursor}))

    def orders(self, seller: Seller, cursor: str) -> Page[RemoteOrder]:
        return Page(self._task(Action.ORDERS, {"cursor": cursor}))

    def fulfil(self, seller: Seller, order_id: str, line_ids: tuple[str, ...]) -> Result:
        return self._task(Action.FULFIL, {"order_id": order_id, "line_ids": list(line_ids)})

    def messages(self, seller: Seller, cursor: str) -> Page[RemoteMessage]:
        return Page(self._task(Action.MESSAGES, {"cursor": cursor}))

    def read(self, action: Action, answer: BrowserAnswer) -> Page[Any]:
        """What the browser's answer means. What it says is checked like any stranger's."""
        shown = f"{answer.message} {answer.result if isinstance(answer.result, str) else ''}".casefold()
        detail = text(answer.message, LONGEST_DETAIL)
        if answer.status in _STOPPING or any(word in shown for word in _CAPTCHA):
            reason = "session_over" if answer.status == 401 else "stopped_by_channel"
            return Page(Result(Outcome.CREDENTIALS, reason=reason, detail=detail))
        if not answer.success:
            return Page(Result(_failure(action, answer.status), reason="refused_in_browser", detail=detail))
        template = settings.VINTED_ACTIONS.get(str(action), {})
        if action in _READING:
            return _rows(action, template, answer.result)
        number = text(_named(template, "external_id", answer.result), 80)
        if action == Action.PUBLISH and not number:
            return Page(Result(Outcome.UNKNOWN, reason="no_answer", detail="no number of the listing"))
        url = address(_named(template, "url", answer.result))
        return Page(Result(Outcome.DONE, external_id=number, url=url))

    def _selling(self, action: Action, seller: Seller, goods: Goods) -> Result:
        try:
            currency = str(seller.settings.get("currency") or "EUR")
            price = converted(goods.price, to=currency, rate=str(seller.settings.get("rate") or ""))
        except ChannelError as error:
            return error.result()
        values: dict[str, Any] = {
            "sku": goods.sku,
            "external_id": goods.external_id,
            "title": goods.title,
            "description": goods.description,
            "price": as_text(price),
            "currency": price.currency,
            "quantity": goods.quantity,
            "category": goods.category,
            "condition": goods.condition,
            "brand": goods.brand,
            "pictures": [picture.url for picture in goods.pictures],
            **{name: goods.aspects.get(name, "") for name in ("color", "material", "size")},
        }
        return self._task(action, values)

    def _task(self, action: Action, values: Mapping[str, Any]) -> Result:
        template = settings.VINTED_ACTIONS.get(str(action))
        if template is None:
            return unsupported(self, action)
        task = BrowserTask(
            action=action,
            method=template["method"],
            path=filled_path(template["path"], values),
            params=filled(template.get("params", {}), values),
            payload=filled(template.get("payload", {}), values),
        )
        return Result(Outcome.IN_BROWSER, task=task)


def _named(template: Mapping[str, Any], name: str, result: Any) -> Any:
    """What stands in an answer where the template says that this stands."""
    return at(str(template[name]), result) if template.get(name) else None


def _failure(action: Action, status: int | None) -> Outcome:
    if status == 429 or (action in _READING and (status is None or status >= 500)):
        return Outcome.LATER
    return Outcome.UNKNOWN if status is None or status >= 500 else Outcome.REFUSED


def _rows(action: Action, template: Mapping[str, Any], result: Any) -> Page[Any]:
    found = at(str(template.get("rows") or ""), result)
    if not isinstance(found, list):
        return Page(Result(Outcome.LATER, reason="unreadable", detail="no list"))
    names: Mapping[str, str] = template.get("fields") or {}
    read = [_READERS[action]({name: at(path, row) for name, path in names.items()}) for row in found]
    if action == Action.ORDERS and None in read:
        # Passed over, it would never be seen again.
        return Page(Result(Outcome.LATER, reason="unreadable", detail="an order that cannot be read"))
    cursor = text(_named(template, "cursor", result))
    more = bool(cursor) and bool(found) and action == Action.SYNC
    return Page(Result(Outcome.DONE), tuple(row for row in read if row is not None), cursor=cursor, more=more)


def _listing(row: Mapping[str, Any]) -> RemoteListing | None:
    if not text(row.get("external_id"), 80):
        return None
    status = text(str(row.get("status", "")).casefold())
    return RemoteListing(
        external_id=text(row["external_id"], 80),
        sku=text(row.get("sku"), 50),
        title=text(row.get("title")),
        status=ListingStatus.LIVE if status in _LIVE else ListingStatus.ENDED,
        quantity=whole(row["quantity"]) if row.get("quantity") is not None else 1,
        price=from_text(text(row.get("price")), row.get("currency") or "EUR"),
        url=address(row.get("url")),
    )


def _order(row: Mapping[str, Any]) -> RemoteOrder | None:
    """One order of one article, as Vinted sells."""
    number = text(row.get("external_id"), 80)
    total = from_text(text(row.get("total")), row.get("currency") or "EUR")
    if not number or total is None:
        return None
    line = RemoteLine(
        external_id=number,
        sku=text(row.get("sku"), 50),
        listing_id=text(row.get("listing_id"), 80),
        title=text(row.get("title")),
        quantity=1,
        unit_price=Amount(total.minor, total.currency),
    )
    return RemoteOrder(number, _moment(row.get("ordered_at")), text(row.get("buyer"), 120), total, (line,))


def _message(row: Mapping[str, Any]) -> RemoteMessage | None:
    number = text(row.get("external_id"), 80)
    if not number:
        return None
    return RemoteMessage(
        number, text(row.get("sender"), 120), text(row.get("text"), 5000), text(row.get("sent_at"), 40)
    )


def _moment(value: Any) -> datetime:
    try:
        at_ = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        at_ = None
    return at_ if at_ is not None and at_.tzinfo is not None and is_reasonable(at_) else timezone.now()


_READERS: Mapping[Action, Any] = {
    Action.FIND: _listing,
    Action.SYNC: _listing,
    Action.ORDERS: _order,
    Action.MESSAGES: _message,
}

"""Channels in this process, whose books a test reads and which say what a test tells them to say."""

import itertools
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from marketplaces.channels.base import (
    Action,
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

_numbers = itertools.count(1)
DONE = Result(Outcome.DONE)


class Books:
    """What one fake channel has: live goods by merchant and number, orders to be read, answers still to be given."""

    def __init__(self) -> None:
        self.live: dict[int, dict[str, Goods]] = defaultdict(dict)
        self.orders: dict[int, list[RemoteOrder]] = defaultdict(list)
        self.listed: dict[int, list[RemoteListing]] = defaultdict(list)
        self.calls: list[tuple[str, int, str]] = []
        # Action → answers instead of the work; `after` likewise, once the work is done.
        self.instead: dict[str, list[Any]] = defaultdict(list)
        self.after: dict[str, list[Any]] = defaultdict(list)
        self.during: Callable[[str], None] | None = None

    def skus(self, merchant_id: int) -> list[str]:
        return sorted(goods.sku for goods in self.live[merchant_id].values())


class Fake:
    """A channel with an API."""

    name = "fake"
    oauth = None
    can = frozenset(Action) - {Action.MESSAGES}
    requires: frozenset[str] = frozenset()
    accepts: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.books = Books()

    def _answer(self, action: Action, seller: Seller, what: str, work: Callable[[], Any]) -> Any:
        books = self.books
        books.calls.append((str(action), seller.merchant_id, what))
        if books.during is not None:
            books.during(str(action))
        if books.instead[action]:
            return books.instead[action].pop(0)
        answer = work()
        return books.after[action].pop(0) if books.after[action] else answer

    def _numbers_of(self, seller: Seller, sku: str) -> list[str]:
        return [number for number, goods in self.books.live[seller.merchant_id].items() if goods.sku == sku]

    def publish(self, seller: Seller, goods: Goods) -> Result:
        def work() -> Result:
            there = self._numbers_of(seller, goods.sku) if goods.may_exist else []
            if goods.external_id in self.books.live[seller.merchant_id]:
                there = [goods.external_id]
            number = there[0] if there else f"F{next(_numbers)}"
            self.books.live[seller.merchant_id][number] = goods
            return Result(Outcome.DONE, external_id=number, url=f"https://example.org/{number}")

        answer: Result = self._answer(Action.PUBLISH, seller, goods.sku, work)
        return answer

    def update(self, seller: Seller, goods: Goods) -> Result:
        def work() -> Result:
            there = self._numbers_of(seller, goods.sku)
            if not there:
                return Result(Outcome.REFUSED, reason="not_listed")
            self.books.live[seller.merchant_id][there[0]] = goods
            return Result(Outcome.DONE, external_id=there[0])

        answer: Result = self._answer(Action.UPDATE, seller, goods.sku, work)
        return answer

    def withdraw(self, seller: Seller, placed: Placed) -> Result:
        def work() -> Result:
            for number in self._numbers_of(seller, placed.sku):
                if placed.external_id in ("", number):
                    del self.books.live[seller.merchant_id][number]
            return Result(Outcome.DONE, external_id=placed.external_id)

        answer: Result = self._answer(Action.WITHDRAW, seller, placed.sku, work)
        return answer

    def find(self, seller: Seller, sku: str) -> Page[RemoteListing]:
        def work() -> Page[RemoteListing]:
            return Page(
                DONE,
                tuple(
                    RemoteListing(number, sku, "", ListingStatus.LIVE, 1) for number in self._numbers_of(seller, sku)
                ),
            )

        answer: Page[RemoteListing] = self._answer(Action.FIND, seller, sku, work)
        return answer

    def sync(self, seller: Seller, cursor: str) -> Page[RemoteListing]:
        """One listing a page."""

        def work() -> Page[RemoteListing]:
            rows = self.books.listed[seller.merchant_id]
            at = int(cursor or 0)
            more = at + 1 < len(rows)
            return Page(DONE, tuple(rows[at : at + 1]), cursor=str(at + 1) if more else "", more=more)

        answer: Page[RemoteListing] = self._answer(Action.SYNC, seller, cursor, work)
        return answer

    def orders(self, seller: Seller, cursor: str) -> Page[RemoteOrder]:
        def work() -> Page[RemoteOrder]:
            rows = self.books.orders[seller.merchant_id]
            return Page(DONE, tuple(rows[int(cursor or 0) :]), cursor=str(len(rows)))

        answer: Page[RemoteOrder] = self._answer(Action.ORDERS, seller, cursor, work)
        return answer

    def fulfil(self, seller: Seller, order_id: str, line_ids: tuple[str, ...]) -> Result:
        return DONE

    def messages(self, seller: Seller, cursor: str) -> Page[RemoteMessage]:
        return Page(Result(Outcome.REFUSED, reason="unsupported"))


class FakeEbay(Fake):
    name = "ebay"


class FakeEtsy(Fake):
    name = "etsy"

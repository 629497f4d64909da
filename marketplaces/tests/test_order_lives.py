"""Every way in which a channel can tell of an order first, and once more: the stock comes out right."""

from dataclasses import replace
from typing import Any

import pytest

from accounts.tests.factories import make_user
from marketplaces.channels.base import Amount, RemoteLine, RemoteOrder
from marketplaces.enums import OrderState, OrderTask
from marketplaces.models import Item, Order, OrderLine
from marketplaces.services import orders, selling
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import make_item
from marketplaces.tests.jobs_world import bought, connected, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fakes")]

RECEIVED, FULFILLED, CANCELLED = OrderState.RECEIVED, OrderState.FULFILLED, OrderState.CANCELLED
NONE, SHIP, DONE, CANCEL = OrderTask.NONE, OrderTask.SHIP, OrderTask.DONE, OrderTask.CANCEL_ON_CHANNEL
WANTED = 2
TOLD: dict[str, dict[str, bool]] = {
    "unpaid": {"is_paid": False},
    "paid": {},
    "sent": {"is_sent": True},
    "cancelled unpaid": {"is_paid": False, "is_cancelled": True},
    "cancelled": {"is_cancelled": True},
    "cancelled after sending": {"is_sent": True, "is_cancelled": True},
}
STOCKS = (0, 1, 2, 5)


def decided(told: str, stock: int) -> tuple[OrderState, OrderTask, int]:
    """Of an order about which nothing was decided yet: its state, its task, what it has taken."""
    if told == "unpaid":
        return RECEIVED, NONE, 0
    if told.startswith("cancelled"):
        return CANCELLED, NONE, 0
    if told == "sent":
        return FULFILLED, DONE, min(stock, WANTED)
    return (FULFILLED, SHIP, WANTED) if stock >= WANTED else (CANCELLED, CANCEL, 0)


def once_more(first: tuple[OrderState, OrderTask, int], told: str, stock: int) -> tuple[OrderState, OrderTask, int]:
    """What is decided stays, until the channel cancels what was taken."""
    state, _task, _taken = first
    if state == RECEIVED:
        return decided(told, stock)
    if state == FULFILLED and told.startswith("cancelled"):
        return CANCELLED, NONE, 0
    return first


def tell(merchant: Any, item: Item, told: str) -> None:
    with merchant_scope(merchant.pk):
        selling.take_order("ebay", bought(item, "e-1", quantity=WANTED, **TOLD[told]))


def seen(merchant: Any, item: Item) -> tuple[str, str, int]:
    (order,), (kept,) = rows(merchant, Order), rows(merchant, Item, pk=item.pk)
    return order.state, order.task, kept.quantity


@pytest.mark.parametrize("stock", STOCKS)
@pytest.mark.parametrize("later", TOLD)
@pytest.mark.parametrize("first", TOLD)
def test_stock_follows_whatever_is_told_first_and_later(first, later, stock):
    merchant = connected()
    item = make_item(merchant, quantity=stock)

    tell(merchant, item, first)
    state, task, taken = decided(first, stock)
    assert seen(merchant, item) == (state, task, stock - taken)
    for _told_twice in range(2):
        tell(merchant, item, later)
        state, task, taken = once_more((state, task, taken), later, stock)
        assert seen(merchant, item) == (state, task, stock - taken)


def half_known(item: Item, **fields: Any) -> RemoteOrder:
    """Two pieces of an item, and something that nobody here knows."""
    order = bought(item, "e-1", quantity=WANTED, **fields)
    unknown = RemoteLine("2", "THEIRS", "", "À la main", 1, Amount(500, "EUR"))
    return replace(order, lines=(*order.lines, unknown))


def tell_half_known(merchant: Any, item: Item, told: str) -> None:
    with merchant_scope(merchant.pk):
        selling.take_order("ebay", half_known(item, **TOLD[told]))


def half_decided(told: str, stock: int) -> tuple[OrderState, OrderTask, int]:
    state, task, taken = decided(told, stock)
    return (RECEIVED, OrderTask.IDENTIFY, taken) if state == FULFILLED else (state, task, taken)


@pytest.mark.parametrize("stock", [1, 2])
@pytest.mark.parametrize("later", TOLD)
@pytest.mark.parametrize("first", TOLD)
def test_known_line_beside_an_unknown_one_is_taken_once_and_given_back(first, later, stock):
    merchant = connected()
    item = make_item(merchant, quantity=stock)

    tell_half_known(merchant, item, first)
    state, task, taken = half_decided(first, stock)
    assert seen(merchant, item) == (state, task, stock - taken)
    for _told_twice in range(2):
        tell_half_known(merchant, item, later)
        if state == RECEIVED and task == NONE:
            state, task, taken = half_decided(later, stock)
        elif state == RECEIVED and later.startswith("cancelled"):
            state, task, taken = CANCELLED, NONE, 0
        assert seen(merchant, item) == (state, task, stock - taken)


@pytest.mark.parametrize("later", TOLD)
def test_task_to_identify_that_is_done_stays_done(later):
    merchant = connected()
    item = make_item(merchant, quantity=5)
    tell_half_known(merchant, item, "paid")
    (order,) = rows(merchant, Order)
    with merchant_scope(merchant.pk):
        orders.close_task(order, by=make_user())

    tell_half_known(merchant, item, later)

    is_cancelled = later.startswith("cancelled")
    assert seen(merchant, item) == ((CANCELLED, NONE, 5) if is_cancelled else (RECEIVED, DONE, 3))


def test_lines_of_one_item_give_back_what_they_took(fakes):
    merchant = connected()
    item = make_item(merchant, quantity=3)
    with merchant_scope(merchant.pk):
        order = bought(item, "e-1", quantity=2, is_sent=True)
        (line,) = order.lines
        twice = {"lines": (line, type(line)("2", item.sku, "", item.title, 2, line.unit_price))}
        selling.take_order("ebay", bought(item, "e-1", is_sent=True, **twice))
        assert Item.objects.get(pk=item.pk).quantity == 0
        assert sorted((row.external_id, row.taken) for row in OrderLine.objects.all()) == [("1", None), ("2", 1)]
        Item.objects.filter(pk=item.pk).update(quantity=10)
        selling.take_order("ebay", bought(item, "e-1", is_sent=True, is_cancelled=True, **twice))
        assert Item.objects.get(pk=item.pk).quantity == 13

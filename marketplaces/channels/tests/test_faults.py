"""Every fault of the simulated marketplaces at every call to them, as docs/faults.md tells it."""

from dataclasses import replace

import pytest

from marketplaces.channels.base import Amount, Placed, RemoteOrder
from marketplaces.channels.tests.books import SKU, Marketplace, goods
from marketplaces.channels.tests.conftest import forget
from tests.fault_table import CALL_FAULTS, CALLBACK_FAULTS, FAULTS, cells

INVENTORY, SHOP = "/sell/inventory/v1", "/v3/application/shops/81001"
# Column → method and path of the call that the fault hits.
PUBLISHING = {
    "ebay item": ("PUT", f"{INVENTORY}/inventory_item"),
    "ebay look": ("GET", f"{INVENTORY}/offer"),
    "ebay offer": ("POST", f"{INVENTORY}/offer"),
    "ebay publish": ("POST", f"{INVENTORY}/offer/"),
    "etsy look": ("GET", f"{SHOP}/listings"),
    "etsy draft": ("POST", f"{SHOP}/listings"),
    "etsy inventory": ("PUT", "/v3/application/listings"),
    "etsy picture": ("POST", f"{SHOP}/listings/"),
    "etsy activate": ("PATCH", f"{SHOP}/listings"),
}
CHANGING = {
    "ebay replace": ("PUT", f"{INVENTORY}/offer/"),
    "ebay update": ("POST", f"{INVENTORY}/bulk_update_price_quantity"),
    "ebay withdraw": ("POST", f"{INVENTORY}/offer/"),
    "ebay fulfil": ("POST", "/sell/fulfillment/v1/order"),
    "etsy update": ("PUT", "/v3/application/listings"),
    "etsy withdraw": ("PATCH", f"{SHOP}/listings"),
    "etsy fulfil": ("POST", f"{SHOP}/receipts"),
}
READING = {
    "ebay find": ("GET", f"{INVENTORY}/offer"),
    "ebay sync": ("GET", f"{INVENTORY}/inventory_item"),
    "ebay orders": ("GET", "/sell/fulfillment/v1/order"),
    "etsy find": ("GET", f"{SHOP}/listings"),
    "etsy show": ("GET", "/v3/application/listings"),
    "etsy sync": ("GET", f"{SHOP}/listings"),
    "etsy orders": ("GET", f"{SHOP}/receipts"),
}
SECONDS = {"timeout": 5, "latency": 0.05}


@pytest.fixture
def world(simulators, settings):
    return lambda column: World(column, simulators, settings)


class World:
    """A merchant, a marketplace, and one kind of call between us and it."""

    def __init__(self, column, simulators, settings):
        self.settings = settings
        name, self.action = column.split(" ")
        self.marketplace = Marketplace(simulators, name)
        self.method, self.path = (PUBLISHING | CHANGING | READING)[column]
        self.seller = self.marketplace.seller()
        self.goods = goods(category="199")

    def fault(self, fault):
        if fault == "timeout":
            self.patience(0.3)
        if fault != "none":
            self.marketplace.fault(fault, path=self.path, method=self.method, count=1, seconds=SECONDS.get(fault))

    def heal(self):
        """The breaker has its own tests; here the service has been well again for a while."""
        self.marketplace.heal()
        self.patience(10)

    def patience(self, seconds):
        self.settings.CHANNEL_READ_SECONDS = self.settings.CHANNEL_DEADLINE_SECONDS = seconds
        forget()

    def publish(self):
        return self.marketplace.channel.publish(self.seller, self.goods)

    def act(self):
        """What the column is about, on a listing that is live and of which one piece was bought."""
        channel = self.marketplace.channel
        changed = replace(self.goods, price=Amount(20_000, "XAF"), quantity=1)
        match self.action:
            case "replace":
                return channel.publish(self.seller, changed)
            case "update":
                return channel.update(self.seller, changed)
            case "withdraw":
                return channel.withdraw(self.seller, Placed(SKU))
            case "fulfil":
                order = self.marketplace.control("GET", "/orders")["orders"][0]
                lines = tuple(line["lineItemId"] for line in order.get("lineItems", []))
                return channel.fulfil(self.seller, str(order.get("orderId") or order["receipt_id"]), lines)
            case "find":
                return channel.find(self.seller, SKU)
            case "sync":
                return channel.sync(self.seller, "")
            case "show":
                placed = Placed(SKU, self.marketplace.listings()[0]["id"])
                return channel.withdraw(self.seller, placed)
            case _:
                return channel.orders(self.seller, "")

    def truth(self):
        """What the marketplace's own books say after all."""
        if self.action == "fulfil":
            order = self.marketplace.control("GET", "/orders")["orders"][0]
            return bool(order.get("is_shipped") or order.get("orderFulfillmentStatus") == "FULFILLED")
        live = self.marketplace.live()
        if self.action == "withdraw":
            return live == []
        return [(row["quantity"], str(row["price"]).replace(".", "")) for row in live] == [(1, "3049")]


TABLES = {
    "Publishing on a marketplace": PUBLISHING,
    "Changing what is on a marketplace": CHANGING,
    "Reading from a marketplace": READING,
}


@pytest.mark.parametrize("heading", TABLES)
def test_table_has_every_fault_and_every_call(heading):
    assert CALL_FAULTS | CALLBACK_FAULTS | {"wrong_pharmacy"} == FAULTS
    assert {(fault, column) for fault, column, _ in cells(heading)} == {
        (fault, column) for fault in {"none"} | CALL_FAULTS for column in TABLES[heading]
    }


@pytest.mark.parametrize(
    "fault, column, expected", cells("Publishing on a marketplace"), ids=lambda value: value.replace(" ", "-")
)
def test_publication_ends_as_the_table_says(fault, column, expected, world):
    world = world(column)
    world.fault(fault)

    first = world.publish()
    world.heal()
    second = world.publish()

    live, listings = world.marketplace.live(), world.marketplace.listings()
    assert f"{first.outcome} → {second.outcome} ({len(live)})" == expected
    assert [row["id"] for row in listings] == [row["id"] for row in live] == [second.external_id]
    assert live[0].get("images", 1) == 1
    if fault == "rate_limit":
        assert first.retry_after == 1


@pytest.mark.parametrize(
    "fault, column, expected", cells("Changing what is on a marketplace"), ids=lambda value: value.replace(" ", "-")
)
def test_change_ends_as_the_table_says(fault, column, expected, world):
    world = world(column)
    world.publish()
    world.marketplace.buy()
    world.fault(fault)

    first = world.act()
    world.heal()
    after_first = world.truth()
    second = world.act()

    assert f"{first.outcome} → {second.outcome}" == expected
    assert world.truth()
    assert after_first or first.outcome != "done"


@pytest.mark.parametrize(
    "fault, column, expected", cells("Reading from a marketplace"), ids=lambda value: value.replace(" ", "-")
)
def test_question_ends_as_the_table_says(fault, column, expected, world):
    world = world(column)
    world.publish()
    world.marketplace.buy()
    world.fault(fault)

    first = world.act()
    world.heal()
    second = world.act()

    if world.action == "show":
        assert f"{first.outcome} → {second.outcome}" == expected
        assert world.marketplace.live() == []
        return
    assert f"{first.result.outcome} → {second.result.outcome}" == expected
    assert first.rows == (second.rows if first.result.outcome == "done" else ())
    assert first.cursor == "" or first.result.outcome == "done"
    (row,) = second.rows
    assert (row.lines[0] if isinstance(row, RemoteOrder) else row).sku == SKU

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from marketplaces.channels.base import Amount, ListingStatus, Outcome, Placed
from marketplaces.channels.ebay import shapes
from marketplaces.channels.tests.books import SKU, goods

INVENTORY = "/sell/inventory/v1"


@pytest.fixture
def seller(ebay):
    return ebay.seller()


def test_publish_makes_an_item_an_offer_and_one_live_listing(ebay, seller):
    result = ebay.channel.publish(seller, goods())

    (live,) = ebay.live()
    assert (result.outcome, result.external_id, result.permanent) == (Outcome.DONE, live["id"], False)
    assert (live["price"], live["currency"], live["quantity"]) == ("19.06", "EUR", 3)
    shop = ebay.service.shops["1001"]
    assert shop.items[SKU]["product"] == {
        "title": "Crème solaire",
        "description": "Indice 50, 50 ml",
        "aspects": {"Taille": ["50 ml"], "Marque": ["Avène"]},
        "imageUrls": ["https://images.example.org/1.png"],
        "brand": "Avène",
        "ean": ["3282770000000"],
    }
    offer = shop.offers[result.offer_id]
    assert offer["listingPolicies"] == {"fulfillmentPolicyId": "11", "paymentPolicyId": "12", "returnPolicyId": "13"}
    assert (offer["merchantLocationKey"], offer["categoryId"]) == ("libreville", "31772")


def test_publish_again_changes_the_same_listing(ebay, seller):
    first = ebay.channel.publish(seller, goods())

    second = ebay.channel.publish(seller, goods(price=Amount(10_000, "XAF"), quantity=2, title="Crème"))

    assert (second.outcome, second.external_id, second.offer_id) == (Outcome.DONE, first.external_id, first.offer_id)
    (live,) = ebay.live()
    assert (live["price"], live["quantity"], live["title"]) == ("15.24", 2, "Crème")


def test_withdrawn_item_is_published_anew(ebay, seller):
    first = ebay.channel.publish(seller, goods())
    ebay.channel.withdraw(seller, Placed(SKU))

    again = ebay.channel.publish(seller, goods())

    assert again.external_id != first.external_id
    assert [row["id"] for row in ebay.live()] == [again.external_id]


def test_offer_that_ebay_has_already_is_taken_by_its_number(ebay, seller, monkeypatch):
    """eBay's search may not know yet what its books hold: it then refuses with the number of the offer."""
    first = ebay.channel.publish(seller, goods())
    ebay.channel.withdraw(seller, Placed(SKU))
    monkeypatch.setattr(type(ebay.channel), "_offers", lambda *args, **kwargs: [])

    result = ebay.channel.publish(seller, goods(price=Amount(10_000, "XAF")))

    assert (result.outcome, result.offer_id) == (Outcome.DONE, first.offer_id)
    (live,) = ebay.live()
    assert (live["id"], live["price"]) == (result.external_id, "15.24")
    assert len(ebay.listings()) == 1


@pytest.mark.parametrize(
    "changes, connection, reason, detail",
    [
        ({"pictures": ()}, {}, "image_required", ""),
        ({}, {"payment_policy_id": "", "return_policy_id": None}, "settings_missing", "payment_policy_id, return_pol"),
        ({"price": Amount(1, "GBP")}, {}, "rate_missing", "GBP"),
        ({}, {"marketplace_id": "EBAY_US"}, "rate_missing", "USD"),
    ],
)
def test_what_cannot_be_published_is_refused_without_a_call(ebay, changes, connection, reason, detail):
    result = ebay.channel.publish(ebay.seller(**connection), goods(**changes))

    assert (result.outcome, result.reason, result.permanent) == (Outcome.REFUSED, reason, True)
    assert detail in result.detail
    assert ebay.calls() == []


@pytest.mark.parametrize("changes", [{"condition": "SHINY"}, {"sku": "A-1"}, {"category": ""}])
def test_what_ebay_refuses_is_permanent_and_says_why(ebay, seller, changes):
    result = ebay.channel.publish(seller, replace(goods(), **changes))

    assert (result.outcome, result.permanent) == (Outcome.REFUSED, True)
    assert result.detail.startswith(("25002 ", "25707 "))
    assert ebay.listings(live="true") == []


def test_long_texts_are_cut_where_ebay_ends(ebay, seller):
    title, description = "Crème " * 20, "mot " * 2000

    assert ebay.channel.publish(seller, goods(title=title, description=description)).outcome == Outcome.DONE
    shop = ebay.service.shops["1001"]
    assert len(shop.items[SKU]["product"]["title"]) == 77
    assert len(shop.items[SKU]["product"]["description"]) <= 4000
    assert next(iter(shop.offers.values()))["listingDescription"] == description


def test_price_in_the_currency_of_the_market_at_the_merchants_rate(ebay):
    seller = ebay.seller(marketplace_id="EBAY_US", rate="600")

    ebay.channel.publish(seller, goods())

    (live,) = ebay.live()
    assert (live["price"], live["currency"]) == ("20.83", "USD")


def test_update_changes_price_and_quantity_in_one_call(ebay, seller):
    ebay.channel.publish(seller, goods())
    before = len(ebay.calls())

    result = ebay.channel.update(seller, goods(price=Amount(20_000, "XAF"), quantity=1))

    (live,) = ebay.live()
    assert (result.outcome, result.external_id) == (Outcome.DONE, live["id"])
    assert (live["price"], live["quantity"]) == ("30.49", 1)
    assert [call["path"] for call in ebay.calls()[before:]] == [
        f"{INVENTORY}/offer",
        f"{INVENTORY}/bulk_update_price_quantity",
    ]


def test_update_of_what_is_not_live_is_refused(ebay, seller):
    assert ebay.channel.update(seller, goods()).reason == "not_listed"
    ebay.channel.publish(seller, goods())
    ebay.channel.withdraw(seller, Placed(SKU))
    assert ebay.channel.update(seller, goods()).reason == "not_listed"


def test_update_that_ebay_refuses_for_one_offer_is_refused(ebay, seller):
    ebay.channel.publish(seller, goods())

    result = ebay.channel.update(seller, goods(quantity=-1))

    assert (result.outcome, result.detail[:5]) == (Outcome.REFUSED, "25002")
    assert ebay.live()[0]["quantity"] == 3


def test_withdraw_ends_the_listing_and_may_be_repeated(ebay, seller):
    published = ebay.channel.publish(seller, goods())
    placed = Placed(SKU, published.external_id, published.offer_id)

    assert [ebay.channel.withdraw(seller, placed).outcome for _ in range(2)] == [Outcome.DONE] * 2
    assert ebay.live() == []
    assert len(ebay.calls("POST", "/withdraw")) == 1
    assert ebay.channel.withdraw(seller, Placed("NOTHING")).outcome == Outcome.DONE


def test_find_shows_what_stands_there(ebay, seller):
    assert ebay.channel.find(seller, SKU).rows == ()
    published = ebay.channel.publish(seller, goods())

    (row,) = ebay.channel.find(seller, SKU).rows

    assert (row.external_id, row.offer_id, row.sku) == (published.external_id, published.offer_id, SKU)
    assert (row.status, row.quantity, row.price) == (ListingStatus.LIVE, 3, Amount(1906, "EUR"))


def test_sync_reads_everything_page_by_page(ebay, seller, monkeypatch):
    monkeypatch.setattr("marketplaces.channels.ebay.channel._PAGE", 2)
    for number in range(3):
        ebay.channel.publish(seller, goods(f"CREME{number}"))

    first = ebay.channel.sync(seller, "")
    second = ebay.channel.sync(seller, first.cursor)

    assert [row.sku for row in first.rows + second.rows] == ["CREME0", "CREME1", "CREME2"]
    assert [(page.more, page.cursor) for page in (first, second)] == [(True, "2"), (False, "")]
    assert {row.title for row in first.rows} == {"Crème solaire"}


def test_orders_come_with_their_lines(ebay, seller):
    ebay.channel.publish(seller, goods())
    bought = ebay.buy(quantity=2)

    page = ebay.channel.orders(seller, "")

    (order,) = page.rows
    assert (order.external_id, order.buyer, order.total) == (bought["orderId"], "buyer-1", Amount(3812, "EUR"))
    assert (order.is_paid, order.is_sent, order.is_cancelled) == (True, False, False)
    assert abs(order.ordered_at - timezone.now()) < timedelta(minutes=1)
    (line,) = order.lines
    assert (line.sku, line.quantity, line.unit_price) == (SKU, 2, Amount(1906, "EUR"))
    assert line.listing_id == bought["lineItems"][0]["legacyItemId"]


def test_orders_are_read_to_the_end_and_later_ones_from_there(ebay, seller, monkeypatch):
    monkeypatch.setattr("marketplaces.channels.ebay.channel._ORDERS_PAGE", 2)
    ebay.channel.publish(seller, goods(quantity=9))
    bought = [ebay.buy()["orderId"] for _ in range(3)]

    first = ebay.channel.orders(seller, "")
    second = ebay.channel.orders(seller, first.cursor)

    assert [row.external_id for row in first.rows + second.rows] == bought
    assert (first.more, second.more) == (True, False)
    # Some minutes are read again: what is known already is the same order.
    later = ebay.buy()["orderId"]
    page = ebay.channel.orders(seller, second.cursor)
    page = page if not page.more else ebay.channel.orders(seller, page.cursor)
    assert later in [row.external_id for row in page.rows]
    since = shapes.moment(second.cursor.split(" ")[0])
    assert timedelta(minutes=9) < timezone.now() - since < timedelta(minutes=12)


def test_order_that_cannot_be_read_stops_the_cursor(ebay, seller):
    ebay.channel.publish(seller, goods())
    ebay.buy()
    ebay.service.sold[0]["pricingSummary"] = {}

    page = ebay.channel.orders(seller, "")

    assert (page.result.outcome, page.result.reason, page.cursor) == (Outcome.LATER, "unreadable", "")


def test_fulfilled_order_is_sent(ebay, seller):
    ebay.channel.publish(seller, goods())
    order = ebay.buy()

    result = ebay.channel.fulfil(seller, order["orderId"], (order["lineItems"][0]["lineItemId"],))

    assert result.outcome == Outcome.DONE
    assert ebay.channel.orders(seller, "").rows[0].is_sent
    assert ebay.channel.fulfil(seller, "../../x", ("1",)).outcome == Outcome.REFUSED


def test_messages_are_not_to_be_had(ebay, seller):
    page = ebay.channel.messages(seller, "")

    assert (page.result.outcome, page.result.reason) == (Outcome.REFUSED, "unsupported")
    assert ebay.calls() == []


def test_sellers_do_not_touch_one_another(ebay, seller):
    ebay.channel.publish(seller, goods())
    other = ebay.seller("2002")

    assert ebay.channel.find(other, SKU).rows == ()
    assert ebay.channel.withdraw(other, Placed(SKU)).outcome == Outcome.DONE
    assert [row["account"] for row in ebay.live()] == ["1001"]


def test_limit_tells_when_to_come_back(ebay, seller):
    ebay.set(calls_per_day=1)

    result = ebay.channel.publish(seller, goods())

    assert (result.outcome, result.reason) == (Outcome.LATER, "rate_limited")
    assert 1 <= result.retry_after <= 86_400


def test_token_without_the_scope_is_refused_and_no_reason_to_connect_anew(ebay):
    weak = ebay.tokens(scopes=["https://api.ebay.com/oauth/api_scope/sell.fulfillment"])
    seller = replace(ebay.seller(), access_token=weak["access_token"])

    result = ebay.channel.publish(seller, goods())

    assert (result.outcome, result.reason) == (Outcome.REFUSED, "access_denied")


def test_token_is_never_shown(ebay, seller):
    assert seller.access_token
    assert seller.access_token not in repr(seller)


def test_listing_that_was_linked_under_another_sku_gives_way(ebay, seller):
    theirs = ebay.channel.publish(seller, goods("THEIRS"))

    ours = ebay.channel.publish(seller, goods(external_id=theirs.external_id, offer_id=theirs.offer_id))

    assert [row["id"] for row in ebay.live()] == [ours.external_id]
    assert ebay.live("THEIRS") == []


def test_linked_listing_is_withdrawn_by_its_offer(ebay, seller):
    theirs = ebay.channel.publish(seller, goods("THEIRS"))

    assert ebay.channel.withdraw(seller, Placed(SKU, theirs.external_id, theirs.offer_id)).outcome == Outcome.DONE

    assert ebay.live("THEIRS") == []

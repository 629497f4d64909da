from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from marketplaces.channels.base import Amount, ListingStatus, Outcome, Placed
from marketplaces.channels.etsy import client, shapes
from marketplaces.channels.tests.books import NO_SITES, SKU, goods

SHOP = "/v3/application/shops/81001"


@pytest.fixture
def seller(etsy):
    return etsy.seller()


@pytest.fixture
def cream():
    """What Etsy calls a category is a number of its taxonomy."""
    return goods(category="199")


def test_publish_makes_a_draft_its_inventory_a_picture_and_one_live_listing(etsy, seller, cream):
    result = etsy.channel.publish(seller, cream)

    (live,) = etsy.live()
    assert (result.outcome, result.external_id) == (Outcome.DONE, live["id"])
    assert result.url == f"https://www.etsy.com/listing/{live['id']}"
    assert (live["price"], live["currency"], live["quantity"], live["images"]) == (1906, "EUR", 3, 1)
    listing = etsy.service.books[int(live["id"])]
    assert listing.fields == {
        "title": "Crème solaire",
        "description": f"Indice 50, 50 ml\n\nRéf. {SKU}",
        "who_made": "someone_else",
        "when_made": "2020_2026",
        "taxonomy_id": 199,
    }
    assert [call["method"] for call in etsy.calls()[-4:]] == ["POST", "PUT", "POST", "PATCH"]


def test_publish_again_changes_the_same_listing(etsy, seller, cream):
    first = etsy.channel.publish(seller, cream)
    changed = replace(cream, price=Amount(10_000, "XAF"), quantity=2, title="Crème")

    known = etsy.channel.publish(seller, replace(changed, external_id=first.external_id))
    searched = etsy.channel.publish(seller, changed)

    assert known.external_id == searched.external_id == first.external_id
    (live,) = etsy.live()
    assert (live["price"], live["quantity"], live["title"], live["images"]) == (1524, 2, "Crème", 1)
    assert len(etsy.calls("POST", "/listings")) == 2  # the draft and its picture


def test_draft_whose_creation_was_never_answered_is_found_and_used(etsy, seller, cream):
    etsy.fault("error_after_effect", path=f"{SHOP}/listings", method="POST", count=1)

    lost = etsy.channel.publish(seller, cream)
    again = etsy.channel.publish(seller, cream)

    assert (lost.outcome, lost.external_id) == (Outcome.UNKNOWN, "")
    assert again.outcome == Outcome.DONE
    assert [row["id"] for row in etsy.listings()] == [again.external_id]


def test_draft_without_a_look_would_be_made_twice(etsy, seller, cream):
    """What `may_exist=False` promises must be true: Etsy knows no idempotency."""
    etsy.fault("error_after_effect", path=f"{SHOP}/listings", method="POST", count=1)
    unseen = replace(cream, may_exist=False)

    etsy.channel.publish(seller, unseen)
    etsy.channel.publish(seller, unseen)

    assert len(etsy.listings()) == 2


def test_first_publication_needs_no_look(etsy, seller, cream):
    assert etsy.channel.publish(seller, replace(cream, may_exist=False)).outcome == Outcome.DONE
    assert etsy.calls("GET") == []


def test_listing_that_was_deleted_by_hand_is_made_anew(etsy, seller, cream):
    first = etsy.channel.publish(seller, cream)
    etsy.service.books.clear()

    again = etsy.channel.publish(seller, replace(cream, external_id=first.external_id, may_exist=False))

    assert again.outcome == Outcome.DONE
    assert [row["id"] for row in etsy.live()] == [again.external_id]
    assert again.external_id != first.external_id


def test_upload_without_an_answer_is_not_sent_twice(etsy, seller, cream):
    two = replace(cream, pictures=cream.pictures * 2)
    first = etsy.channel.publish(seller, replace(cream, pictures=cream.pictures))
    etsy.fault("error_after_effect", path=f"{SHOP}/listings/{first.external_id}/images", count=1)

    lost = etsy.channel.publish(seller, two)
    again = etsy.channel.publish(seller, two)

    assert (lost.outcome, lost.external_id, again.outcome) == (Outcome.UNKNOWN, first.external_id, Outcome.DONE)
    assert etsy.live()[0]["images"] == 2


@pytest.mark.parametrize(
    "changes, connection, reason",
    [
        ({"pictures": ()}, {}, "image_required"),
        ({}, {"shipping_profile_id": ""}, "settings_missing"),
        ({}, {"currency": "USD"}, "rate_missing"),
    ],
)
def test_what_cannot_be_published_is_refused_without_a_call(etsy, cream, changes, connection, reason):
    result = etsy.channel.publish(etsy.seller(**connection), replace(cream, **changes))

    assert (result.outcome, result.reason, result.permanent) == (Outcome.REFUSED, reason, True)
    assert etsy.calls() == []


def test_connection_without_a_shop_is_refused(etsy, seller, cream):
    result = etsy.channel.publish(replace(seller, account_id=""), cream)

    assert (result.outcome, result.reason) == (Outcome.REFUSED, "settings_missing")


def test_what_etsy_refuses_is_permanent_and_says_why(etsy, seller, cream):
    result = etsy.channel.publish(seller, replace(cream, category="0"))

    assert (result.outcome, result.permanent, result.detail) == (Outcome.REFUSED, True, "taxonomy_id is invalid")
    assert etsy.listings() == []


def test_quantity_is_cut_where_etsy_ends(etsy, seller, cream):
    etsy.channel.publish(seller, replace(cream, quantity=5000))

    assert etsy.live()[0]["quantity"] == 999


def test_update_changes_price_and_quantity(etsy, seller, cream):
    first = etsy.channel.publish(seller, cream)
    changed = replace(cream, price=Amount(20_000, "XAF"), quantity=1)

    for update in (replace(changed, external_id=first.external_id), changed, replace(changed, external_id="7")):
        assert etsy.channel.update(seller, update).external_id == first.external_id
    (live,) = etsy.live()
    assert (live["price"], live["quantity"]) == (3049, 1)


def test_update_of_what_is_not_live_is_refused(etsy, seller, cream):
    assert etsy.channel.update(seller, cream).reason == "not_listed"
    first = etsy.channel.publish(seller, cream)
    etsy.channel.withdraw(seller, Placed(SKU))
    result = etsy.channel.update(seller, replace(cream, external_id=first.external_id, quantity=1))
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "not_listed")
    assert etsy.listings()[0]["quantity"] == 3


def test_withdraw_ends_the_listing_and_may_be_repeated(etsy, seller, cream):
    first = etsy.channel.publish(seller, cream)

    placed = Placed(SKU, first.external_id)
    assert [etsy.channel.withdraw(seller, each).outcome for each in (placed, placed, Placed(SKU))] == [Outcome.DONE] * 3
    assert [row["state"] for row in etsy.listings()] == ["inactive"]
    assert len(etsy.calls("PATCH")) == 2  # made active, made inactive
    assert etsy.channel.publish(seller, cream).external_id == first.external_id
    assert len(etsy.live()) == 1


def test_draft_and_sold_out_listing_need_no_withdrawing(etsy, seller, cream):
    etsy.channel.publish(seller, cream)
    etsy.buy(quantity=3)

    assert etsy.channel.withdraw(seller, Placed(SKU)).outcome == Outcome.DONE
    assert [row["state"] for row in etsy.listings()] == ["sold_out"]


def test_find_and_sync_show_what_stands_there(etsy, seller, cream, monkeypatch):
    monkeypatch.setattr("marketplaces.channels.etsy.channel._PAGE", 2)
    for number in range(3):
        etsy.channel.publish(seller, replace(cream, sku=f"CREME{number}"))
    etsy.channel.withdraw(seller, Placed("CREME1"))

    (found,) = etsy.channel.find(seller, "CREME2").rows
    assert (found.sku, found.status, found.price) == ("CREME2", ListingStatus.LIVE, Amount(1906, "EUR"))
    assert etsy.channel.find(seller, "CREME").rows == ()
    seen, cursor, more = [], "", True
    while more:
        page = etsy.channel.sync(seller, cursor)
        seen += [(row.sku, row.status) for row in page.rows]
        cursor, more = page.cursor, page.more
    assert seen == [
        ("CREME2", ListingStatus.LIVE),
        ("CREME0", ListingStatus.LIVE),
        ("CREME1", ListingStatus.ENDED),
    ]


@pytest.mark.parametrize("url", NO_SITES)
def test_address_that_leads_to_no_site_is_not_read(url):
    row = shapes.listing({"listing_id": 7, "state": "active", "url": url})
    assert (row.external_id, row.url) == ("7", "")


def test_receipts_come_with_their_lines(etsy, seller, cream):
    etsy.channel.publish(seller, cream)
    bought = etsy.buy(quantity=2)

    (order,) = etsy.channel.orders(seller, "").rows

    assert (order.external_id, order.buyer, order.total) == (str(bought["receipt_id"]), "Buyer 1", Amount(3812, "EUR"))
    assert (order.is_paid, order.is_sent, order.is_cancelled) == (True, False, False)
    assert abs(order.ordered_at - timezone.now()) < timedelta(minutes=1)
    assert [(line.sku, line.quantity, line.unit_price) for line in order.lines] == [(SKU, 2, Amount(1906, "EUR"))]


def test_receipts_are_read_to_the_end_and_later_ones_from_there(etsy, seller, cream, monkeypatch):
    monkeypatch.setattr("marketplaces.channels.etsy.channel._PAGE", 2)
    etsy.channel.publish(seller, replace(cream, quantity=9))
    bought = [str(etsy.buy()["receipt_id"]) for _ in range(3)]

    first = etsy.channel.orders(seller, "")
    second = etsy.channel.orders(seller, first.cursor)

    assert [row.external_id for row in first.rows + second.rows] == bought
    assert (first.more, second.more) == (True, False)
    seen, page = [], etsy.channel.orders(seller, second.cursor)
    later = str(etsy.buy()["receipt_id"])
    while page.more:
        seen += page.rows
        page = etsy.channel.orders(seller, page.cursor)
    assert later in [row.external_id for row in [*seen, *page.rows]]


def test_receipt_that_cannot_be_read_stops_the_cursor(etsy, seller, cream):
    etsy.channel.publish(seller, cream)
    etsy.buy()
    etsy.service.receipts[0]["grandtotal"] = None

    page = etsy.channel.orders(seller, "")

    assert (page.result.outcome, page.result.reason, page.cursor) == (Outcome.LATER, "unreadable", "")


def test_fulfilled_receipt_is_sent(etsy, seller, cream):
    etsy.channel.publish(seller, cream)
    receipt = etsy.buy()

    assert etsy.channel.fulfil(seller, str(receipt["receipt_id"]), ()).outcome == Outcome.DONE
    assert etsy.channel.orders(seller, "").rows[0].is_sent
    assert etsy.channel.fulfil(seller, "../x", ()).outcome == Outcome.REFUSED


def test_shop_of_somebody_else_is_refused(etsy, seller, cream):
    etsy.channel.publish(seller, cream)
    stranger = replace(etsy.seller("2002"), account_id=seller.account_id)

    assert etsy.channel.withdraw(stranger, Placed(SKU)).reason == "access_denied"
    assert etsy.channel.find(etsy.seller("2002"), SKU).rows == ()
    assert len(etsy.live()) == 1


def test_limit_tells_when_to_come_back(etsy, seller, cream):
    etsy.set(calls_per_day=1)

    result = etsy.channel.publish(seller, cream)

    assert (result.outcome, result.reason) == (Outcome.LATER, "rate_limited")
    assert 1 <= result.retry_after <= 86_400


def test_key_that_etsy_does_not_know_is_no_reason_to_connect_anew(etsy, seller, cream, settings):
    settings.ETSY_API_KEY = "another"
    client._client.cache_clear()

    result = etsy.channel.publish(seller, cream)

    assert (result.outcome, result.reason) == (Outcome.REFUSED, "access_denied")


def test_messages_are_not_to_be_had(etsy, seller):
    assert etsy.channel.messages(seller, "").result.reason == "unsupported"

"""Items over the API: made, changed, deleted, refused; what it costs the database; what it leaves in the log."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role
from accounts.tests.factories import make_user
from audit.models import Event
from catalog.enums import ProductKind
from catalog.models import SearchEntry
from marketplaces.enums import Channel, ListingState, MemberRole, ProductClass, Review
from marketplaces.gate import normalise_code, suspect_words
from marketplaces.models import Item, Listing
from marketplaces.services import items, publishing
from marketplaces.services.jobs import requests
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import (
    make_category,
    make_condition,
    make_image,
    make_item,
    make_listing,
    make_member,
    make_merchant,
    make_order,
    make_plan,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return make_user()


@pytest.fixture
def merchant(owner):
    return make_merchant(owner=owner)


@pytest.fixture
def client(api, owner, merchant):
    client = api(owner)
    client.credentials(**client._credentials, HTTP_X_MERCHANT=str(merchant.public_id))
    return client


def body(**fields: Any) -> dict[str, Any]:
    fields.setdefault("category", make_category().code)
    return {"title": "Crème mains", "price": 4500, "quantity": 3, "condition": make_condition().code, **fields}


def post(client, **fields):
    return client.post("/api/v1/items/", body(**fields), format="json")


def actions():
    return list(Event.objects.order_by("pk").values_list("action", flat=True))


def test_item_is_created(client, merchant):
    response = post(client, code="3282770146004", stock_buffers={"ebay": 1, "etsy": 0})

    assert response.status_code == 201
    shown = response.json()
    assert {name: shown[name] for name in ("title", "price", "currency", "quantity", "code", "stock_buffers")} == {
        "title": "Crème mains",
        "price": 4500,
        "currency": "XAF",
        "quantity": 3,
        "code": "3282770146004",
        "stock_buffers": {"ebay": 1},
    }
    assert shown["review"] == "none"
    assert client.get(f"/api/v1/items/{shown['id']}/").json() == shown
    with merchant_scope(merchant.pk):
        assert Item.objects.get().sku == shown["sku"]
    assert actions()[-1] == "item.created"


def test_every_failing_field_is_named_at_once(client, merchant):
    response = client.post(
        "/api/v1/items/",
        {"title": "", "price": 0, "quantity": -1, "category": "nowhere", "colour": "red", "stock_buffers": {"fnac": 1}},
        format="json",
    )
    assert response.status_code == 400
    assert {(error["field"], error["code"]) for error in response.json()["errors"]} == {
        ("title", "blank"),
        ("price", "min_value"),
        ("quantity", "min_value"),
        ("category", "unknown_attribute"),
        ("condition", "required"),
        ("colour", "unknown_field"),
        ("stock_buffers.fnac", "unknown_field"),
    }
    with merchant_scope(merchant.pk):
        assert not Item.objects.exists()


@pytest.mark.parametrize(
    "code", ["3400935955838", "03400935955838", "13400935955835", "3 400 935 955 838", "340.0935.955838"]
)
def test_medicines_code_is_refused_and_an_event(client, merchant, code):
    response = post(client, code=code)

    assert (response.status_code, response.json()["code"]) == (400, "not_for_sale")
    assert response.json()["reason"] == "prefix"
    with merchant_scope(merchant.pk):
        assert not Item.objects.exists()
    event = Event.objects.latest("pk")
    assert (event.action, event.entity_id) == ("item.refused", str(merchant.pk))
    assert event.changes["reason"] == "prefix"


@pytest.mark.parametrize("code", ["3595583", "5012345678900"])
def test_code_that_the_catalogue_knows_as_a_medicines_is_refused(client, code):
    known = {"3595583": "3400935955838"}.get(code, code)
    SearchEntry.objects.create(
        code=known, text="x", label="X", kind=ProductKind.MEDICINE, prescription_required=None, is_active=True
    )
    response = post(client, code=code)

    assert (response.status_code, response.json()["reason"]) == (400, "catalogue")


@pytest.mark.parametrize(
    "catalogue, given",
    [
        ("0300450449306", "300450449306"),
        ("300450449306", "0300450449306"),
        ("0000096385074", "96385074"),
        ("96385074", "0000096385074"),
        # The code of a carton, whose box is written with a right check digit, and with a wrong one.
        ("8901117012349", "18901117012342"),
        ("8901117012345", "18901117012342"),
        ("300450449306", "10300450449303"),
    ],
)
def test_medicines_code_that_is_spelled_otherwise_is_refused(client, catalogue, given):
    SearchEntry.objects.create(code=catalogue, text="x", label="X", kind=ProductKind.MEDICINE, is_active=True)
    response = post(client, code=given)

    assert (response.status_code, response.json()["reason"]) == (400, "catalogue")


@pytest.mark.parametrize("given", ["8901117012356", "18901117012359", "96385081", "300450449313"])
def test_code_beside_a_medicines_is_none(client, given):
    for code in ("8901117012349", "0300450449306", "0000096385074"):
        SearchEntry.objects.create(code=code, text="x", label="X", kind=ProductKind.MEDICINE, is_active=True)
    response = post(client, code=given)

    assert response.status_code == 201, response.content


@pytest.mark.parametrize(
    "fields",
    [
        {"product_class": ProductClass.MEDICINE, "is_allowed": False},
        {"product_class": ProductClass.NUTRITION, "is_allowed": False},
    ],
)
def test_category_that_is_not_allowed_is_refused(client, fields):
    response = post(client, category=make_category(**fields).code)

    assert (response.status_code, response.json()["code"], response.json()["reason"]) == (
        400,
        "not_for_sale",
        "category",
    )
    assert actions()[-1] == "item.refused"


def test_change_into_a_medicine_is_refused(client, merchant):
    item = make_item(merchant)
    response = client.patch(f"/api/v1/items/{item.public_id}/", {"code": "3400935955838"}, format="json")

    assert (response.status_code, response.json()["code"]) == (400, "not_for_sale")
    with merchant_scope(merchant.pk):
        assert Item.objects.get().code == ""


def test_words_only_flag(client, merchant):
    response = post(client, title="Étui pour comprimés de DOLIPRANE®")

    assert (response.status_code, response.json()["review"]) == (201, "flagged")
    with merchant_scope(merchant.pk):
        assert Item.objects.get().flagged_words == ["comprimes", "doliprane"]
    assert actions()[-2:] == ["item.created", "item.reviewed"]


@pytest.mark.parametrize(
    "title, words",
    [("Crème solaire", []), ("Ibuprofène 400", ["ibuprofene"]), ("GELULE, gélule", ["gelule"]), ("dragées", [])],
)
def test_suspect_words(title, words):
    assert suspect_words(title) == words


@pytest.mark.parametrize("code", ["12345", "abc", "34009359558380000", "３４００９３５９５５８３８"])
def test_code_that_is_none(code):
    from common.errors import Invalid

    with pytest.raises(Invalid):
        normalise_code(code)


def test_cleared_words_do_not_flag_again_but_new_ones_do(merchant):
    staff = make_user(Role.ADMIN)
    with merchant_scope(merchant.pk):
        item = items.create_item(
            title="Pilulier doliprane",
            price=1,
            quantity=1,
            category=make_category(),
            condition=make_condition(),
            by=staff,
        )
        item = items.review_item(item, Review.CLEARED, by=staff)
        item = items.update_item(item, {"title": "Joli pilulier doliprane"}, by=staff)
        assert item.review == Review.CLEARED
        item = items.update_item(item, {"title": "Pilulier advil"}, by=staff)
        assert (item.review, item.flagged_words) == (Review.FLAGGED, ["advil", "doliprane"])


def test_refused_item_leaves_every_channel_and_cannot_come_back(client, merchant):
    item = make_item(merchant)
    make_listing(item)
    with merchant_scope(merchant.pk):
        items.review_item(item, Review.REFUSED, by=make_user(Role.ADMIN))
        assert Listing.objects.get().state == ListingState.WITHDRAWING
    response = client.post(f"/api/v1/items/{item.public_id}/publish/", {"channels": ["etsy"]}, format="json")

    assert (response.status_code, response.json()["code"]) == (409, "item_refused")


def test_change_that_expects_another_quantity_is_refused(client, merchant):
    item = make_item(merchant, quantity=3)
    url = f"/api/v1/items/{item.public_id}/"
    with merchant_scope(merchant.pk):
        items.update_item(item, {"quantity": 2}, by=None)  # one is sold meanwhile

    refused = client.patch(url, {"quantity": 13, "expected_quantity": 3, "title": "Autre"}, format="json")

    assert (refused.status_code, refused.json()["code"], refused.json()["quantity"]) == (409, "quantity_changed", 2)
    shown = client.get(url).json()
    assert (shown["quantity"], shown["title"]) == (2, item.title)
    changed = client.patch(url, {"quantity": 12, "expected_quantity": 2}, format="json")
    assert (changed.status_code, changed.json()["quantity"]) == (200, 12)
    assert client.patch(url, {"expected_quantity": 12}, format="json").status_code == 200
    assert client.patch(url, {"quantity": 1, "expected_quantity": -1}, format="json").status_code == 400
    assert client.get(url).json()["quantity"] == 12


def test_item_that_is_made_expects_no_quantity(client, merchant):
    refused = post(client, expected_quantity=0)

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "unknown_field")


def test_item_is_changed_and_the_change_told(client, merchant):
    item = make_item(merchant)
    response = client.patch(f"/api/v1/items/{item.public_id}/", {"price": 9, "description": "Long"}, format="json")

    assert (response.status_code, response.json()["price"]) == (200, 9)
    event = Event.objects.latest("pk")
    assert event.action == "item.changed"
    assert event.changes["old"] == {"price": 5000, "description": "…"}
    assert event.changes["new"] == {"price": 9, "description": "…"}


def test_deleted_item_leaves_the_channels_and_keeps_its_row(client, merchant):
    item = make_item(merchant)
    listing = make_listing(item)
    assert client.delete(f"/api/v1/items/{item.public_id}/").status_code == 204

    assert client.get(f"/api/v1/items/{item.public_id}/").status_code == 404
    assert client.get("/api/v1/items/").json()["results"] == []
    with merchant_scope(merchant.pk):
        assert Item.objects.get().deleted_at is not None
        assert Listing.objects.get(pk=listing.pk).state == ListingState.WITHDRAWING
    assert actions()[-3:] == ["listing.moved", "job.moved", "item.deleted"]


def test_quota_of_items(api, owner):
    merchant = make_merchant(owner=owner, plan=make_plan(items=1))
    client = api(owner)
    client.credentials(**client._credentials, HTTP_X_MERCHANT=str(merchant.public_id))
    assert post(client).status_code == 201

    refused = post(client)

    assert (refused.status_code, refused.json()["code"]) == (409, "quota_exceeded")
    assert (refused.json()["kind"], refused.json()["limit"], refused.json()["used"]) == ("items", 1, 1)
    with merchant_scope(merchant.pk):
        client.delete(f"/api/v1/items/{Item.objects.get().public_id}/")
    assert post(client).status_code == 201


# Channels


@pytest.fixture
def carried():
    """What the jobs are asked to do."""
    asked = []
    publishing.carry_out_by(
        lambda action, listings, by: asked.append((action.value, sorted(x.channel for x in listings)))
    )
    yield asked
    publishing.carry_out_by(requests.carry_out)


def publish(client, item, channels=("ebay",), **fields):
    data = {"channels": list(channels), **fields}
    return client.post(f"/api/v1/items/{item.public_id}/publish/", data, format="json")


def test_publication_is_asked_for_once(client, merchant, carried):
    item = make_item(merchant)
    response = publish(client, item, ["ebay", "etsy", "ebay"], prices={"etsy": 7000})

    assert response.status_code == 202
    assert [(row["channel"], row["state"], row["price"]) for row in response.json()["listings"]] == [
        ("ebay", "pending", 5000),
        ("etsy", "pending", 7000),
    ]
    assert carried == [("publish", ["ebay"]), ("publish", ["etsy"])] or carried == [("publish", ["ebay", "etsy"])]
    carried.clear()
    assert publish(client, item, ["ebay"]).status_code == 202
    assert carried == []
    with merchant_scope(merchant.pk):
        assert Listing.objects.count() == 2


def test_live_listing_is_brought_up_to_date(client, merchant, carried):
    item = make_item(merchant)
    make_listing(item)
    assert publish(client, item, prices={"ebay": 4000}).json()["listings"][0]["price"] == 4000
    client.patch(f"/api/v1/items/{item.public_id}/", {"title": "Autre"}, format="json")

    assert carried == [("update", ["ebay"]), ("update", ["ebay"])]


def test_nothing_left_is_not_published(client, merchant, carried):
    item = make_item(merchant, quantity=2, stock_buffers={"etsy": 2})
    response = publish(client, item, ["ebay", "etsy"])

    assert (response.status_code, response.json()["code"]) == (409, "nothing_to_sell")
    assert [error["field"] for error in response.json()["errors"]] == ["channels.1"]
    assert carried == []
    with merchant_scope(merchant.pk):
        assert not Listing.objects.exists()


def test_item_that_is_sold_out_leaves_its_channels(client, merchant, carried):
    item = make_item(merchant, stock_buffers={"etsy": 2})
    make_listing(item, Channel.EBAY)
    make_listing(item, Channel.ETSY)
    client.patch(f"/api/v1/items/{item.public_id}/", {"quantity": 2}, format="json")
    assert carried == [("withdraw", ["etsy"]), ("update", ["ebay"])]
    client.patch(f"/api/v1/items/{item.public_id}/", {"quantity": 0}, format="json")

    assert carried[-1] == ("withdraw", ["ebay"])
    with merchant_scope(merchant.pk):
        assert set(Listing.objects.values_list("state", flat=True)) == {ListingState.WITHDRAWING}


def test_withdrawal_is_asked_for_and_waited_for(client, merchant, carried):
    item = make_item(merchant)
    make_listing(item)
    url = f"/api/v1/items/{item.public_id}/withdraw/"
    response = client.post(url, {"channels": ["ebay", "etsy"]}, format="json")

    assert response.status_code == 202
    assert [(row["channel"], row["state"]) for row in response.json()["listings"]] == [("ebay", "withdrawing")]
    assert client.post(url, {"channels": ["ebay"]}, format="json").status_code == 202
    assert carried == [("withdraw", ["ebay"])]
    again = publish(client, item)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")


def test_quota_of_listings_is_each_channels_own(api, owner):
    merchant = make_merchant(owner=owner, plan=make_plan(listings=1))
    client = api(owner)
    client.credentials(**client._credentials, HTTP_X_MERCHANT=str(merchant.public_id))
    first, second = make_item(merchant), make_item(merchant)
    assert publish(client, first, ["ebay", "etsy"]).status_code == 202

    refused = publish(client, second, ["ebay"])

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "ebay")
    with merchant_scope(merchant.pk):
        listing = Listing.objects.get(channel="ebay")
        publishing.move(listing, ListingState.FAILED, by=None, error="Refusé", error_code="25002")
    assert publish(client, second, ["ebay"]).status_code == 202
    shown = client.get("/api/v1/quotas/").json()["quotas"]
    assert [row for row in shown if row["kind"] == "listings"] == [
        {"kind": "listings", "channel": "ebay", "used": 1, "limit": 1},
        {"kind": "listings", "channel": "etsy", "used": 1, "limit": 1},
        {"kind": "listings", "channel": "vinted", "used": 0, "limit": 1},
    ]
    assert [row for row in shown if row["kind"] == "jobs_per_day"] == [
        {"kind": "jobs_per_day", "channel": None, "used": 3, "limit": None}
    ]


# Lists


@pytest.mark.parametrize("path", ["items", "listings", "orders"])
def test_list_costs_the_same_for_one_row_and_for_three(client, merchant, path):
    def add():
        item = make_item(merchant)
        make_image(item)
        make_listing(item)
        make_order(item)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/api/v1/{path}/").status_code == 200
        return len(captured)

    add()
    one = queries()
    add()
    add()
    assert queries() == one
    assert len(client.get(f"/api/v1/{path}/").json()["results"]) == 3


@pytest.mark.parametrize("path", ["merchants", "merchants/{id}/members", "attributes/category"])
def test_other_lists_cost_the_same_for_one_row_and_for_three(api, owner, path):
    merchant = make_merchant(owner=owner)
    client = api(owner)
    url = f"/api/v1/{path}/".replace("{id}", str(merchant.public_id))

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        return len(captured)

    make_category()
    one = queries()
    for _number in range(2):
        make_member(merchant, MemberRole.VIEWER)
        make_merchant(owner=owner)
        make_category()
    assert queries() == one


def test_lists_are_filtered_and_paged(client, merchant):
    first, second = make_item(merchant), make_item(merchant, title="Zinc")
    make_listing(second, Channel.ETSY, state=ListingState.FAILED)
    assert [row["id"] for row in client.get("/api/v1/items/").json()["results"]] == [
        str(second.public_id),
        str(first.public_id),
    ]
    assert [row["id"] for row in client.get(f"/api/v1/items/?sku={first.sku}").json()["results"]] == [
        str(first.public_id)
    ]
    assert len(client.get("/api/v1/listings/?channel=etsy&state=failed").json()["results"]) == 1
    assert client.get("/api/v1/listings/?channel=ebay").json()["results"] == []
    assert client.get("/api/v1/listings/?state=nowhere").status_code == 400
    page = client.get("/api/v1/items/?limit=1").json()
    assert client.get(page["next"]).json()["results"][0]["id"] == str(first.public_id)


def test_task_of_an_order_is_closed_once(client, merchant):
    order = make_order(make_item(merchant), task="ship")
    url = f"/api/v1/orders/{order.public_id}/done/"
    assert client.post(url).json()["task"] == "done"
    assert actions()[-1] == "order.task_closed"
    again = client.post(url)

    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")

"""A whole basket over the API: offers, plans, and what they cost."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import PricedAction
from accounts.models import CreditEntry, PriceList
from accounts.tests.factories import balance, make_user
from catalog.models import Pharmacy
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory
from catalog.tests.supervisor import AVAILABILITY
from common.tests.rows import contents
from tests.threads import run_together

pytestmark = pytest.mark.django_db

URL = "/api/v1/availability/"
NEAR = {"lat": 0.39, "lon": 9.45}


@pytest.fixture
def patient():
    PriceList.objects.create(action=PricedAction.CHECK_AVAILABILITY, label="Vérifier", credits=3)
    return make_user(credits=10)


@pytest.fixture
def post(api, patient):
    client = api(patient)

    def send(*lines, key=None, **fields):
        body = {"lines": [{"product": code, "quantity": units} for code, units in lines], **fields}
        return client.post(URL, body, format="json", headers={"Idempotency-Key": key or uuid.uuid4().hex})

    return send


def plans(answer):
    return [
        ([(stop["pharmacy"], [line["product"] for line in stop["lines"]]) for stop in plan["stops"]], plan["missing"])
        for plan in answer.json()["plans"]
    ]


def test_one_stop_first_and_what_it_costs(post, patient):
    a, b = ProductFactory().code, ProductFactory().code
    near = StockFactory(product_code=a, price=100).pharmacy
    both = PharmacyFactory(latitude=0.5)
    StockFactory(pharmacy=both, product_code=a, price=200)
    StockFactory(pharmacy=both, product_code=b, price=300, quantity=4)

    answer = post((a, 2), (b, 4), near=NEAR)

    assert answer.status_code == 200, answer.content
    assert plans(answer) == [([(both.code, [a, b])], [])]
    shown = answer.json()
    assert (shown["exact"], shown["credits_charged"]) == (True, 3)
    assert (shown["plans"][0]["total"], shown["plans"][0]["currency"]) == (2 * 200 + 4 * 300, "XAF")
    assert [row["pharmacy"]["code"] for row in shown["pharmacies"]] == [near.code, both.code]
    assert shown["plans"][0]["distance_km"] == shown["pharmacies"][1]["pharmacy"]["distance_km"]
    line = shown["pharmacies"][1]["lines"][1]
    assert {name: line[name] for name in ("product", "requested", "quantity", "price", "source")} == {
        "product": b,
        "requested": 4,
        "quantity": 4,
        "price": 300,
        "source": "stock",
    }
    assert balance(patient) == 7


def test_two_stops_where_nobody_has_everything_and_what_is_missing(post):
    a, b, nowhere = (ProductFactory().code for _ in range(3))
    first = StockFactory(product_code=a).pharmacy
    second = StockFactory(product_code=b, pharmacy=PharmacyFactory(latitude=0.5)).pharmacy

    answer = post((a, 1), (b, 1), (nowhere, 1), near=NEAR)

    assert plans(answer) == [([(first.code, [a]), (second.code, [b])], [nowhere])]


def test_too_few_boxes_or_no_price_is_missing(post):
    few, unpriced = StockFactory(quantity=1), StockFactory(price=None)

    assert plans(post((few.product_code, 1), (few.product_code, 1))) == []
    assert plans(post((unpriced.product_code, 1))) == []


def test_radius_and_hours_limit_who_is_asked(post):
    product = ProductFactory().code
    StockFactory(product_code=product, pharmacy=PharmacyFactory(latitude=1.5))
    near = StockFactory(product_code=product).pharmacy
    always = StockFactory(product_code=product, pharmacy=PharmacyFactory(always_open=True, latitude=0.4)).pharmacy

    def found(**fields):
        return {row["pharmacy"]["code"] for row in post((product, 1), **fields).json()["pharmacies"]}

    assert found(near=NEAR, radius_km=10) == {near.code, always.code}
    assert found(near=NEAR, radius_km=10, open_at="2026-03-01T23:00:00+01:00") == {always.code}


def test_epg_and_local_stock_in_one_answer(post, epg):
    stock = epg.stock(price=900)
    gone = epg.stock(stock.pharmacy, boxes=0)

    answer = post((stock.product_code, 5), (gone.product_code, 1))

    (found,) = answer.json()["pharmacies"]
    assert [(line["quantity"], line["price"], line["source"]) for line in found["lines"]] == [
        (None, 900, "epg"),
        (0, 1500, "epg"),
    ]
    assert plans(answer) == [([(stock.pharmacy.code, [stock.product_code])], [gone.product_code])]
    assert len(epg.calls(AVAILABILITY)) == 1, "one call for the whole basket"


def test_nothing_is_charged_where_nobody_answered(post, epg, patient):
    stock = epg.stock()
    epg.fault("error_500")

    answer = post((stock.product_code, 1))

    assert (answer.status_code, answer.json()["credits_charged"], answer.json()["pharmacies"]) == (200, 0, [])
    assert balance(patient) == 10
    Pharmacy.objects.all().update(epg_id="")
    assert post((stock.product_code, 1)).json()["credits_charged"] == 3, "counted here, and counted as none"


def test_repeat_has_the_same_answer_and_is_charged_once(post, patient):
    code = StockFactory().product_code

    first, again = post((code, 1), key="k"), post((code, 1), key="k")

    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert balance(patient) == 7
    assert CreditEntry.objects.filter(kind="spend").count() == 1
    assert post((code, 2), key="k").status_code == 422


@pytest.mark.django_db(transaction=True)
def test_twins_are_charged_once(post, patient):
    code = StockFactory().product_code

    answers = run_together(4, lambda number: post((code, 1), key="k"))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert balance(patient) == 7


def test_funds_come_first(api, patient, epg):
    stock = epg.stock()
    poor = make_user(credits=2)
    before = contents()

    answer = api(poor).post(
        URL,
        {"lines": [{"product": stock.product_code, "quantity": 1}]},
        format="json",
        headers={"Idempotency-Key": "k"},
    )

    assert (answer.status_code, answer.json()["code"]) == (402, "insufficient_credits")
    assert contents() == before
    assert epg.calls(AVAILABILITY) == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"lines": []}, "lines", "empty"),
        ({"radius_km": 5}, "near", "required"),
        ({"near": {"lat": "0", "lon": 9}}, "near.lat", "invalid"),
        ({"near": {"lat": 91, "lon": 9}}, "near.lat", "max_value"),
        ({"near": {"lat": 10**400, "lon": 9}}, "near.lat", "invalid"),
        ({"near": NEAR, "radius_km": 0}, "radius_km", "min_value"),
        ({"open_at": "yesterday"}, "open_at", "invalid"),
        ({"open_at": "9999-12-28T00:00:00Z"}, "open_at", "invalid"),
        ({"open_at": "0001-01-01T02:00:00Z"}, "open_at", "invalid"),
        ({"open_at": "1999-12-31T23:59:59Z"}, "open_at", "invalid"),
        ({"open_at": "2026-01-01T08:00:00"}, "open_at", "invalid"),
        ({"open_at": "2026-01-01"}, "open_at", "invalid"),
        ({"open_at": "٢٠٢٦-01-01T08:00:00Z"}, "open_at", "invalid"),
        ({"open_at": 1_767_254_400}, "open_at", "invalid"),
        ({"whatever": 1}, "whatever", "unknown_field"),
    ],
)
def test_bad_input_names_the_field_and_costs_nothing(change, field, code, api, patient):
    body = {"lines": [{"product": StockFactory().product_code, "quantity": 1}], **change}

    answer = api(patient).post(URL, body, format="json", headers={"Idempotency-Key": "k"})

    assert answer.status_code == 400, answer.content
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]
    assert balance(patient) == 10


def test_unknown_product_is_named(post, patient):
    answer = post((StockFactory().product_code, 1), ("3400000000000", 1))

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_product")
    assert [error["field"] for error in answer.json()["errors"]] == ["lines.1.product"]
    assert balance(patient) == 10


def test_sign_in_and_key_are_needed(api, patient):
    assert api().post(URL, {"lines": []}, format="json").status_code == 401
    answer = api(patient).post(URL, {"lines": []}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")


def test_queries_do_not_grow_with_the_pharmacies(post):
    code = StockFactory().product_code

    def asked():
        with CaptureQueriesContext(connection) as queries:
            answer = post((code, 1))
        return len(answer.json()["pharmacies"]), len(queries)

    rows, at_one = asked()
    for _another in range(2):
        StockFactory(product_code=code)
    assert (rows, asked()) == (1, (3, at_one))

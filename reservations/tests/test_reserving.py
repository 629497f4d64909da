"""Reserving over the API, one request at a time."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import CreditEntry
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user, set_credits
from audit.models import Event
from catalog.models import Stock
from common.money import MAX_AMOUNT, MAX_PRICE
from common.tests.rows import contents
from reservations.api.serializers import MAX_LINES, MAX_QUANTITY
from reservations.exceptions import InsufficientStock
from reservations.models import Reservation, ReservationLine
from reservations.pickup import ALPHABET, new_pickup_code, normalize_pickup_code
from reservations.selectors import held_units
from reservations.services import reserving
from reservations.tests.factories import basket, make_pharmacy, make_reservation, make_stock, set_reserve_price

pytestmark = pytest.mark.django_db

URL = "/api/v1/reservations/"


@pytest.fixture
def patient():
    return make_user(credits=10)


@pytest.fixture
def post(api, patient):
    client = api(patient)

    def send(body, key=None):
        return client.post(URL, body, format="json", headers={"Idempotency-Key": key or uuid.uuid4().hex})

    return send


def test_answer_is_the_reservation_as_it_was_made(post, patient, settings):
    set_reserve_price(2)
    first = make_stock(quantity=5, price=1500)
    second = make_stock(first.pharmacy, quantity=3, price=250)
    before = timezone.now()

    response = post(
        {
            "pharmacy": first.pharmacy.code,
            "lines": [
                {"product": second.product_code, "quantity": 1},
                {"product": first.product_code, "quantity": 2},
            ],
        }
    )

    assert response.status_code == 201, response.content
    reservation = Reservation.objects.get()
    assert response.json() == {
        "id": str(reservation.public_id),
        "pickup_code": reservation.pickup_code,
        "status": "confirmed",
        "payment_status": "unpaid",
        "pharmacy": {"code": first.pharmacy.code, "name": first.pharmacy.name},
        "lines": [
            {
                "product": second.product_code,
                "label": ReservationLine.objects.get(stock=second).label,
                "quantity": 1,
                "unit_price": 250,
                "total": 250,
            },
            {
                "product": first.product_code,
                "label": ReservationLine.objects.get(stock=first).label,
                "quantity": 2,
                "unit_price": 1500,
                "total": 3000,
            },
        ],
        "total": 3250,
        "currency": "XAF",
        "credits_charged": 2,
        "pharmacy_reference": None,
        "reason": None,
        "expires_at": response.json()["expires_at"],
        "created_at": response.json()["created_at"],
    }
    assert before + settings.HOLD_UNPAID <= reservation.expires_at <= timezone.now() + settings.HOLD_UNPAID
    assert reservation.user == patient
    assert response.json()["expires_at"].endswith("+01:00")


def test_price_that_has_begun_is_charged_before_the_list_says_it(post, patient):
    price = set_reserve_price(9)
    begins = timezone.now() + timedelta(minutes=5)
    price.next_credits, price.next_from = 2, begins
    price.save()
    stock = make_stock()

    assert post(basket(stock, 1)).json()["credits_charged"] == 9
    with time_machine.travel(begins, tick=False):
        set_credits(patient, 2)
        assert post(basket(stock, 1)).json()["credits_charged"] == 2
    assert balance(patient) == 0
    price.refresh_from_db()
    assert price.credits == 9


def test_stock_is_held_and_not_lowered(post):
    stock = make_stock(quantity=10)
    post(basket(stock, 3))

    line = ReservationLine.objects.get()
    assert held_units([stock.pk]) == {stock.pk: 3}
    assert line.held_until == Reservation.objects.get().expires_at
    assert Stock.objects.get().quantity == 10


def test_credits_are_charged_once_with_the_reservation_as_their_cause(post, patient):
    set_reserve_price(2)
    response = post(basket(make_stock(), 1))

    entry = CreditEntry.objects.get(kind="spend")
    assert (entry.amount, entry.balance_after) == (-2, 8)
    assert entry.reference == f"reservation:{response.json()['id']}"
    assert entry.created_by == patient
    assert balance(patient) == 8
    assert verify_ledger().findings == []


def test_reserving_is_free_where_no_price_list_names_it(post, patient):
    response = post(basket(make_stock(), 1))

    assert response.json()["credits_charged"] == 0
    assert balance(patient) == 10
    assert not CreditEntry.objects.filter(kind="spend").exists()


def test_same_product_twice_is_added_up(post):
    stock = make_stock(quantity=5, price=100)
    body = basket(stock, 2)
    body["lines"].append({"product": stock.product_code, "quantity": 3})

    response = post(body)

    assert [(line["quantity"], line["total"]) for line in response.json()["lines"]] == [(5, 500)]
    assert held_units([stock.pk]) == {stock.pk: 5}


def test_line_keeps_what_was_sold_whatever_happens_to_the_catalogue(post, api, patient):
    stock = make_stock(price=1500)
    made = post(basket(stock, 2)).json()
    Stock.objects.update(price=9, quantity=0)
    reserving.SearchEntry.objects.update(label="AUTRE CHOSE", is_active=False)
    stock.pharmacy.name = "Autre nom"

    assert api(patient).get(f"{URL}{made['id']}/").json()["lines"] == made["lines"]


def test_whole_basket_or_nothing(post):
    plenty = make_stock(quantity=10)
    short = make_stock(plenty.pharmacy, quantity=1)
    before = contents()

    body = basket(plenty, 1)
    body["lines"].append({"product": short.product_code, "quantity": 2})
    response = post(body)

    assert (response.status_code, response.json()["code"]) == (409, "insufficient_stock")
    assert contents() == before


def test_every_short_line_is_named_with_what_is_left(post):
    stock = make_stock(quantity=10)
    held = make_stock(stock.pharmacy, quantity=4)
    make_reservation(stock=held, quantity=3)
    elsewhere = make_stock(quantity=10)
    empty = make_stock(stock.pharmacy, quantity=0)
    twice = make_stock(stock.pharmacy, quantity=3)
    unpriced = make_stock(stock.pharmacy, price=None)
    before = contents()

    lines = [(stock, 10), (held, 2), (elsewhere, 1), (twice, 2), (empty, 1), (twice, 2), (unpriced, 1)]
    response = post(
        {
            "pharmacy": stock.pharmacy.code,
            "lines": [{"product": row.product_code, "quantity": units} for row, units in lines],
        }
    )

    assert (response.status_code, response.json()["code"]) == (409, "insufficient_stock")
    assert [
        (error["field"], error["code"], error["product"], error.get("available")) for error in response.json()["errors"]
    ] == [
        ("lines.1.quantity", "insufficient_stock", held.product_code, 1),
        ("lines.2.quantity", "insufficient_stock", elsewhere.product_code, 0),
        ("lines.3.quantity", "insufficient_stock", twice.product_code, 3),
        ("lines.4.quantity", "insufficient_stock", empty.product_code, 0),
        ("lines.5.quantity", "insufficient_stock", twice.product_code, 3),
        ("lines.6.product", "price_unknown", unpriced.product_code, None),
    ]
    assert contents() == before


def test_every_line_without_a_price_is_named(post):
    priced = make_stock()
    unpriced = [make_stock(priced.pharmacy, price=None) for _ in range(2)]
    before = contents()

    response = post(
        {
            "pharmacy": priced.pharmacy.code,
            "lines": [{"product": row.product_code, "quantity": 1} for row in (unpriced[0], priced, unpriced[1])],
        }
    )

    assert (response.status_code, response.json()["code"]) == (409, "price_unknown")
    assert [(error["field"], error["product"]) for error in response.json()["errors"]] == [
        ("lines.0.product", unpriced[0].product_code),
        ("lines.2.product", unpriced[1].product_code),
    ]
    assert contents() == before


def test_hold_ends_with_its_time(post, settings):
    stock = make_stock(quantity=1)
    assert post(basket(stock, 1)).status_code == 201
    line = ReservationLine.objects.get()

    with time_machine.travel(line.held_until - timedelta(seconds=1), tick=False), pytest.raises(InsufficientStock):
        make_reservation(stock=stock, quantity=1)
    with time_machine.travel(line.held_until, tick=False):
        make_reservation(stock=stock, quantity=1)


def test_stock_counted_below_what_is_held_leaves_nothing(post):
    stock = make_stock(quantity=5)
    post(basket(stock, 4))
    Stock.objects.update(quantity=2)

    (error,) = post(basket(stock, 1)).json()["errors"]
    assert error["available"] == 0


@pytest.mark.parametrize("table", ["pharmacy", "product"])
def test_what_is_switched_off_is_unknown(post, table):
    stock = make_stock()
    if table == "pharmacy":
        stock.pharmacy.is_active = False
        stock.pharmacy.save()
    else:
        reserving.SearchEntry.objects.filter(code=stock.product_code).update(is_active=False)
    before = contents()

    response = post(basket(stock, 1))

    assert (response.status_code, response.json()["code"]) == (404, f"unknown_{table}")
    assert contents() == before


def test_unknown_products_are_named_all_at_once(post):
    stock = make_stock()
    body = {
        "pharmacy": stock.pharmacy.code,
        "lines": [{"product": code, "quantity": 1} for code in ("NOWHERE-1", stock.product_code, "NOWHERE-2")],
    }
    response = post(body)

    assert (response.status_code, response.json()["code"]) == (404, "unknown_product")
    assert [error["field"] for error in response.json()["errors"]] == ["lines.0.product", "lines.2.product"]


def test_product_code_of_the_house_can_be_reserved(post):
    stock = make_stock(product="Ab_9-x")
    reserving.SearchEntry.objects.create(code="Ab_9-x", label="X", text="x", kind="parapharmacy", is_active=True)

    assert post(basket(stock, 1)).status_code == 201


def test_pharmacy_without_any_stock(post):
    pharmacy = make_pharmacy()
    stock = make_stock()

    response = post({"pharmacy": pharmacy.code, "lines": [{"product": stock.product_code, "quantity": 1}]})

    assert (response.status_code, response.json()["code"]) == (409, "insufficient_stock")


def test_stock_comes_before_money(post, patient):
    set_reserve_price(11)
    stock = make_stock(quantity=0)
    before = contents()

    assert post(basket(stock, 1)).json()["code"] == "insufficient_stock"
    Stock.objects.update(quantity=1)
    response = post(basket(stock, 1))
    assert (response.status_code, response.json()["code"]) == (402, "insufficient_credits")
    Stock.objects.update(quantity=0, updated_at=stock.updated_at)
    assert contents() == before


def test_basket_in_two_currencies_has_no_total(post):
    stock = make_stock()
    other = make_stock(stock.pharmacy, currency="EUR")
    before = contents()

    body = basket(stock, 1)
    body["lines"].append({"product": other.product_code, "quantity": 1})
    response = post(body)

    assert (response.status_code, response.json()["code"]) == (409, "mixed_currencies")
    assert contents() == before
    assert post(basket(other, 1)).json()["currency"] == "EUR"


def test_dearest_basket_that_can_be_paid_has_a_total_that_is_kept(post):
    stock = make_stock(price=MAX_PRICE, quantity=MAX_QUANTITY)

    response = post(basket(stock, MAX_AMOUNT // MAX_PRICE))

    assert (response.status_code, response.json()["total"]) == (201, MAX_AMOUNT)
    assert Reservation.objects.get().total == MAX_AMOUNT


def test_basket_that_nobody_can_pay_is_refused(post):
    set_reserve_price(2)
    stock = make_stock(price=MAX_PRICE, quantity=MAX_LINES * MAX_QUANTITY)
    dearest = basket(stock, MAX_QUANTITY)
    before = contents()

    for body in (basket(stock, MAX_AMOUNT // MAX_PRICE + 1), {**dearest, "lines": dearest["lines"] * MAX_LINES}):
        response = post(body)
        assert (response.status_code, response.json()["code"]) == (400, "total_too_large")
    assert contents() == before


def test_long_name_of_a_pharmacy_is_cut_in_the_ledger(post):
    set_reserve_price(2)
    stock = make_stock(make_pharmacy(name="P" * 200))

    response = post(basket(stock, 1))

    assert response.status_code == 201, response.content
    assert response.json()["pharmacy"]["name"] == "P" * 200
    assert CreditEntry.objects.get(kind="spend").label == "Réservation à " + "P" * 186


def test_event_says_what_happened_and_keeps_what_somebody_takes_apart(post, patient):
    set_reserve_price(2)
    stock = make_stock(price=1500)
    response = post(basket(stock, 2))

    event = Event.objects.get(action="reservation.confirmed")
    assert (event.entity, event.entity_id) == ("reservation", response.json()["id"])
    assert (event.actor_kind, event.actor_id) == ("user", str(patient.pk))
    assert event.request_id == response.headers["X-Request-ID"]
    assert event.changes == {"old": None, "new": "confirmed", "total": 3000}
    assert event.personal.values == {"lines": [[stock.product_code, 2]]}
    spent = Event.objects.get(action="credits.spend")
    assert (spent.amount, spent.changes["reference"]) == (-2, f"reservation:{response.json()['id']}")


def test_pickup_code_that_is_taken_is_a_conflict_and_changes_nothing(post, monkeypatch):
    taken = make_reservation()
    stock = make_stock()
    monkeypatch.setattr(reserving, "new_pickup_code", lambda: taken.pickup_code)
    before = contents()

    response = post(basket(stock, 1), key="k1")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert response.headers["Retry-After"] == "1"
    assert contents() == before

    monkeypatch.undo()
    assert post(basket(stock, 1), key="k1").status_code == 201


def test_pickup_codes_are_long_and_read_aloud_without_doubt():
    codes = {new_pickup_code() for _ in range(1000)}

    assert len(codes) == 1000
    assert {len(code) for code in codes} == {8}
    assert set("".join(codes)) <= set(ALPHABET)
    assert not set("01OIL") & set(ALPHABET)


@pytest.mark.parametrize("raw", ["AB3DEF9H", "ab3d-ef9h ", "AB3D EF9H", " a b3\tdef9h\n"])
def test_pickup_code_however_it_is_typed(raw):
    assert normalize_pickup_code(raw) == "AB3DEF9H"


def _kind(sql):
    words = sql.replace('"', "").split()
    return "WITH" if words[0] == "WITH" else words[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no round trips to spare")
@pytest.mark.parametrize("price, lines", [(0, 1), (2, 1), (2, 3)])
def test_statements_of_a_reservation(api, price, lines):
    """As the docstring of `reserving` says, whatever the number of lines; and before them one for the caller."""
    if price:
        set_reserve_price(price)
    pharmacy = make_pharmacy()
    stocks = [make_stock(pharmacy) for _ in range(lines)]
    client = api(make_user(credits=10))
    body = {"pharmacy": pharmacy.code, "lines": [{"product": row.product_code, "quantity": 1} for row in stocks]}

    with CaptureQueriesContext(connection) as queries:
        response = client.post(URL, body, format="json", headers={"Idempotency-Key": "k"})

    assert response.status_code == 201, response.content
    sent = [query["sql"] for query in queries]
    # Django notes BEGIN and COMMIT; psycopg sends a COMMIT only where one is still due.
    user, begin, stock, account, write, commit = sent
    assert "accounts_user" in user
    assert begin == "BEGIN"
    assert "FOR NO KEY UPDATE OF s" in stock
    assert "SUM(quantity)" in stock
    assert "nextval" in stock
    assert stock.count(";") == 2
    assert ("AS UPDATE accounts_account" if price else "SELECT 1") in account
    for table in (
        "reservations_reservation ",
        "reservations_reservationline ",
        "audit_event ",
        "common_idempotencykey ",
    ):
        assert write.count(f"INSERT INTO {table}") == 1
    assert write.count("INSERT INTO accounts_creditentry ") == (1 if price else 0)
    assert write.endswith("; COMMIT")
    assert commit == "COMMIT"


def test_answer_of_an_ended_reservation_is_replayed_as_it_was(post, api, patient):
    stock = make_stock()
    first = post(basket(stock, 1), key="k")
    api(patient).post(f"{URL}{first.json()['id']}/cancel/", format="json")

    again = post(basket(stock, 1), key="k")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    assert Reservation.objects.count() == 1

"""Who sees which reservations, how they are looked up, and at the price of how many queries."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role
from accounts.tests.factories import make_user
from reservations.enums import Status
from reservations.tests.factories import make_pharmacist, make_pharmacy, make_reservation, make_stock, pay

pytestmark = pytest.mark.django_db

URL = "/api/v1/reservations/"


def _ids(response):
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def test_everybody_sees_what_is_theirs(api):
    stock, other_stock = make_stock(quantity=100), make_stock(quantity=100)
    patient, stranger = make_user(), make_user()
    pharmacist = make_pharmacist(stock.pharmacy)
    mine = make_reservation(user=patient, stock=stock)
    elsewhere = make_reservation(user=patient, stock=other_stock)
    hers = make_reservation(user=pharmacist, stock=other_stock)
    theirs = make_reservation(stock=stock)
    everything = [str(row.public_id) for row in (theirs, hers, elsewhere, mine)]

    assert _ids(api(patient).get(URL)) == [everything[2], everything[3]]
    assert _ids(api(stranger).get(URL)) == []
    assert _ids(api(pharmacist).get(URL)) == [everything[0], everything[1], everything[3]]
    assert _ids(api(make_pharmacist(make_pharmacy())).get(URL)) == []
    assert _ids(api(make_user(Role.STAFF)).get(URL)) == everything
    assert _ids(api(make_user(Role.ADMIN)).get(URL)) == everything
    assert _ids(api(make_user(Role.DOCTOR)).get(URL)) == []
    assert api().get(URL).status_code == 401


@pytest.mark.parametrize(
    "who, status",
    [("owner", 200), ("pharmacist", 200), ("elsewhere", 404), ("stranger", 404), ("staff", 200), ("nobody", 401)],
)
def test_one_of_them(api, who, status):
    reservation = make_reservation()
    person = {
        "owner": lambda: reservation.user,
        "pharmacist": lambda: make_pharmacist(reservation.pharmacy),
        "elsewhere": lambda: make_pharmacist(make_pharmacy()),
        "stranger": make_user,
        "staff": lambda: make_user(Role.STAFF),
        "nobody": lambda: None,
    }[who]()

    response = api(person).get(f"{URL}{reservation.public_id}/")
    assert response.status_code == status
    assert (reservation.pickup_code in response.content.decode()) is (status == 200)


def test_numbers_of_the_database_are_no_addresses(api):
    reservation = make_reservation()
    client = api(reservation.user)

    for wrong in (reservation.pk, reservation.pickup_code, uuid.uuid4(), "0", "%20"):
        assert client.get(f"{URL}{wrong}/").status_code == 404


def test_look_up_by_pickup_code_however_it_is_typed(api):
    wanted = make_reservation()
    make_reservation(stock=make_stock(wanted.pharmacy))
    client = api(make_pharmacist(wanted.pharmacy))
    code = wanted.pickup_code

    for typed in (code, code.lower(), f"{code[:4]}-{code[4:]}", f" {code} "):
        assert _ids(client.get(URL, {"pickup_code": typed})) == [str(wanted.public_id)]
    assert _ids(client.get(URL, {"pickup_code": code[:7]})) == []
    assert _ids(client.get(URL, {"pickup_code": "%"})) == []


def test_pickup_code_of_another_pharmacy_finds_nothing(api):
    wanted = make_reservation()

    assert _ids(api(make_pharmacist(make_pharmacy())).get(URL, {"pickup_code": wanted.pickup_code})) == []


def test_look_up_by_status(api):
    patient, stock = make_user(), make_stock(quantity=100)
    made = {status: make_reservation(user=patient, stock=stock, status=status) for status in Status}
    client = api(patient)

    for status in Status:
        assert _ids(client.get(URL, {"status": status})) == [str(made[status].public_id)]
    response = client.get(URL, {"status": "stolen"})
    assert response.status_code == 400
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [("status", "invalid_choice")]


def test_pages_follow_one_another(api):
    patient, stock = make_user(), make_stock(quantity=100)
    made = [str(make_reservation(user=patient, stock=stock).public_id) for _ in range(5)]
    client = api(patient)

    first = client.get(URL, {"limit": 2})
    second = client.get(first.json()["next"])
    third = client.get(second.json()["next"])
    assert _ids(first) + _ids(second) + _ids(third) == made[::-1]
    assert third.json()["next"] is None


def _queries(client, url):
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    assert response.status_code == 200
    return len(response.json().get("results", [1])), len(queries)


@pytest.mark.parametrize("role, expected", [(Role.PATIENT, 6), (Role.PHARMACIST, 6), (Role.STAFF, 6)])
def test_queries_of_a_list_do_not_grow_with_it(api, role, expected):
    stock = make_stock(quantity=100)
    other = make_stock(stock.pharmacy, quantity=100)
    person = make_pharmacist(stock.pharmacy) if role == Role.PHARMACIST else make_user(role)
    client = api(person)

    def add():
        reservation = make_reservation(user=person, stock=stock)
        reservation.lines.create(stock=other, product_code="x", label="x", quantity=1, unit_price=1)
        pay(reservation)

    add()
    assert _queries(client, URL) == (1, expected)
    add()
    add()
    assert _queries(client, URL) == (3, expected)


def test_queries_of_one_reservation(api):
    reservation = make_reservation()
    assert _queries(api(reservation.user), f"{URL}{reservation.public_id}/") == (1, 6)

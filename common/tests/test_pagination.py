"""Lists through real routes: credits packs by page number, the statement by cursor."""

import base64

import pytest

from accounts.models import Rate
from accounts.services import ledger
from accounts.tests.factories import make_user

pytestmark = pytest.mark.django_db

PAGES, CURSORS = "/api/v1/rates/", "/api/v1/account/entries/"


@pytest.fixture
def rates():
    return [Rate.objects.create(label=f"R{n}", price=n, credits=n) for n in range(1, 24)]


@pytest.fixture
def client(api):
    user = make_user()
    for number in range(1, 24):
        ledger.grant(user.pk, number, reference=f"gift:{number}", by=None)
    return api(user)


def _prices(answer):
    return [row["price"] for row in answer.json()["results"]]


def _amounts(answer):
    return [row["amount"] for row in answer.json()["results"]]


def test_pages(api, rates):
    first = api().get(PAGES)
    assert first.json()["meta"] == {"page": 1, "limit": 20, "count": 23}
    assert _prices(first) == list(range(1, 21))
    assert first.json()["previous"] is None

    second = api().get(first.json()["next"])
    assert second.json()["meta"] == {"page": 2, "limit": 20, "count": 23}
    assert _prices(second) == [21, 22, 23]
    assert second.json()["next"] is None
    assert _prices(api().get(second.json()["previous"])) == _prices(first)


def test_empty_page(api):
    answer = api().get(PAGES)
    assert answer.json() == {
        "results": [],
        "next": None,
        "previous": None,
        "meta": {"page": 1, "limit": 20, "count": 0},
    }


def test_cursor_walks_newest_first_and_stays_put_while_rows_arrive(client):
    first = client.get(CURSORS, {"limit": 10})
    assert first.json()["meta"] == {"limit": 10}
    assert _amounts(first) == [*range(23, 13, -1)]

    user_id = client.get("/api/v1/auth/me/").json()["id"]
    ledger.grant(user_id, 99, reference="gift:99", by=None)
    second = client.get(first.json()["next"])
    assert _amounts(second) == [*range(13, 3, -1)]
    third = client.get(second.json()["next"])
    assert _amounts(third) == [3, 2, 1, 10]
    assert third.json()["next"] is None


@pytest.mark.parametrize(
    "raw, limit",
    [
        ("1", 1),
        ("100", 100),
        ("101", 100),
        ("1000000000", 20),
        ("999999999", 100),
        ("0", 1),
        ("-1", 20),
        ("1.5", 20),
        ("1_0", 20),
        ("٣", 20),
        ("²", 20),
        ("abc", 20),
        ("", 20),
        ("9" * 5000, 20),
    ],
)
def test_limit_is_a_plain_number_between_1_and_100(client, rates, raw, limit):
    for answer in (client.get(PAGES, {"limit": raw}), client.get(CURSORS, {"limit": raw})):
        assert answer.status_code == 200
        assert answer.json()["meta"]["limit"] == limit
        assert len(answer.json()["results"]) == min(limit, 24 if "balance_after" in answer.content.decode() else 23)


@pytest.mark.parametrize("page", ["0", "3", "-1", "1.0", "abc", "1_0", "٢", "last", "9" * 5000, "1e0", " 1", "+1"])
def test_page_that_does_not_exist(api, rates, page):
    answer = api().get(PAGES, {"page": page})

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def _cursor(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "=",
        "AAAA",
        _cursor("p=abc"),
        _cursor("p=1.5"),
        _cursor("p=-1"),
        _cursor("p="),
        _cursor("p=١"),
        _cursor("p=1_0"),
        _cursor("p=" + "9" * 5000),
        _cursor("p=" + "9" * 30),
        _cursor("p=%00"),
        _cursor("p=2025-01-01"),
        _cursor("o=x"),
        _cursor("o=-1"),
        _cursor("r=x&p=5%27"),
    ],
)
def test_cursor_that_we_did_not_give_out(client, cursor):
    answer = client.get(CURSORS, {"cursor": cursor})

    assert answer.status_code in (200, 404), answer.content
    if answer.status_code == 404:
        assert answer.headers["Content-Type"] == "application/problem+json"
    else:
        assert answer.json()["meta"] == {"limit": 20}

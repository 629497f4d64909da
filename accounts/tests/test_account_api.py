"""One's own account and statement; what credits cost and what they buy."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Account, PriceList, Rate
from accounts.selectors import action_price
from accounts.services import ledger
from accounts.services.accounts import subscribe, switch_account
from accounts.tests.factories import make_user
from audit.models import Event
from common.tests.rows import contents

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return make_user(credits=10)


def _queries(client, url):
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    assert response.status_code == 200
    return len(response.json()["results"]), len(queries)


def test_new_account(api, user):
    assert api(user).get("/api/v1/account/").json() == {
        "id": user.account.pk,
        "credits": 10,
        "is_active": True,
        "rate": None,
        "subscribed_at": None,
    }


def test_account_with_a_rate(api, user):
    rate = Rate.objects.create(label="Famille", price=2500, credits=30)
    before = timezone.now()
    subscribe(user.pk, rate, credits=30, reference="payment:1", by=None)

    body = api(user).get("/api/v1/account/").json()
    assert (body["credits"], body["is_active"]) == (40, True)
    assert body["rate"] == {"id": rate.pk, "label": "Famille", "price": 2500, "currency": "XAF", "credits": 30}
    assert Account.objects.get(user=user).subscribed_at >= before
    assert body["subscribed_at"].endswith("+01:00")


def test_credits_of_a_rate_are_those_that_were_quoted(user):
    rate = Rate.objects.create(label="Famille", price=2500, credits=99)
    subscribe(user.pk, rate, credits=30, reference="payment:1", by=None)

    assert Account.objects.get(user=user).credit == 40


def test_statement_newest_first_and_only_ones_own(api, user):
    ledger.spend(user.pk, 3, reference="reservation:a", label="Réservation à Louis", by=user)
    ledger.grant(make_user().pk, 5, reference="gift", by=None)

    rows = api(user).get("/api/v1/account/entries/").json()["results"]
    assert [(row["amount"], row["balance_after"], row["kind"], row["reference"], row["label"]) for row in rows] == [
        (-3, 7, "spend", "reservation:a", "Réservation à Louis"),
        (10, 10, "welcome", f"user:{user.pk}", "Crédits de bienvenue"),
    ]
    assert set(rows[0]) == {"id", "amount", "balance_after", "kind", "reference", "label", "created_at"}


def test_entry_without_a_label_is_called_by_its_kind(api, user):
    ledger.refund(user.pk, 3, reference="a")

    assert api(user).get("/api/v1/account/entries/").json()["results"][0]["label"] == "Remboursement"


@pytest.mark.parametrize("role", Role)
def test_nobody_sees_the_account_of_another(api, user, role):
    other = make_user(role)

    assert api(other).get("/api/v1/account/").json()["id"] == other.account.pk
    assert {row["reference"] for row in api(other).get("/api/v1/account/entries/").json()["results"]} == {
        f"user:{other.pk}"
    }
    for query in (f"?account={user.account.pk}", f"?user={user.pk}", f"?account__user={user.pk}"):
        assert (
            api(other).get(f"/api/v1/account/entries/{query}").json()["results"][0]["reference"] == f"user:{other.pk}"
        )


@pytest.mark.parametrize("url", ["/api/v1/account/", "/api/v1/account/entries/"])
def test_accounts_need_a_sign_in(api, url):
    assert api().get(url).status_code == 401


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("url", ["account/", "account/entries/", "rates/", "price-lists/"])
def test_accounts_are_only_read(api, user, method, url):
    before = contents()
    response = getattr(api(user), method)(f"/api/v1/{url}", {"credits": 1000}, format="json")

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert contents() == before


def test_rates_on_sale_cheapest_first(api):
    Rate.objects.create(label="Cher", price=5000, credits=75)
    Rate.objects.create(label="Passé", price=1, credits=1, is_active=False)
    cheap = Rate.objects.create(label="Découverte", price=1000, credits=10)

    rows = api().get("/api/v1/rates/").json()["results"]
    assert [row["label"] for row in rows] == ["Découverte", "Cher"]
    assert rows[0] == {"id": cheap.pk, "label": "Découverte", "price": 1000, "currency": "XAF", "credits": 10}


def test_price_lists(api):
    reserve = PriceList.objects.create(action="reserve", label="Réserver", credits=2)
    other = PriceList.objects.create(action=None, label="Autre", credits=1)

    assert api().get("/api/v1/price-lists/").json()["results"] == [
        {"id": reserve.pk, "action": "reserve", "label": "Réserver", "credits": 2},
        {"id": other.pk, "action": None, "label": "Autre", "credits": 1},
    ]
    assert action_price("reserve") == 2
    assert action_price("check_availability") == 0


@pytest.mark.parametrize("url", ["/api/v1/rates/", "/api/v1/price-lists/"])
def test_public_lists_still_refuse_a_bad_token(api, url):
    client = api()
    client.credentials(HTTP_AUTHORIZATION="Bearer x")
    assert client.get(url).status_code == 401


def test_queries_of_the_lists_do_not_grow(api, user):
    client = api(user)

    def add(number):
        Rate.objects.create(label=f"R{number}", price=number, credits=1)
        PriceList.objects.create(label=f"P{number}", credits=1)
        if number > 1:
            ledger.grant(user.pk, 1, reference=f"gift:{number}", by=None)

    urls = {"/api/v1/rates/": 3, "/api/v1/price-lists/": 3, "/api/v1/account/entries/": 2}
    add(1)
    assert {url: _queries(client, url) for url in urls} == {url: (1, count) for url, count in urls.items()}
    add(2)
    add(3)
    assert {url: _queries(client, url) for url in urls} == {url: (3, count) for url, count in urls.items()}


def test_account_is_two_queries(api, user):
    client = api(user)
    with CaptureQueriesContext(connection) as queries:
        client.get("/api/v1/account/")
    assert len(queries) == 2


def test_switching_an_account_is_announced_once(user):
    staff = make_user(Role.STAFF)
    account = user.account

    assert switch_account(account, is_active=False, by=staff).is_active is False
    switch_account(account, is_active=False, by=staff)
    assert Account.objects.get(pk=account.pk).is_active is False
    switch_account(account, is_active=True, by=staff)

    events = Event.objects.filter(entity="account", action__startswith="account.").order_by("id")
    assert [(event.action, event.entity_id) for event in events] == [
        ("account.disabled", str(account.pk)),
        ("account.enabled", str(account.pk)),
    ]

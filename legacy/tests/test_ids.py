"""Numbers in addresses that no row can have, and what is no number: refused as planned, and nothing happens."""

import pytest

from accounts.models import Account, Approval, CreditEntry, User
from accounts.tests.factories import balance
from audit.models import Event
from legacy.tests.conftest import NOT_ALLOWED, refusals
from legacy.tests.test_conventions import NOWHERE

pytestmark = pytest.mark.django_db

ACCOUNT, USER = {"detail": "Compte inexistant"}, {"detail": "Utilisateur inexistant"}
RATE, PRICE = {"detail": "Tarification inexistante"}, {"detail": "Grille tarifaire inexistante"}
ROUTES = {
    "put /user/update/{id}": USER,
    "put /user/update_password/{id}?new_password=Medoc-new-1": USER,
    "delete /user/delete/{id}": USER,
    "get /account/get_by_user_id/{id}": {"detail": " Cet utilisateur n'a pas de compte"},
    "put /account/spent/{id}?credit=1": ACCOUNT,
    "put /account/subscribe_rate/{id}?rate_id=1": ACCOUNT,
    "put /account/disable_account/{id}": ACCOUNT,
    "put /account/enable_account/{id}": ACCOUNT,
    "put /rate/update/{id}": RATE,
    "delete /rate/delete/{id}": RATE,
    "put /price_list/update/{id}": PRICE,
    "delete /price_list/delete/{id}": PRICE,
}
BODY = {"lastname": "Autre", "libelle": "Autre", "price": 1, "credit": 1}
OF_ONESELF = ("put /user/update/", "put /user/update_password/", "put /account/spent/")


def ask(client, route, number):
    method, path = route.split()
    answer = getattr(client, method)(path.format(id=number), *([] if method == "get" else [BODY, "json"]))
    return answer.status_code, answer.json()


def rows():
    return [list(model._default_manager.order_by("pk").values()) for model in (User, Account, CreditEntry, Approval)]


@pytest.mark.parametrize("number", [0, 2**63, 10**100, 10**4000], ids=["0", "2^63", "10^100", "10^4000"])
@pytest.mark.parametrize("route", ROUTES)
def test_number_that_nobody_has_is_like_any_unknown_one(api, admin, stranger, route, number):
    before = rows()

    assert ask(api(admin), route, number) == ask(api(admin), route, 999_999) == (404, ROUTES[route])
    assert refusals() == []
    assert ask(api(), route, number) == (401, {"detail": "Not authenticated"})
    assert ask(api(stranger), route, number) == (403, NOT_ALLOWED)
    if route.startswith("get"):
        assert refusals() == []
    elif route.startswith(OF_ONESELF):
        event = Event.objects.get(action="legacy.refused")
        assert (event.changes["reason"], event.entity_id) == ("not_theirs", str(number)[:64])
    else:
        assert refusals() == ["not_staff", "not_staff"]
    assert rows() == before


def test_spend_of_nothing_from_a_number_that_nobody_has_is_an_event(api, stranger):
    answer = api(stranger).put(f"/account/spent/{10**100}?credit=0")

    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["query", "credit"])
    event = Event.objects.get(action="legacy.refused")
    assert (event.changes["reason"], event.entity_id) == ("not_a_spend", str(10**100)[:64])
    assert balance(stranger) == 10


@pytest.mark.parametrize("page, count", [(10**100, 1), (0, 10**100), (2**63, 2**63), (10**4000, 1)])
def test_page_that_is_beyond_everything_is_empty(api, page, count):
    answer = api().get(f"/api_epg/all_products/{page}/{count}")
    assert (answer.status_code, answer.json()) == (200, {"items": [], "pageCount": 0})


@pytest.mark.parametrize("route", ["put /account/subscribe_rate/{id}?rate_id=%s", "put /account/spent/{id}?credit=%s"])
@pytest.mark.parametrize("written", [10**100, -1, "٣", "1_0", "1.0", "", "+"])
def test_number_in_the_query_that_cannot_be_is_malformed(api, admin, patient, route, written):
    before = rows()
    status, body = ask(api(admin), route % written, patient.account.pk)

    assert (status, body["detail"][0]["loc"][0]) == (422, "query")
    assert rows() == before


@pytest.mark.parametrize("route", ROUTES)
def test_what_is_no_number_is_no_address(api, admin, stranger, route):
    for client in (api(), api(stranger), api(admin)):
        for number in ("-1", "٣", "1_0", "%201", "1.0", "1e3", "0x1", "+1", "1%0A"):
            assert ask(client, route, number) == (404, NOWHERE), number
    assert refusals() == []

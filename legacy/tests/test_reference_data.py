"""Rates and price lists."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.enums import PricedAction
from accounts.models import Account, PriceList, Rate
from accounts.selectors import action_price
from accounts.services.price_lists import apply_due_credits
from audit.models import Event
from legacy.tests.conftest import OLD_PRICE_LIST, OLD_RATE
from payments.tests.factories import make_rate

pytestmark = pytest.mark.django_db

PACK = {"libelle": "Pack", "price": "700", "credit": "7"}


def _price(**fields):
    return PriceList.objects.create(**{"label": "Vérifier", "credits": 2, **fields})


def test_rates_are_public_and_numbers_are_numbers(api, rate):
    make_rate(is_active=False)
    [row] = api().get("/rate/all").json()
    assert list(row) == OLD_RATE
    assert (row["id"], row["price"], row["credit"]) == (rate.pk, 1_000, 12)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("path", ["/rate/all", "/price_list/all"])
def test_public_lists_cost_one_query(api, django_assert_num_queries, count, path):
    for number in range(count):
        make_rate()
        _price(label=f"P{number}")
    client = api()
    with django_assert_num_queries(1):
        assert len(client.get(path).json()) == count


def test_staff_add_a_rate_with_numbers_in_strings(api, staff):
    answer = api(staff).post("/rate/add", {**PACK, "unknown": 1}, format="json")
    assert answer.status_code == 201
    assert list(answer.json()) == OLD_RATE
    assert (answer.json()["price"], answer.json()["credit"]) == (700, 7)
    assert Event.objects.get(action="reference.created").entity == "rate"


@pytest.mark.parametrize(
    "change", [{"price": "abc"}, {"credit": "1.5"}, {"price": ""}, {"price": -1}, {"credit": 0}, {"price": None}]
)
def test_rate_that_cannot_be_read_is_malformed(api, staff, change):
    answer = api(staff).post("/rate/add", PACK | change, format="json")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", next(iter(change))]
    assert Rate.objects.count() == 0


def test_francs_may_be_written_with_a_point(api, staff):
    assert api(staff).post("/rate/add", PACK | {"price": 700.0}, format="json").json()["price"] == 700


def test_rate_is_updated_where_fields_were_sent(api, staff, rate):
    answer = api(staff).put(f"/rate/update/{rate.pk}", {"id": rate.pk, "price": 900}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"msg": "Tarif modifié avec succès"})
    rate.refresh_from_db()
    assert (rate.price, rate.credits) == (900, 12)


@pytest.mark.parametrize("method, name", [("put", "update"), ("delete", "delete")])
def test_rate_and_price_list_that_nobody_knows(api, staff, method, name):
    for noun, detail in (("rate", "Tarification inexistante"), ("price_list", "Grille tarifaire inexistante")):
        answer = getattr(api(staff), method)(f"/{noun}/{name}/999", {"libelle": "X"}, format="json")
        assert (answer.status_code, answer.json()) == (404, {"detail": detail})


def test_rate_in_use_can_go(api, staff, patient, rate):
    Account.objects.filter(user=patient).update(rate=rate)
    answer = api(staff).delete(f"/rate/delete/{rate.pk}", {"id": rate.pk}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"msg": "Tarif supprimé avec succès"})
    assert api().get("/rate/all").json() == []
    assert api(patient).get(f"/account/get_by_user_id/{patient.pk}").json()["rate_id"] is None
    assert api(staff).delete(f"/rate/delete/{rate.pk}").status_code == 404


def test_price_lists_are_public(api):
    price = _price()
    [row] = api().get("/price_list/all").json()
    assert list(row) == OLD_PRICE_LIST
    assert api().get("/price_list/get_by_libelle/Vérifier").json() == row
    assert (row["id"], row["libelle"], row["credit"]) == (price.pk, "Vérifier", 2)
    answer = api().get("/price_list/get_by_libelle/Autre")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Grille tarifaire inexistante"})


def test_names_of_the_sites_stand_for_actions_with_another_label(api):
    _price(label="Vérifier une disponibilité", action=PricedAction.CHECK_AVAILABILITY, credits=3)
    assert api().get("/price_list/get_by_libelle/Vérifier").json()["credit"] == 3
    assert api().get("/price_list/get_by_libelle/Commander%20les%20produits").status_code == 404


def _planned(**fields):
    moment = timezone.now() + timedelta(minutes=5)
    return moment, _price(action=PricedAction.CHECK_AVAILABILITY, next_credits=5, next_from=moment, **fields)


def test_old_sites_are_told_and_charge_what_it_costs_now(api):
    moment, _row = _planned()

    def told():
        client = api()
        [row] = client.get("/price_list/all").json()
        [ours] = client.get("/api/v1/price-lists/").json()["results"]
        return row["credit"], client.get("/price_list/get_by_libelle/Vérifier").json()["credit"], ours["credits"]

    assert told() == (2, 2, 2)
    with time_machine.travel(moment, tick=False):
        assert told() == (5, 5, 5)


@pytest.mark.parametrize("credit, is_due", [(3, False), (3, True), (2, True)])
def test_price_that_staff_set_now_withdraws_what_was_planned(api, staff, credit, is_due):
    moment, row = _planned()
    client = api(staff)
    with time_machine.travel(moment if is_due else timezone.now()):
        assert client.put(f"/price_list/update/{row.pk}", {"credit": credit}, format="json").status_code == 200
    with time_machine.travel(moment + timedelta(hours=1)):
        assert apply_due_credits() == 0
        assert action_price(PricedAction.CHECK_AVAILABILITY) == credit
    row.refresh_from_db()
    assert (row.credits, row.next_credits, row.next_from) == (credit, None, None)
    event = Event.objects.get(action="reference.updated", entity="pricelist")
    assert (event.changes["old"]["next_credits"], event.changes["new"]["next_credits"]) == (5, None)
    assert event.actor_id == str(staff.pk)


@pytest.mark.parametrize("body", [{"libelle": "Voir"}, {"libelle": "Voir", "credit": 2}])
def test_what_was_planned_stays_where_the_price_does(api, staff, body):
    moment, row = _planned()
    assert api(staff).put(f"/price_list/update/{row.pk}", body, format="json").status_code == 200
    row.refresh_from_db()
    assert (row.label, row.credits, row.next_credits, row.next_from) == ("Voir", 2, 5, moment)
    event = Event.objects.get(action="reference.updated", entity="pricelist")
    assert event.changes == {"old": {"label": "Vérifier"}, "new": {"label": "Voir"}}


def test_staff_add_change_and_remove_a_price(api, staff):
    client = api(staff)
    answer = client.post("/price_list/add", {"libelle": "Vérifier", "credit": "2"}, format="json")
    assert (answer.status_code, list(answer.json()), answer.json()["credit"]) == (200, OLD_PRICE_LIST, 2)
    number = answer.json()["id"]
    answer = client.put(f"/price_list/update/{number}", {"credit": 5}, format="json")
    assert (answer.status_code, answer.json()) == (200, {"msg": "Grille tarifaire modifié avec succès"})
    assert PriceList.objects.values_list("label", "credits").get() == ("Vérifier", 5)
    answer = client.delete(f"/price_list/delete/{number}")
    assert (answer.status_code, answer.json()) == (200, {"msg": "Grille tarifaire supprimé avec succès"})
    assert PriceList.objects.count() == 0


@pytest.mark.parametrize("credit", ["abc", "", "1.5", -1])
def test_price_that_cannot_be_read_is_malformed(api, staff, credit):
    assert api(staff).post("/price_list/add", {"libelle": "X", "credit": credit}, format="json").status_code == 422
    assert PriceList.objects.count() == 0

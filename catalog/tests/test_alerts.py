"""Tell me when it is back: once, to its owner alone."""

import threading
import uuid

import pytest
from django.core import mail
from django.db import connection

from accounts.tests.factories import make_user
from catalog.models import Stock, StockAlert
from catalog.services import alerts
from catalog.services.alerts import MOST, fire_alerts
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory
from common.models import Mail
from common.sweeping import sweep
from tests.threads import run_together

pytestmark = pytest.mark.django_db

URL = "/api/v1/alerts/"


@pytest.fixture
def patient():
    return make_user(email="aicha@example.org")


@pytest.fixture
def client(api, patient):
    return api(patient)


def ask(client, **body):
    return client.post(URL, body, format="json")


def test_alert_fires_once_by_mail(client, patient):
    stock = StockFactory(product_code=ProductFactory(code="A", label="DOLIPRANE").code, quantity=0)
    answer = ask(client, product="A")
    assert answer.status_code == 201
    alert = StockAlert.objects.get()
    assert answer.json() == {
        "id": str(alert.public_id),
        "product": "A",
        "pharmacy": None,
        "created_at": answer.json()["created_at"],
        "fired_at": None,
    }
    assert fire_alerts() == 0
    Stock.objects.filter(pk=stock.pk).update(quantity=1)
    assert sweep()["alerts_to_fire"] == 1
    assert fire_alerts() == 0
    queued = Mail.objects.get()
    assert (queued.to, queued.template) == (patient.email, "back_in_stock")
    assert client.get(URL).json()["results"][0]["fired_at"] is not None
    # It has fired: the same may be asked for again.
    assert ask(client, product="A").status_code == 201


def test_mail_names_the_product_and_where_it_is(client, patient, django_capture_on_commit_callbacks):
    from common.mail.delivery import deliver

    pharmacy = PharmacyFactory(name="Pharmacie du Cap")
    StockFactory(product_code=ProductFactory(code="A", label="DOLIPRANE").code, pharmacy=pharmacy)
    ask(client, product="A")
    fire_alerts()
    deliver(Mail.objects.get().pk)
    (message,) = mail.outbox
    assert message.to == [patient.email]
    assert "DOLIPRANE" in message.body
    assert "Pharmacie du Cap" in message.body


def test_alert_for_a_pharmacy_waits_for_that_pharmacy(client):
    code = ProductFactory(code="A").code
    StockFactory(product_code=code)
    here = PharmacyFactory(code="LBV1")
    assert ask(client, product="A", pharmacy="LBV1").json()["pharmacy"] == "LBV1"
    assert fire_alerts() == 0
    StockFactory(product_code=code, pharmacy=here)
    assert fire_alerts() == 1


def test_alert_waits_for_boxes_that_are_free_and_pharmacies_that_are_listed(client):
    from reservations.tests.factories import make_reservation

    stock = StockFactory(product_code=ProductFactory(code="A").code, quantity=2)
    make_reservation(stock=stock)
    StockFactory(product_code="A", pharmacy=PharmacyFactory(is_listed=False))
    StockFactory(product_code="A", pharmacy=PharmacyFactory(is_active=False))
    ask(client, product="A")
    assert fire_alerts() == 0


def test_alert_waits_for_a_count_that_somebody_keeps(client, settings):
    """What a pharmacy behind EPG counted before says nothing now, and no offer tells it."""
    settings.EPG_URL, settings.EPG_API_KEY = "http://127.0.0.1:9", "x"
    cip, ours = ProductFactory(code="3400930000017").code, ProductFactory(code="PARA-1").code
    behind_epg = PharmacyFactory(epg_id="a" * 24)
    for code in (cip, ours):
        StockFactory(pharmacy=behind_epg, product_code=code, quantity=4)
        ask(client, product=code)
    # EPG knows no product without a CIP: that one is counted here.
    assert fire_alerts() == 1
    assert StockAlert.objects.get(fired_at=None).product_code == cip
    assert Mail.objects.count() == 1
    StockFactory(product_code=cip, quantity=1)
    assert fire_alerts() == 1
    settings.EPG_URL = ""
    ask(client, product=cip, pharmacy=behind_epg.code)
    assert fire_alerts() == 1


def test_asked_twice_it_is_one_alert(client):
    ProductFactory(code="A")
    PharmacyFactory(code="LBV1")
    first, again = ask(client, product="A"), ask(client, product="A")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert ask(client, product="A", pharmacy="LBV1").status_code == 201
    assert StockAlert.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"product": "Z"}, 404, "unknown_product"),
        ({"product": "A", "pharmacy": "Z"}, 404, "unknown_pharmacy"),
        ({}, 400, "required"),
        ({"product": {"$ne": 1}}, 400, "invalid"),
        ({"product": "A", "more": 1}, 400, "unknown_field"),
    ],
)
def test_alert_refused(client, body, status, code):
    ProductFactory(code="A")
    answer = ask(client, **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not StockAlert.objects.exists()


def test_alerts_have_a_limit(client, patient):
    ProductFactory(code="A")
    StockAlert.objects.bulk_create(StockAlert(user=patient, product_code=f"X{number}") for number in range(MOST))
    answer = ask(client, product="A")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_alerts")


def test_only_the_owner_sees_and_deletes_an_alert(api, client):
    ProductFactory(code="A")
    alert = ask(client, product="A").json()["id"]
    stranger = api(make_user())
    assert stranger.get(URL).json()["results"] == []
    assert stranger.delete(f"{URL}{alert}/").status_code == 404
    assert api().get(URL).status_code == 401
    assert StockAlert.objects.count() == 1
    assert client.delete(f"{URL}{alert}/").status_code == 204
    assert client.delete(f"{URL}{alert}/").status_code == 404
    assert client.delete(f"{URL}{uuid.uuid4()}/").status_code == 404
    assert not StockAlert.objects.exists()


def test_alert_that_cannot_be_one_is_not_found(client):
    assert client.delete("/api/v1/alerts/null,null/").status_code == 404


def test_person_without_access_is_not_written_to(client, patient):
    StockFactory(product_code=ProductFactory(code="A").code)
    ask(client, product="A")
    patient.is_active = False
    patient.save(update_fields=["is_active"])
    assert fire_alerts() == 1
    assert not Mail.objects.exists()


@pytest.mark.parametrize("rows", [1, 3])
def test_alerts_take_as_many_queries_for_any_number(client, patient, django_assert_num_queries, rows):
    for number in range(rows):
        StockAlert.objects.create(user=patient, product_code=f"A{number}", pharmacy=PharmacyFactory())
    with django_assert_num_queries(2):
        assert len(client.get(URL).json()["results"]) == rows


@pytest.mark.relational
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races")
def test_without_the_claim_sweeps_at_once_mail_everybody_twice(monkeypatch):
    user = make_user()
    StockFactory(product_code=ProductFactory(code="A").code)
    StockAlert.objects.create(user=user, product_code="A")
    both_have_looked = threading.Barrier(2)

    def look_and_wait(alert):
        is_open = alert.fired_at is None
        both_have_looked.wait(timeout=60)
        return is_open

    monkeypatch.setattr(alerts, "_claim", look_and_wait)
    assert run_together(2, lambda number: fire_alerts()) == [1, 1]
    assert Mail.objects.count() == 2


@pytest.mark.relational
@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_mail_nobody_twice():
    user = make_user()
    for number in range(10):
        StockFactory(product_code=ProductFactory(code=f"A{number}").code)
        StockAlert.objects.create(user=user, product_code=f"A{number}")
    fired = run_together(4, lambda number: fire_alerts())
    assert sum(fired) == 10
    assert Mail.objects.count() == 10


@pytest.mark.relational
@pytest.mark.django_db(transaction=True)
def test_the_same_alert_asked_for_at_once_is_one():
    from catalog.services.alerts import add_alert

    user = make_user()
    ProductFactory(code="A")
    outcomes = run_together(6, lambda number: add_alert(user, product_code="A"))
    assert sorted(is_new for _alert, is_new in outcomes) == [False] * 5 + [True]
    assert StockAlert.objects.count() == 1

"""The history and the figures that a site counts from it."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from accounts.services import ledger
from accounts.services.accounts import switch_account
from accounts.services.sessions import open_session, open_single
from accounts.tests.factories import make_user
from accounts.tokens import ACCESS
from audit.enums import Action
from audit.services import record
from common.context import acting
from legacy import actions
from legacy.tests.conftest import OLD_EVENT, OLD_USER
from payments.enums import Status
from payments.providers.base import Outcome, Report
from payments.services.settling import settle
from payments.tests.factories import make_payment
from reservations.tests.factories import make_reservation

pytestmark = pytest.mark.django_db


def _names(answer):
    return [row["action"] for row in answer.json()]


def test_newest_first_with_who_and_what(api, staff, patient):
    with acting("user", str(staff.pk), ip="10.0.0.9"):
        switch_account(patient.account, is_active=False, by=staff)
    answer = api(staff).get("/event/all?limit=1000")
    assert answer.status_code == 200
    row = answer.json()[0]
    assert list(row) == [*OLD_EVENT, "current_user", "current_entity"]
    assert (row["action"], row["entity"], row["entity_id"]) == (
        "Désactivation du compte",
        "accounts",
        str(patient.account.pk),
    )
    assert (row["ip_address"], row["current_user_id"], row["amount"]) == ("10.0.0.9", staff.pk, None)
    assert row["current_user"]["email"] == staff.email
    assert list(row["current_user"]) == OLD_USER
    assert row["current_entity"]["user"]["email"] == patient.email
    assert [row["id"] for row in answer.json()] == sorted((row["id"] for row in answer.json()), reverse=True)
    assert answer.headers["X-Event-Limit"] == "1000"


def test_no_answer_carries_a_password_hash(api, staff, patient):
    for path in ("/event/all", "/event/stat", "/user/all", "/account/all"):
        text = api(staff).get(path).content.decode()
        assert "password" not in text
        assert patient.password not in text


@pytest.mark.parametrize("count", [1, 3])
def test_history_costs_the_same_for_many(api, staff, rate, django_assert_num_queries, count):
    for _ in range(count):
        person = make_user(credits=12)
        with acting("user", str(person.pk)):
            switch_account(person.account, is_active=False, by=staff)
        rate.price += 1
        rate.save()
    client = api(staff)
    with django_assert_num_queries(8):
        client.get("/event/all")
    with django_assert_num_queries(4):
        client.get("/event/stat")


@pytest.mark.parametrize("limit, status", [("1", 200), ("0", 200), ("abc", 422), ("-1", 422), ("999999999", 200)])
def test_limit_of_the_history(api, staff, patient, settings, limit, status):
    settings.LEGACY_EVENT_LIMIT = 2
    answer = api(staff).get(f"/event/all?limit={limit}")
    assert answer.status_code == status
    if status == 200:
        assert len(answer.json()) == min(int(limit), 2) == int(answer.headers["X-Event-Limit"])


def test_six_actions_and_no_other(api, staff):
    patient = make_user()
    with acting("anonymous"):
        open_session(patient)
        open_single(staff, kind=ACCESS, until=timezone.now(), place="legacy_admin")
    ledger.spend(patient.pk, 2, reference="x", by=patient)
    make_reservation(user=patient)
    record(Action.RESERVATION_CONFIRMED, entity="reservation", changes={"old": "requested", "new": "confirmed"})
    record(Action.AVAILABILITY_CHECKED, entity="product", entity_id="3400930000001")
    switch_account(patient.account, is_active=False, by=staff)
    names = _names(api(staff).get("/event/stat"))
    assert set(names) <= set(actions.SIX)
    # Both people, and the staff member.
    assert {name: names.count(name) for name in actions.SIX} == {
        "Authentification": 1,
        "Création d'un compte": 2,
        "Disponibilité d'un produit": 1,
        "Réservation d'un produit": 1,
        "Souscription à une tarification": 0,
        "Consommation de crédit": 1,
    }
    assert "Authentification admin" in _names(api(staff).get("/event/all"))


def test_subscription_counts_francs_of_whoever_paid(api, staff, patient, rate):
    payment = make_payment(Status.PENDING, user=patient, rate=rate)
    attempt = payment.attempts.get()
    with acting("gateway", "mypayga"):
        settle(attempt, Report(Outcome.PAID, reference=attempt.reference, amount=1_000, currency="XAF"))
    [row] = [row for row in api(staff).get("/event/stat").json() if row["amount"] is not None]
    assert (row["action"], row["amount"], row["current_user_id"], row["entity"], row["entity_id"]) == (
        "Souscription à une tarification",
        1_000,
        patient.pk,
        "accounts",
        str(patient.account.pk),
    )


def test_subscription_by_staff_counts_the_price(api, staff, patient, rate):
    api(staff).put(f"/account/subscribe_rate/{patient.account.pk}?rate_id={rate.pk}")
    amounts = [(row["action"], row["amount"]) for row in api(staff).get("/event/all").json() if row["amount"]]
    assert amounts == [("Souscription à une tarification", 1_000)]


def test_days_are_those_of_libreville_and_both_are_included(api, staff, monkeypatch):
    moments = {
        "before": datetime(2026, 3, 1, 22, 59, 59, tzinfo=UTC),
        "first": datetime(2026, 3, 1, 23, 0, tzinfo=UTC),
        "last": datetime(2026, 3, 3, 22, 59, 59, tzinfo=UTC),
        "after": datetime(2026, 3, 3, 23, 0, tzinfo=UTC),
    }
    for name, moment in moments.items():
        with monkeypatch.context() as then:
            then.setattr(timezone, "now", lambda moment=moment: moment)
            record(Action.CREDITS_SPEND, entity="account", entity_id=name)
    rows = api(staff).get("/event/get_by_timer/2026-03-02/2026-03-03").json()
    assert [row["entity_id"] for row in rows] == ["last", "first"]
    assert rows[1]["date_time"] == "2026-03-02T00:00:00+01:00"
    assert api(staff).get("/event/get_by_timer/2026-03-03/2026-03-02").json() == []


@pytest.mark.parametrize("zone", ["Africa/Libreville", "Pacific/Auckland", "America/Lima"])
@pytest.mark.parametrize(
    "days, is_told",
    [
        ("2026-01-01/9999-12-31", True),
        ("0001-01-01/9999-12-31", True),
        ("0001-01-01/2026-01-01", False),
        ("0001-01-01/0001-01-01", False),
        ("9999-12-31/9999-12-31", False),
    ],
)
def test_days_to_the_last_that_there_is(api, staff, settings, zone, days, is_told):
    settings.TIME_ZONE = zone
    record(Action.CREDITS_SPEND, entity="account", entity_id="1")
    answer = api(staff).get(f"/event/get_by_timer/{days}")
    assert (answer.status_code, "Consommation de crédit" in _names(answer)) == (200, is_told)


@pytest.mark.parametrize(
    "days", ["Invalid%20date/Invalid%20date", "2026-02-30/2026-03-01", "2026-03-01/x", "20260301/20260302"]
)
def test_days_that_are_none_are_malformed(api, staff, days):
    answer = api(staff).get(f"/event/get_by_timer/{days}")
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, "value_error.date")


def test_imported_event_keeps_its_own_text(api, staff):
    text = "Consommation de crédit: crédit insuffisant"
    found = actions.code_of(text)
    assert found is not None
    record(found[0], entity="account", changes={**found[1], "imported": {"action": text}})
    assert _names(api(staff).get("/event/all"))[0] == text


@pytest.mark.parametrize("text", sorted({spelling.text for spelling in actions.SPELLINGS}))
def test_map_leads_there_and_back(text):
    found = actions.code_of(text)
    assert found is not None
    action, details = found
    entity = next(spelling.entity for spelling in actions.SPELLINGS if spelling.text == text)
    changes = details | ({"new": {"is_active": False}} if text == "Suppression d'une tarification" else {})
    assert actions.text_of(action, entity, changes) == text


def test_text_that_nobody_knows_has_no_code():
    assert actions.code_of("Autre chose") is None
    assert actions.text_of("payment.created", "payment", {}) == "Paiement demandé"
    assert actions.text_of("gone.away", "x", {}) == "gone.away"

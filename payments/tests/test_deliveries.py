"""Callbacks as they really come: too early, twenty at once, in any order, doubled, a week late. One grant."""

import itertools
import json
import random
import threading

import pytest
from django.db import connection, connections

from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from common.sweeping import sweep
from payments.enums import Status, Verdict
from payments.models import CallbackMessage, Payment, Refund
from payments.services import asking, callbacks
from payments.tasks import process_callback
from payments.tests.factories import (
    AIRTEL,
    CREDITS,
    PRICE,
    age,
    age_message,
    attempt_of,
    books,
    events,
    make_rate,
    refusals,
    start_payment,
)
from payments.tests.gateway import Gateway, callback_path
from tests.threads import run_together

GATEWAYS = ["mypayga", "singpay"]


@pytest.fixture(params=GATEWAYS)
def gateway(request, simulators):
    gateway = Gateway(simulators, request.param)
    gateway.set(decide_after=100_000)
    if gateway.name == "singpay":
        gateway.service.callback_url = "http://127.0.0.1:1/"
    return gateway


def deliver(api, gateway, body):
    """One delivery, looked at as the worker does."""
    answer = api().generic("POST", callback_path(gateway.name), body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"message": "received"})
    for pk in CallbackMessage.objects.filter(verdict=Verdict.WAITING).values_list("pk", flat=True):
        process_callback.call(pk)


def assert_granted_once(gateway, payment):
    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED
    assert books(payment.user)["packs"] == [CREDITS]
    assert gateway.payment(attempt_of(payment).reference)["times_charged"] == 1
    assert not Refund.objects.filter(payment=payment).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("orders", [6, pytest.param(None, marks=pytest.mark.soak)])
def test_every_order_of_doubled_deliveries_grants_once(orders, gateway, api):
    """A word on the way, a refusal that is withdrawn, the success: each twice, in every order."""
    every = sorted(set(itertools.permutations("aabbcc")))
    assert len(every) == 90
    rate = make_rate()

    for order in every if orders is None else random.Random(7).sample(every, orders):
        payment = start_payment(make_user(), rate, provider=gateway.name)
        reference = attempt_of(payment).reference
        bodies = {"a": gateway.callback(reference)}
        gateway.decide(reference, "wrong_pin")
        bodies["b"] = gateway.callback(reference)
        gateway.decide(reference)
        bodies["c"] = gateway.callback(reference)
        for message in order:
            deliver(api, gateway, bodies[message])

        assert_granted_once(gateway, payment)
    assert CallbackMessage.objects.count() == 3 * (orders or 90)
    assert refusals() == []
    assert verify_ledger().findings == []


@pytest.mark.django_db
def test_callback_that_comes_a_week_late_grants_once(gateway, api, patient, rate):
    payment = start_payment(patient, rate, provider=gateway.name)
    reference = attempt_of(payment).reference
    age(payment, days=7)
    sweep()
    payment.refresh_from_db()
    assert (payment.status, books(patient)["packs"]) == (Status.EXPIRED, [])

    gateway.decide(reference)
    sweep()
    payment.refresh_from_db()
    assert payment.status == Status.EXPIRED, "nobody asks any more"
    deliver(api, gateway, gateway.callback(reference))
    assert_granted_once(gateway, payment)

    age_message(CallbackMessage.objects.get(), days=7)
    deliver(api, gateway, gateway.callback(reference))
    assert_granted_once(gateway, payment)
    assert refusals() == ["replayed"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", [True, False])
def test_twenty_deliveries_at_once_grant_once(same, gateway, api):
    payment = start_payment(make_user(), make_rate(), provider=gateway.name)
    reference = attempt_of(payment).reference
    gateway.decide(reference)
    body = json.loads(gateway.callback(reference))

    def receive(number):
        # The signature does not cover the currency's neighbours: a field that nobody knows makes it another message.
        copy = json.dumps(body if same else {**body, "copy": number})
        answer = api().generic("POST", callback_path(gateway.name), copy, content_type="application/json")
        asking.ask(payment.pk)
        callbacks.process_waiting()
        return answer.status_code

    assert run_together(20, receive) == [200] * 20

    callbacks.process_waiting()
    assert CallbackMessage.objects.count() == (1 if same else 20)
    assert not CallbackMessage.objects.exclude(verdict__in=[Verdict.SETTLED, Verdict.DUPLICATE]).exists()
    assert events("payment.succeeded", "credits.rate") == ["payment.succeeded", "credits.rate"]
    assert_granted_once(gateway, payment)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races")
def test_callback_that_overtakes_our_own_start_call_waits_for_it(gateway, api, patient, rate):
    """The gateway takes its time to answer us, and has called back meanwhile."""
    start = "/payment" if gateway.name == "mypayga" else "/74/paiement"
    gateway.fault("latency", path=start, seconds=1.0)
    body = {"purpose": "rate", "rate": rate.pk, "provider": gateway.name, "phone": AIRTEL}
    told = []

    def post():
        try:
            client = api(patient)
            told.append(client.post("/api/v1/payments/", body, format="json", headers={"Idempotency-Key": "once"}))
        finally:
            connections.close_all()

    thread = threading.Thread(target=post)
    thread.start()
    while not gateway.payments():
        assert thread.is_alive()
    payment = Payment.objects.get()
    assert payment.status == Status.SUBMITTING
    gateway.decide(attempt_of(payment).reference)

    deliver(api, gateway, gateway.callback(attempt_of(payment).reference))
    parked = CallbackMessage.objects.get().verdict, Payment.objects.get().status
    thread.join(timeout=30)

    assert parked == (Verdict.WAITING, Status.SUBMITTING)
    assert (told[0].status_code, told[0].json()["status"], told[0].json()["amount"]) == (202, "succeeded", PRICE)
    assert CallbackMessage.objects.get().verdict in (Verdict.SETTLED, Verdict.DUPLICATE)
    assert_granted_once(gateway, payment)


# SingPay's callbacks are not signed: whatever they say, the gateway's answer counts.


@pytest.fixture
def singpay(simulators):
    gateway = Gateway(simulators, "singpay")
    gateway.set(decide_after=100_000)
    gateway.service.callback_url = "http://127.0.0.1:1/"
    return gateway


FORGED = {"status": "Terminate", "result": "Success"}


@pytest.mark.django_db
def test_forged_success_grants_nothing(singpay, api, patient, rate):
    payment = start_payment(patient, rate, provider="singpay")
    body = json.loads(singpay.callback(attempt_of(payment).reference))
    body["transaction"] |= FORGED

    deliver(api, singpay, json.dumps(body).encode())

    payment.refresh_from_db()
    assert (payment.status, books(patient)["packs"]) == (Status.PENDING, [])
    assert CallbackMessage.objects.get().verdict == Verdict.WAITING, "the gateway may lag behind its own callback"
    singpay.decide(attempt_of(payment).reference)
    age_message(CallbackMessage.objects.get(), seconds=40)
    sweep()
    assert_granted_once(singpay, payment)


@pytest.mark.django_db
def test_forged_id_of_a_paid_transaction_has_nobody_else_granted(singpay, api, patient, rate):
    """A thief's own paid transaction does not pay for another payment."""
    cheap = start_payment(make_user(), make_rate(price=100), provider="singpay")
    singpay.decide(attempt_of(cheap).reference)
    payment = start_payment(patient, rate, provider="singpay")
    Payment.objects.filter(pk=payment.pk).update(status=Status.UNKNOWN)
    payment.attempts.update(provider_id="")
    token = singpay.payment(attempt_of(cheap).reference)["token"]
    body = json.loads(singpay.callback(attempt_of(payment).reference))
    body["transaction"] |= {**FORGED, "id": token, "_id": token}

    deliver(api, singpay, json.dumps(body).encode())

    payment.refresh_from_db()
    assert (payment.status, books(patient)["packs"]) == (Status.PENDING, [])
    # What was learned meanwhile came from the look-up by our own reference.
    genuine = singpay.payment(attempt_of(payment).reference)["token"]
    assert attempt_of(payment).provider_id == genuine


@pytest.mark.django_db
@pytest.mark.parametrize(
    "says, reason",
    [
        ({"amount": "50"}, "amount_mismatch"),
        ({"amount": None}, "amount_mismatch"),
        ({"portefeuille": {"_id": "f" * 24}}, "wallet_mismatch"),
    ],
)
def test_singpay_that_was_paid_something_else_has_the_payment_held(says, reason, singpay, api, patient, rate):
    payment = start_payment(patient, rate, provider="singpay")
    reference = attempt_of(payment).reference
    genuine = singpay.callback(reference)
    singpay.decide(reference)
    singpay.says(**says)

    deliver(api, singpay, genuine)

    payment.refresh_from_db()
    assert (payment.status, payment.reason, books(patient)["packs"]) == (Status.HELD, reason, [])

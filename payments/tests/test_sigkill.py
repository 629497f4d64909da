"""The web process is killed with SIGKILL in the middle of a payment: the sweep of another one finishes it, once."""

import pytest
from django.db import connection

from accounts.services.verification import verify_ledger
from common.sweeping import sweep
from payments.enums import Status
from payments.models import CallbackMessage, Payment
from payments.tests.factories import AIRTEL, CREDITS, age, age_message, attempt_of, books, events
from payments.tests.gateway import Gateway, callback_path
from payments.tests.killing import kill_at

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="another process cannot see SQLite's test database"),
]

PAYMENTS = "/api/v1/payments/"
BETWEEN = {
    "intent and call": "payments.services.starting.submit",
    "call and write": "payments.services.starting.record_start",
}


def later(seconds):
    for payment in Payment.objects.all():
        age(payment, seconds=seconds)
    for message in CallbackMessage.objects.all():
        age_message(message, seconds=seconds)


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("name", ["mypayga", "singpay"])
def test_killed_web_process_costs_one_charge_and_gives_one_grant(name, between, api, patient, rate, simulators):
    gateway = Gateway(simulators, name)
    gateway.set(decide_after=100_000)
    if name == "singpay":
        gateway.service.callback_url = "http://127.0.0.1:1/"
    body = {"purpose": "rate", "rate": rate.pk, "provider": name, "phone": AIRTEL}

    kill_at(BETWEEN[between], patient, PAYMENTS, body)

    payment = Payment.objects.get()
    assert payment.status == (Status.CREATED if between == "intent and call" else Status.SUBMITTING)
    assert len(gateway.payments()) == (0 if between == "intent and call" else 1)
    assert sweep()["payments_to_submit"] == 0, "its process may still be about to"
    later(22)
    sweep()
    reference = attempt_of(payment).reference
    assert [row["reference"] for row in gateway.payments()] == [reference], "asked for once, whoever did"
    gateway.decide(reference)
    for _again in range(2):
        api().generic("POST", callback_path(name), gateway.callback(reference), content_type="application/json")
        later(40)
        assert -1 not in sweep().values()

    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED
    assert [row["times_charged"] for row in gateway.payments()] == [1]
    assert books(patient)["packs"] == [CREDITS]
    assert events("payment.succeeded", "credits.rate") == ["payment.succeeded", "credits.rate"]
    assert verify_ledger().findings == []


@pytest.mark.parametrize("name", ["mypayga", "singpay"])
def test_killed_after_the_move_and_before_the_call_nobody_is_charged_by_a_guess(name, api, patient, rate, simulators):
    """Whether the call went out is what nobody knows then: it is never sent again, and the patient starts anew."""
    gateway = Gateway(simulators, name)
    gateway.set(decide_after=100_000)
    body = {"purpose": "rate", "rate": rate.pk, "provider": name, "phone": AIRTEL}

    kill_at("payments.services.starting.release_connection", patient, PAYMENTS, body)

    payment = Payment.objects.get()
    assert (payment.status, gateway.payments()) == (Status.SUBMITTING, [])
    later(22)
    sweep()
    payment.refresh_from_db()
    assert (payment.status, payment.reason) == (Status.UNKNOWN, "interrupted")
    later(15 * 60)
    sweep()
    payment.refresh_from_db()
    # SingPay can be asked by our own reference, MyPayGa by its own token only.
    expected = (Status.FAILED, "never_received") if name == "singpay" else (Status.UNKNOWN, "interrupted")
    assert (payment.status, payment.reason) == expected

    anew = api(patient).post(PAYMENTS, body, format="json", headers={"Idempotency-Key": "anew"})
    assert (anew.status_code, anew.json()["status"]) == (202, "pending")
    gateway.decide(gateway.payments()[0]["reference"])
    later(40)
    sweep()

    assert [row["times_charged"] for row in gateway.payments()] == [1]
    assert books(patient)["packs"] == [CREDITS]
    assert verify_ledger().findings == []

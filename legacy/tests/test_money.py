"""Buying a rate as the old sites do, and the old ways to have one for nothing."""

from typing import Any

import pytest

from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance
from legacy.tests.conftest import SITE, refusals
from payments.models import CallbackMessage, Payment
from payments.services.callbacks import process
from payments.tests.factories import refusals as callback_refusals
from payments.tests.gateway import callback

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "077 12 34 56"


def _order(rate: Any, **fields: Any) -> dict[str, Any]:
    return {
        "client_phone": PHONE,
        "amount": "1",
        "lastname": "Marie Exemple",
        "email": "x@example.org",
        "rate_id": str(rate.pk),
        "disable_auto_credit": True,
        "frontend_managed": True,
        **fields,
    }


def _buy(client, rate, **fields):
    return client.post("/my_pay_ga/subscribe_pricing", _order(rate, **fields), format="json")


def _call_back(client, path, fields):
    answer = client.post(path, fields, format="json")
    for pk in CallbackMessage.objects.values_list("pk", flat=True):
        process(pk)
    return answer


@pytest.mark.parametrize("network", [None, "AM", "MC", "MM"])
def test_started_payment_asks_for_the_rates_price(api, patient, rate, gateway, network):
    answer = _buy(api(patient), rate, **({"network": network} if network else {}))
    payment = Payment.objects.get()
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success_url": SITE,
            "message": "Confirmez le paiement sur votre téléphone",
            "transaction": str(payment.public_id),
            "request_status": "200",
        },
    )
    assert (payment.amount, payment.network) == (1_000, "MM" if network in ("MC", "MM") else "AM")
    assert gateway.payments()[0]["amount"] == 1_000
    assert balance(patient) == 10


def test_double_click_is_one_payment(api, patient, rate, gateway):
    client = api(patient)
    assert _buy(client, rate).json() == _buy(client, rate).json()
    assert (Payment.objects.count(), len(gateway.payments())) == (1, 1)


def test_phone_that_was_asked_often_enough_is_told_in_the_old_form(api, patient, stranger, rate, gateway, settings):
    settings.PAYMENT_PROMPTS_PER_PHONE = 1
    client = api(patient)
    first = _buy(client, rate)
    answer = _buy(api(stranger), rate)
    assert (answer.status_code, answer.json()) == (
        429,
        {
            "detail": "Trop de tentatives. Réessayez plus tard.",
            "message": "Trop de tentatives. Réessayez plus tard.",
            "fail_url": SITE,
        },
    )
    assert 3590 <= int(answer.headers["Retry-After"]) <= 3600
    assert (Payment.objects.count(), len(gateway.payments())) == (1, 1)
    assert _buy(client, rate).json() == first.json()


def test_paid_and_called_back_at_the_old_address(api, patient, rate, gateway):
    _buy(api(patient), rate)
    reference = Payment.objects.get().attempts.get().reference
    gateway.decide(reference)
    message = callback(gateway.payment(reference))
    for _ in range(3):
        answer = _call_back(api(), f"/my_pay_ga/callback_url/{patient.pk}/{rate.pk}", message)
        assert (answer.status_code, answer.json()) == (200, {"message": "received", "request_status": "200"})
    assert balance(patient) == 22
    assert verify_ledger().findings == []


def test_forged_callback_grants_nothing_and_is_an_event(api, patient, rate, gateway):
    _buy(api(patient), rate)
    paid = gateway.payments()[0]
    forged = [
        callback(paid, hash="0" * 128),
        callback(paid, hash=None),
        callback(paid, amount="1"),
        # Signed, and not true: nobody has paid.
        callback(paid),
    ]
    for fields in forged:
        assert _call_back(api(), "/my_pay_ga/callback_url", fields).status_code == 200
    assert _call_back(api(), "/my_pay_ga/success_url", {"order_status": "200"}).status_code == 200
    assert balance(patient) == 10
    assert Payment.objects.get().status == "pending"
    assert callback_refusals() == ["wrong_signature", "unsigned", "amount_mismatch", "unsigned"]


@pytest.mark.parametrize("name", ["success_url", "fail_url"])
def test_browser_that_comes_back_is_told_what_it_said(api, patient, name):
    answer = api().get(f"/my_pay_ga/{name}?request_status=400")
    assert (answer.status_code, answer.json()) == (200, {"message": "received", "request_status": "400"})
    assert CallbackMessage.objects.count() == 0


def test_get_on_the_callback_is_refused_and_noted(api, patient):
    answer = api().get("/my_pay_ga/callback_url?order_status=200")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")
    assert callback_refusals() == ["get_on_callback"]


def test_phone_that_is_none_has_no_request_status(api, patient, rate):
    answer = _buy(api(patient), rate, client_phone="12")
    assert answer.status_code == 400
    assert sorted(answer.json()) == ["detail", "fail_url", "message"]
    assert answer.json()["fail_url"] == SITE
    assert Payment.objects.count() == 0


def test_gateway_that_is_not_reached(api, patient, rate, settings):
    settings.MYPAYGA_URL = "http://127.0.0.1:1/v1"
    answer = _buy(api(patient), rate)
    assert (answer.status_code, answer.json()) == (
        200,
        {"fail_url": SITE, "message": "Le paiement n'a pas pu être lancé"},
    )


@pytest.mark.parametrize("change, status", [({"rate_id": 999}, 404), ({"rate_id": "x"}, 422), ({"rate_id": None}, 422)])
def test_rate_that_nobody_sells(api, patient, rate, change, status):
    answer = api(patient).post("/my_pay_ga/subscribe_pricing", _order(rate) | change, format="json")
    assert (answer.status_code, type(answer.json()["detail"])) == (status, list if status == 422 else str)
    assert Payment.objects.count() == 0


def test_buying_needs_a_sign_in(refused, rate, db):
    assert refused("post", "/my_pay_ga/subscribe_pricing", body=_order(rate)) == [
        (401, {"detail": "Not authenticated"})
    ]
    assert Payment.objects.count() == 0


@pytest.mark.parametrize("path", ["url_success/{token}/{rate}", "url_success_by_user_id/{user}/{rate}"])
def test_singpay_redirect_grants_nothing_and_is_an_event(api, patient, rate, path):
    path = path.format(token="abc", user=patient.pk, rate=rate.pk)
    answer = api(patient).get(f"/sing_pay_api/{path}")
    assert (answer.status_code, answer.headers["Location"]) == (307, SITE)
    assert (balance(patient), refusals()) == (10, ["singpay_redirect"])

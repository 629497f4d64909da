"""From POST /payments/ to the gateway's first answer: whatever it is, what we keep and what the patient sees."""

import uuid

import pytest
from django.db import IntegrityError, connection

from accounts.models import Rate
from common.models import IdempotencyKey
from payments.models import Payment, PaymentAttempt
from payments.providers.base import Outcome, Started
from payments.providers.mypayga import client as mypayga
from payments.purposes import Quote
from payments.services import asking, starting
from payments.services.starting import create_payment, submit
from payments.tests.factories import (
    AIRTEL,
    CREDITS,
    PRICE,
    age,
    attempt_of,
    books,
    events,
    make_payment,
    make_rate,
    snapshot,
    start_payment,
)
from payments.tests.scripted import paid
from reservations.tests.factories import make_reservation, pay
from tests.threads import kill_connection

pytestmark = pytest.mark.django_db

PATH = "/api/v1/payments/"
needs_lengths = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite holds any text")


@pytest.fixture
def ask(api, patient, rate):
    """`ask(phone=…)`: POST /payments/ of the patient for the pack, with a key of its own."""

    def ask(*, user=patient, key=None, **changes):
        body = {"purpose": "rate", "rate": rate.pk, "provider": "mypayga", "phone": AIRTEL, **changes}
        body = {name: value for name, value in body.items() if value is not ...}
        headers = {} if key is ... else {"Idempotency-Key": key or uuid.uuid4().hex}
        return api(user).post(PATH, body, format="json", headers=headers)

    return ask


def refused(answer, status, code):
    """The code of the answer, and of its fields where it names any."""
    assert answer.status_code == status, answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert Payment.objects.count() == PaymentAttempt.objects.count() == 0
    assert events("payment.") == []
    return [(error["field"], error["code"]) for error in answer.json().get("errors", [])]


def test_payment_is_asked_for_and_shown(ask, patient, rate, gateway, api):
    answer = ask()

    assert answer.status_code == 202
    payment = Payment.objects.get()
    shown = answer.json()
    assert shown == {
        "id": str(payment.public_id),
        "status": "pending",
        "purpose": "rate",
        "rate": rate.pk,
        "amount": PRICE,
        "currency": "XAF",
        "provider": "mypayga",
        "network": "AM",
        "phone": "+241•••••456",
        "checkout_url": None,
        "reason": None,
        "created_at": shown["created_at"],
        "expires_at": shown["expires_at"],
    }
    assert api(patient).get(f"{PATH}{shown['id']}/").json() == shown
    [told] = gateway.payments()
    assert (told["amount"], told["phone"], told["network"]) == (PRICE, "077123456", "AM")
    assert told["reference"] == attempt_of(payment).reference
    assert told["token"] == attempt_of(payment).provider_id
    assert payment.terms == {"credits": CREDITS}
    assert (payment.expires_at - payment.created_at).total_seconds() == pytest.approx(900, abs=1)
    assert events("payment.") == ["payment.created", "payment.submitting", "payment.pending"]


# Fault of the gateway → status, reason, whether the gateway holds a payment that may still be made.
FAULTS = {
    "error_500": ("unknown", "gateway_timeout", 0),
    "error_after_effect": ("unknown", "gateway_timeout", 1),
    "garbage": ("unknown", "gateway_timeout", 1),
    "html": ("unknown", "gateway_timeout", 0),
    "truncated": ("unknown", "gateway_timeout", 1),
    "huge": ("unknown", "gateway_timeout", 1),
    "reset_after_accept": ("unknown", "gateway_timeout", 1),
    "timeout": ("unknown", "gateway_timeout", 1),
    "rate_limit": ("failed", "gateway_not_reached", 0),
    "expired_token": ("failed", "gateway_refused", 0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_start_under_a_fault_is_what_is_known_of_it(fault, ask, gateway, settings):
    status, reason, accepted = FAULTS[fault]
    settings.PROVIDER_READ_SECONDS = 0.3
    mypayga._client.cache_clear()
    gateway.fault(fault, seconds=1)

    answer = ask()

    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["reason"]) == (status, reason)
    payment = Payment.objects.get()
    assert (payment.status, payment.reason, payment.blocks) == (status, reason, status == "unknown")
    assert attempt_of(payment).provider_id == ""
    assert len(gateway.payments()) == accepted
    assert len(gateway.calls("payment")) == 1, "a start is never repeated"
    assert events("payment.")[-1] == f"payment.{status}"


@pytest.mark.parametrize("http_status", [200, 400])
def test_refused_start_fails_and_blocks_nobody(http_status, ask, gateway, settings):
    settings.MYPAYGA_API_KEY = "stest_wrong"
    gateway.set(refusal_http_status=http_status)

    answer = ask()

    assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (202, "failed", "gateway_refused")
    assert gateway.payments() == []
    assert attempt_of(Payment.objects.get()).response == {"request_status": "400", "message": "apikey invalide"}
    settings.MYPAYGA_API_KEY = "stest_demo"
    assert ask().json()["status"] == "pending"


def test_refused_connection_fails_and_blocks_nobody(ask, settings, simulators):
    reachable, settings.MYPAYGA_URL = settings.MYPAYGA_URL, "http://127.0.0.1:1/v1"

    answer = ask()

    assert (answer.json()["status"], answer.json()["reason"]) == ("failed", "gateway_not_reached")
    settings.MYPAYGA_URL = reachable
    assert ask().json()["status"] == "pending"


@pytest.mark.parametrize("field", ["amount", "currency", "status", "price", "user_id", "terms", "label"])
def test_amount_is_never_taken_from_the_client(field, ask, gateway):
    assert refused(ask(**{field: 1}), 400, "unknown_field") == [(field, "unknown_field")]
    assert gateway.payments() == []


@pytest.mark.parametrize(
    "changes, code, fields",
    [
        ({"provider": "paypal"}, "unknown_provider", [("provider", "unknown_provider")]),
        ({"provider": ""}, "blank", [("provider", "blank")]),
        ({"provider": ...}, "required", [("provider", "required")]),
        ({"purpose": "gift"}, "invalid_choice", [("purpose", "invalid_choice")]),
        ({"purpose": ...}, "required", [("purpose", "required")]),
        ({"purpose": "reservation"}, "required", [("reservation", "required")]),
        ({"rate": ...}, "required", [("rate", "required")]),
        ({"rate": None}, "null", [("rate", "null")]),
        ({"rate": "1"}, "invalid", [("rate", "invalid")]),
        ({"rate": True}, "invalid", [("rate", "invalid")]),
        ({"rate": 1.0}, "invalid", [("rate", "invalid")]),
        ({"rate": 0}, "min_value", [("rate", "min_value")]),
        ({"rate": -1}, "min_value", [("rate", "min_value")]),
        ({"rate": 10**30}, "max_value", [("rate", "max_value")]),
        ({"reservation": str(uuid.uuid4())}, "unknown_field", [("reservation", "unknown_field")]),
        ({"purpose": "reservation", "rate": ..., "reservation": "nonsense"}, "invalid", [("reservation", "invalid")]),
        ({"phone": ...}, "required", [("phone", "required")]),
        ({"network": "XX"}, "invalid_choice", [("network", "invalid_choice")]),
        ({"phone": "077123456" * 5}, "max_length", [("phone", "max_length")]),
    ],
)
def test_malformed_request_is_refused_and_changes_nothing(changes, code, fields, ask, gateway):
    assert refused(ask(**changes), 400, code) == fields
    assert gateway.payments() == []


def test_every_failing_field_is_named_at_once(ask):
    answer = ask(purpose="gift", provider="", phone="", amount=1)

    assert answer.json()["code"] == "invalid"
    assert sorted(error["field"] for error in answer.json()["errors"]) == ["amount", "phone", "provider", "purpose"]


@pytest.mark.parametrize("phone", ["+33612345678", "+237677123456", "+2250707070707", "+14155550100"])
def test_phone_of_another_country_is_refused(phone, ask, gateway):
    refused(ask(phone=phone), 400, "invalid_phone")
    refused(ask(phone=phone, network="AM"), 400, "invalid_phone")
    assert gateway.payments() == []


@pytest.mark.parametrize(
    "phone", ["0", "0771234567", "abc", "077 12 34 5x", "077ABCDEF", "+241", "+24177", "077 12 34 56 ext 1", "１２３"]
)
def test_what_is_no_phone_is_refused(phone, ask, gateway):
    refused(ask(phone=phone), 400, "invalid_phone")
    assert gateway.payments() == []


@pytest.mark.parametrize("phone", ["011 72 00 00", "+24111720000"])
def test_landline_has_no_network(phone, ask, gateway):
    assert refused(ask(phone=phone), 400, "unknown_network") == [("phone", "unknown_network")]
    assert gateway.payments() == []


@pytest.mark.parametrize(
    "phone, national, network",
    [(f"{prefix} 12 34 56", f"{prefix}123456", "AM") for prefix in ("074", "076", "077")]
    + [(f"{prefix} 12 34 56", f"{prefix}123456", "MM") for prefix in ("060", "062", "065", "066")]
    + [
        ("+241 77 12 34 56", "077123456", "AM"),
        ("24177123456", "077123456", "AM"),
        ("+241 (0)77-12.34/56", "077123456", "AM"),
        ("07 12 34 56", "077123456", "AM"),
        ("06 12 34 56", "066123456", "MM"),
    ],
)
def test_network_is_told_by_the_phone(phone, national, network, ask, gateway):
    answer = ask(phone=phone)

    assert (answer.status_code, answer.json()["network"]) == (202, network)
    [told] = gateway.payments()
    assert (told["phone"], told["network"]) == (national, network)


def test_network_may_be_given_for_a_number_that_moved(ask, gateway):
    assert ask(phone="077 12 34 56", network="MM").json()["network"] == "MM"
    assert gateway.payments()[0]["network"] == "MM"


def test_unknown_or_withdrawn_pack_is_not_found(ask, rate):
    refused(ask(rate=rate.pk + 1_000), 404, "unknown_rate")
    Rate.objects.update(is_active=False)
    refused(ask(), 404, "unknown_rate")


def test_someone_elses_reservation_is_not_found(ask, gateway):
    reservation = make_reservation()

    answer = ask(purpose="reservation", rate=..., reservation=str(reservation.public_id))

    refused(answer, 404, "unknown_reservation")
    reservation.refresh_from_db()
    assert reservation.paid_at is None
    assert gateway.payments() == []


def test_unknown_reservation_is_not_found(ask):
    refused(ask(purpose="reservation", rate=..., reservation=str(uuid.uuid4())), 404, "unknown_reservation")


def test_reservation_is_paid_once(ask, patient, gateway):
    reservation = make_reservation(user=patient)
    pay(reservation)
    before = snapshot(Payment)

    answer = ask(purpose="reservation", rate=..., reservation=str(reservation.public_id))

    assert (answer.status_code, answer.json()["code"]) == (409, "already_paid")
    assert snapshot(Payment) == before
    assert gateway.payments() == []


@pytest.mark.parametrize("status", ["requested", "collected", "rejected", "cancelled", "expired"])
def test_reservation_that_is_not_kept_cannot_be_paid(status, ask, patient, gateway):
    reservation = make_reservation(user=patient, status=status)

    answer = ask(purpose="reservation", rate=..., reservation=str(reservation.public_id))

    refused(answer, 409, "already_paid" if status == "collected" else "not_payable")
    assert gateway.payments() == []


def test_reservation_may_be_named_in_any_case(ask, patient, gateway):
    reservation = make_reservation(user=patient)

    first = ask(purpose="reservation", rate=..., reservation=str(reservation.public_id).upper())
    second = ask(purpose="reservation", rate=..., reservation=reservation.public_id.hex)

    assert (first.status_code, first.json()["reservation"]) == (202, str(reservation.public_id))
    assert (second.status_code, second.json()["code"]) == (409, "payment_pending")


@pytest.mark.parametrize("status", ["created", "submitting", "pending", "unknown"])
def test_second_payment_waits_while_one_is_open(status, ask, patient, rate, gateway):
    make_payment(status, user=patient, rate=rate)
    before = snapshot(Payment, PaymentAttempt)

    answer = ask()

    assert (answer.status_code, answer.json()["code"]) == (409, "payment_pending")
    assert snapshot(Payment, PaymentAttempt) == before
    assert gateway.payments() == []
    assert IdempotencyKey.objects.count() == 0, "a 409 may be another answer tomorrow"


@pytest.mark.parametrize("status", ["succeeded", "failed", "expired", "held"])
def test_second_payment_may_follow_one_that_is_settled(status, ask, patient, rate, gateway):
    make_payment(status, user=patient, rate=rate)

    assert ask().status_code == 202
    assert len(gateway.payments()) == 1


def test_other_people_and_other_packs_do_not_wait(ask, patient, rate):
    make_payment(rate=rate)
    make_payment(user=patient)

    assert ask().status_code == 202


@pytest.mark.parametrize("status", ["pending", "unknown", "submitting", "created"])
def test_payment_blocks_for_fifteen_minutes(status, ask, patient, rate, gateway):
    first = make_payment(status, user=patient, rate=rate)
    age(first, minutes=14, seconds=55)
    assert ask().status_code == 409

    age(first, seconds=6)
    assert ask().status_code == 202

    first.refresh_from_db()
    assert (first.status, first.blocks) == (status, False)
    assert ask().status_code == 409, "the newer one blocks now"
    assert len(gateway.payments()) == 1


def test_sign_in_is_needed(ask, api):
    answer = api().post(PATH, {}, format="json", headers={"Idempotency-Key": "a"})

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_idempotency_key_is_required(ask, gateway):
    refused(ask(key=...), 400, "idempotency_key_required")
    assert gateway.payments() == []


def test_answer_is_replayed_and_nobody_asked_twice(ask, gateway):
    first = ask(key="once")
    gateway.decide(gateway.payments()[0]["reference"])
    second = ask(key="once")

    assert (second.status_code, second.json()) == (202, first.json())
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert Payment.objects.count() == 1
    assert len(gateway.calls("payment")) == 1


def test_answer_that_is_replayed_is_the_final_one(ask, gateway):
    """The provisional answer, stored before the call, is replaced by what the call has brought."""
    ask(key="once")

    assert ask(key="once").json()["status"] == "pending"
    key = IdempotencyKey.objects.get()
    assert (key.status, key.lease_until) == (202, None)


def test_key_belongs_to_one_request(ask, gateway):
    ask(key="once")

    answer = ask(key="once", phone="077 65 43 21")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert len(gateway.payments()) == 1


def test_key_belongs_to_one_person(ask, gateway, patient, staff):
    assert ask(key="once").status_code == 202
    assert ask(key="once", user=staff).status_code == 202

    assert len(gateway.payments()) == 2


def test_refusal_is_stored_with_its_key(ask, rate):
    first = ask(key="once", rate=rate.pk + 1)
    make_rate(pk=rate.pk + 1)
    second = ask(key="once", rate=rate.pk + 1)

    assert (first.status_code, second.status_code) == (404, 404)
    assert second.headers["Idempotent-Replayed"] == "true"


def test_price_changed_after_the_quote_is_not_charged(patient, rate, gateway):
    payment = starting.create_payment(
        patient, purpose="rate", purpose_id=str(rate.pk), provider="mypayga", phone=AIRTEL
    )
    Rate.objects.update(price=PRICE * 2)

    starting.submit(payment.pk)

    assert gateway.payments()[0]["amount"] == PRICE


@pytest.mark.parametrize("minutes, status", [(14, "pending"), (15, "failed")])
def test_forgotten_payment_is_sent_while_it_blocks_and_not_out_of_the_blue(minutes, status, gateway):
    payment = make_payment("created")
    age(payment, minutes=minutes, seconds=30)

    assert asking.submit_forgotten() == 1

    payment.refresh_from_db()
    assert (payment.status, payment.reason) == (status, "" if status == "pending" else "never_sent")
    assert len(gateway.payments()) == (1 if status == "pending" else 0)
    assert events("payment.") == ["payment.submitting", f"payment.{status}"]


def test_forgotten_payment_for_what_is_gone_is_not_sent(gateway, patient):
    reservation = make_reservation(user=patient)
    payment = starting.create_payment(
        patient, purpose="reservation", purpose_id=str(reservation.public_id), provider="mypayga", phone=AIRTEL
    )
    reservation.status = "cancelled"
    reservation.save()

    starting.submit(payment.pk)

    payment.refresh_from_db()
    assert (payment.status, payment.reason, payment.blocks) == ("failed", "not_payable", False)
    assert gateway.payments() == []


def test_forgotten_payment_whose_gateway_was_withdrawn_does_not_wait_for_ever(gateway, settings):
    payment = make_payment("created")
    age(payment, minutes=5)
    settings.PAYMENT_PROVIDERS = {}

    assert asking.submit_forgotten() == 1

    payment.refresh_from_db()
    assert (payment.status, payment.reason, payment.blocks) == ("failed", "unknown_provider", False)
    assert (asking.submit_forgotten(), gateway.payments()) == (0, [])


def test_submit_twice_sends_once(patient, rate, gateway):
    payment = starting.create_payment(
        patient, purpose="rate", purpose_id=str(rate.pk), provider="mypayga", phone=AIRTEL
    )
    for _ in range(3):
        starting.submit(payment.pk)

    assert len(gateway.calls("payment")) == 1


def test_gateways_name_of_another_payment_is_not_taken_twice(script, patient, rate):
    """Two payments under one token could not be told apart: the second stays in doubt and is never sent again."""
    make_payment(token="token-1", provider="scripted")
    payment = make_payment("created", user=patient, rate=rate, provider="scripted")
    script.on_start = lambda order: starting.Started(starting.Outcome.PENDING, provider_id="token-1")

    starting.submit(payment.pk)

    payment.refresh_from_db()
    assert (payment.status, payment.reason) == ("unknown", "gateway_unreadable")
    assert attempt_of(payment).provider_id == ""
    assert len(script.orders) == 1


def said(**changes):
    return starting.Started(starting.Outcome.PENDING, **{"provider_id": "token-1", **changes})


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(said(provider_id="x" * 129), marks=needs_lengths, id="too long"),
        pytest.param(said(provider_id="to\x00ken"), marks=needs_lengths, id="NUL"),
        pytest.param(said(response={"message": "\x00"}), marks=needs_lengths, id="NUL in the answer"),
        pytest.param(said(checkout_url="https://" + "x" * 500), marks=needs_lengths, id="endless page"),
        pytest.param(said(provider_id="half \ud800"), id="half a character"),
    ],
)
def test_answer_that_the_database_cannot_hold_leaves_the_payment_in_doubt(answer, script, patient, rate):
    """Whatever the gateway says, that it was asked stays written down, and nobody asks a second time."""
    payment = make_payment("created", user=patient, rate=rate, provider="scripted")
    script.on_start = lambda order: answer

    starting.submit(payment.pk)

    payment.refresh_from_db()
    assert (payment.status, payment.reason, payment.checkout_url) == ("unknown", "gateway_unreadable", "")
    assert (attempt_of(payment).provider_id, attempt_of(payment).outcome) == ("", "unknown")
    assert events("payment.") == ["payment.submitting", "payment.unknown"]
    assert len(script.orders) == 1


def test_only_the_index_of_open_payments_means_that_one_is_open(script, patient, rate, monkeypatch, settings):
    """Any other broken rule is a fault of ours, and is told as one."""
    settings.PAYMENT_LIMITS = {"scripted": (0, PRICE)}
    monkeypatch.setattr("payments.rates.RatePurpose.quote", lambda *_: Quote(0, "XAF", "Forfait"))

    with pytest.raises(IntegrityError, match="payment_amount_positive"):
        starting.create_payment(patient, purpose="rate", purpose_id=str(rate.pk), provider="scripted", phone=AIRTEL)


def test_refresh_asks_now(ask, api, patient, gateway):
    shown = ask().json()
    path = f"{PATH}{shown['id']}/refresh/"

    assert api(patient).post(path).json() == shown

    gateway.decide(gateway.payments()[0]["reference"])
    answer = api(patient).post(path)
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert books(patient)["packs"] == [CREDITS]
    assert api(patient).post(path).json()["status"] == "succeeded"
    assert books(patient)["packs"] == [CREDITS]


def test_refresh_of_what_is_settled_for_good_asks_nobody(api, patient, rate, script):
    payment = start_payment(patient, rate, provider="scripted")
    script.on_ask = lambda reference, provider_id: paid(payment)
    client = api(patient)

    shown = [client.post(f"{PATH}{payment.public_id}/refresh/").json()["status"] for _again in range(3)]

    assert (shown, len(script.asked)) == (["succeeded"] * 3, 1)
    assert books(patient)["packs"] == [CREDITS]


def test_refresh_of_someone_elses_payment_is_not_found(ask, api, staff, gateway):
    shown = ask().json()
    gateway.decide(gateway.payments()[0]["reference"])

    for method in ("get", "post"):
        path = f"{PATH}{shown['id']}/" + ("refresh/" if method == "post" else "")
        assert getattr(api(staff), method)(path).status_code == 404
    assert Payment.objects.get().status == "pending"
    assert gateway.calls("verify") == []


def test_list_shows_ones_own_newest_first(api, patient):
    first, second = make_payment("failed", user=patient, reason="declined"), make_payment("succeeded", user=patient)
    make_payment()

    answer = api(patient).get(PATH).json()

    assert [row["id"] for row in answer["results"]] == [str(second.public_id), str(first.public_id)]
    assert [row["reason"] for row in answer["results"]] == [None, "declined"]
    assert api().get(PATH).status_code == 401


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is in the same process")
def test_gateways_answer_survives_a_connection_that_is_lost_as_it_is_written(script, patient, rate):
    """Its id is told once: without it MyPayGa cannot even be asked what became of the payment."""

    def start(order):
        kill_connection()
        return Started(Outcome.PENDING, provider_id="told once")

    script.on_start = start
    payment = create_payment(patient, purpose="rate", purpose_id=str(rate.pk), provider="scripted", phone=AIRTEL)

    assert submit(payment.pk).status == "pending"
    assert attempt_of(payment).provider_id == "told once"

"""MyPayGa behind the interface: every answer it may give, as the outcome it stands for."""

import itertools
import json

import pytest

from payments.enums import Network
from payments.models import Payment
from payments.providers.base import CallbackRefused, Claim, Order, Outcome, Report, Started
from payments.providers.mypayga.provider import MyPayGa
from payments.services.starting import submit
from payments.tests.answering import answering_server
from payments.tests.factories import attempt_of, make_payment
from payments.tests.gateway import FORM, callback, sign

REFERENCE = "0123456789abcdef0123456789abcdef"
_numbers = itertools.count(1)


def order(**changes):
    values = {
        "reference": f"{next(_numbers):032x}",
        "amount": 5_000,
        "currency": "XAF",
        "phone": "+24177123456",
        "network": Network.AIRTEL,
        "label": "Réservation ABCD",
        "first_name": "Awa",
        "last_name": "Ndong",
        "email": "awa@example.org",
        "callback_url": "http://127.0.0.1:1/callback",
        "return_url": "http://127.0.0.1:1",
        **changes,
    }
    return Order(**values)


@pytest.fixture
def answering(settings):
    """`answering(status, body)`: a MyPayGa that answers every call exactly so."""
    with answering_server() as told:
        settings.MYPAYGA_URL = f"{told.url}/v1"
        yield told


AIRTEL, MOOV = ("074", "076", "077"), ("060", "062", "065", "066")


@pytest.mark.parametrize("prefix", AIRTEL + MOOV)
def test_network_is_told_by_the_prefix(prefix):
    expected = Network.AIRTEL if prefix in AIRTEL else Network.MOOV
    assert MyPayGa().network_of(f"+241{prefix[1:]}123456") == expected


@pytest.mark.parametrize("phone", ["+24111720000", "+24101720000", "+24161123456", "+33612345678", "+24277123456"])
def test_network_of_other_numbers_is_not_known(phone):
    assert MyPayGa().network_of(phone) is None


def test_start_sends_what_mypayga_expects(gateway, settings):
    started = MyPayGa().start(order(reference=REFERENCE))

    [sent] = gateway.calls("payment")
    assert sent["body"] == {
        "apikey": "stest_***",
        "urls": {
            "success_url": "http://127.0.0.1:1",
            "callback_url": "http://127.0.0.1:1/callback",
            "fail_url": "http://127.0.0.1:1",
        },
        "client_phone": "077123456",
        "amount": "5000",
        "currency": "XAF",
        "country": "GA",
        "network": "AM",
        "type": "mobile_money",
        "unique_id": REFERENCE,
        "description": "Réservation ABCD",
        "firstname": "Awa",
        "lastname": "Ndong",
        "email": "awa@example.org",
    }
    assert (started.outcome, started.provider_id) == (Outcome.PENDING, gateway.payment(REFERENCE)["token"])


@pytest.fixture
def network_lookup(settings):
    settings.MYPAYGA_NETWORK_LOOKUP = True


def test_network_that_no_prefix_tells_is_asked_for(network_lookup, gateway):
    started = MyPayGa().start(order(reference=REFERENCE, phone="+24166123456", network=None))

    assert MyPayGa().requires == {"phone"}
    assert (started.outcome, gateway.payment(REFERENCE)["network"]) == (Outcome.PENDING, "MM")
    assert [call["query"]["tel_number"] for call in gateway.calls("network")] == ["066123456"]


@pytest.mark.parametrize("body", [{"mobile_money_code": "XX"}, {}, [], {"mobile_money_code": None}])
def test_without_a_network_nobody_is_asked_for_money(body, network_lookup, answering):
    answering(200, body)

    started = MyPayGa().start(order(network=None))

    assert (started.outcome, started.reason) == (Outcome.REFUSED, "network_unknown")
    assert [method for method, _path in answering.calls] == ["GET"]


def test_what_is_kept_of_a_start_names_nobody_and_no_key(gateway):
    started = MyPayGa().start(order(reference=REFERENCE))

    assert started.request == {"amount": "5000", "network": "AM", "unique_id": REFERENCE}
    kept = json.dumps(started.response)
    assert "stest" not in kept
    assert "077123456" not in kept
    assert "Awa" not in kept


ACCEPTED = {"request_status": "200", "message": "ok", "payment_token": "tok"}


@pytest.mark.parametrize(
    "status, body, outcome, reason",
    [
        (200, ACCEPTED, Outcome.PENDING, ""),
        (200, {**ACCEPTED, "request_status": 200}, Outcome.PENDING, ""),
        (201, {**ACCEPTED, "request_status": " 201 "}, Outcome.PENDING, ""),
        (200, {"request_status": 400, "message": "Refused"}, Outcome.REFUSED, "gateway_refused"),
        (200, {"request_status": "400", "message": "Refused"}, Outcome.REFUSED, "gateway_refused"),
        (400, {"request_status": 400, "message": "Refused"}, Outcome.REFUSED, "gateway_refused"),
        (401, {"request_status": 401, "message": "apikey"}, Outcome.REFUSED, "gateway_refused"),
        (200, {**ACCEPTED, "request_status": "300"}, Outcome.REFUSED, "gateway_refused"),
        # Accepted, it seems, but under what name?
        (200, {"request_status": "200"}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**ACCEPTED, "payment_token": ""}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**ACCEPTED, "payment_token": "x" * 129}, Outcome.UNKNOWN, "gateway_unreadable"),
        # Neither yes nor no.
        (200, {}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, [], Outcome.UNKNOWN, "gateway_unreadable"),
        (200, "200", Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**ACCEPTED, "request_status": True}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**ACCEPTED, "request_status": 200.0}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**ACCEPTED, "request_status": "-200"}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**ACCEPTED, "request_status": -200}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**ACCEPTED, "request_status": "２００"}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**ACCEPTED, "request_status": "20000000000"}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**ACCEPTED, "request_status": None}, Outcome.UNKNOWN, "gateway_unreadable"),
        (429, {"message": "Too Many Requests"}, Outcome.NOT_REACHED, "gateway_not_reached"),
        (500, ACCEPTED, Outcome.UNKNOWN, "gateway_timeout"),
        (503, b"", Outcome.UNKNOWN, "gateway_timeout"),
        (200, b"", Outcome.UNKNOWN, "gateway_timeout"),
        (200, b"<html>", Outcome.UNKNOWN, "gateway_timeout"),
        (200, b"[" * 200_000, Outcome.UNKNOWN, "gateway_timeout"),
        (404, b"not found", Outcome.UNKNOWN, "gateway_timeout"),
        (302, ACCEPTED, Outcome.UNKNOWN, "gateway_unreadable"),
    ],
)
def test_start_reads_every_answer(status, body, outcome, reason, answering):
    answering(status, body)

    started = MyPayGa().start(order())

    assert (started.outcome, started.reason) == (outcome, reason)
    assert started.provider_id == ("tok" if outcome == Outcome.PENDING else "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_never_followed(status, simulators, gateway, answering):
    answering(status, b"", Location=f"{simulators.base_url('mypayga')}/payment")

    assert MyPayGa().start(order()).outcome == Outcome.UNKNOWN
    assert gateway.payments() == []
    assert gateway.journal()["calls"] == []


def test_refused_connection_is_known_to_have_charged_nobody(settings):
    settings.MYPAYGA_URL = "http://127.0.0.1:1/v1"

    started = MyPayGa().start(order())

    assert (started.outcome, started.reason) == (Outcome.NOT_REACHED, "gateway_not_reached")


@pytest.mark.parametrize(
    "url, kept",
    [
        ("https://pay.example.org/a", "https://pay.example.org/a"),
        ("http://pay.example.org/a", ""),
        ("javascript:alert(1)", ""),
        ("https://pay.example.org/" + "a" * 500, ""),
        (None, ""),
        (5, ""),
    ],
)
def test_checkout_page_is_passed_on_only_when_it_is_safe(url, kept, answering):
    answering(200, {**ACCEPTED, "checkout_url": url})

    started = MyPayGa().start(order())

    assert (started.outcome, started.provider_id, started.checkout_url) == (Outcome.PENDING, "tok", kept)


def test_checkout_page_in_development_may_be_the_simulators_but_no_script(answering, settings):
    settings.DEBUG = True
    answering(200, {**ACCEPTED, "checkout_url": "javascript:alert(1)"})
    assert MyPayGa().start(order()).checkout_url == ""
    answering(200, {**ACCEPTED, "checkout_url": "http://127.0.0.1:8765/a"})
    assert MyPayGa().start(order()).checkout_url == "http://127.0.0.1:8765/a"


@pytest.mark.django_db
def test_answer_that_no_database_could_store_is_stored_all_the_same(answering):
    """The token must not be lost because a message carries a NUL or half a character."""
    answering(200, b'{"request_status": "200", "message": "a\\u0000b\\ud800c", "payment_token": "to\\u0000k"}')
    payment = make_payment("created")

    submit(payment.pk)

    assert Payment.objects.get().status == "pending"
    assert attempt_of(payment).provider_id == "tok"
    assert attempt_of(payment).response["message"] == "abc"


VERIFIED = {
    "unique_id": REFERENCE,
    "order_status": "200",
    "amount": "5000",
    "currency": "XAF",
    "payment_token": "tok",
    "message": "Paiement effectué",
}


@pytest.mark.parametrize("order_status", ["200", 200, "0", 0, " 200 "])
def test_paid_is_200_or_0_as_text_or_number(order_status, answering):
    answering(200, {**VERIFIED, "order_status": order_status})

    report = MyPayGa().ask(reference=REFERENCE, provider_id="tok")

    assert (report.outcome, report.reference, report.amount, report.currency) == (
        Outcome.PAID,
        REFERENCE,
        5_000,
        "XAF",
    )


@pytest.mark.parametrize(
    "status, body, outcome, reason",
    [
        (200, {**VERIFIED, "order_status": "202"}, Outcome.PENDING, ""),
        (200, {**VERIFIED, "order_status": "100"}, Outcome.PENDING, ""),
        (200, {**VERIFIED, "order_status": "400"}, Outcome.REFUSED, "declined"),
        (200, {**VERIFIED, "order_status": 400, "message": "Code PIN incorrect"}, Outcome.REFUSED, "wrong_pin"),
        (200, {**VERIFIED, "order_status": 400, "message": "Solde insuffisant"}, Outcome.REFUSED, "no_balance"),
        (200, {**VERIFIED, "order_status": 400, "message": "Refusé par le client"}, Outcome.REFUSED, "declined"),
        (200, {**VERIFIED, "order_status": 400, "message": None}, Outcome.REFUSED, "declined"),
        (200, {**VERIFIED, "order_status": None}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**VERIFIED, "order_status": False}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**VERIFIED, "order_status": ""}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {**VERIFIED, "order_status": "paid"}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {"request_status": 400, "message": "payment_token inconnu"}, Outcome.UNKNOWN, "gateway_unreadable"),
        (302, VERIFIED, Outcome.UNKNOWN, "gateway_unreadable"),
        (400, VERIFIED, Outcome.UNKNOWN, "gateway_unreadable"),
        (401, {"request_status": 401}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, [VERIFIED], Outcome.UNKNOWN, "gateway_unreadable"),
        (500, VERIFIED, Outcome.UNKNOWN, "gateway_timeout"),
        (200, b"<html>", Outcome.UNKNOWN, "gateway_timeout"),
    ],
)
def test_ask_reads_every_answer(status, body, outcome, reason, answering):
    answering(status, body)

    report = MyPayGa().ask(reference=REFERENCE, provider_id="tok")

    assert (report.outcome, report.reason) == (outcome, reason)


@pytest.mark.parametrize(
    "amount, read",
    [("5000", 5_000), (5_000, 5_000), ("05000", 5_000), ("0", 0)]
    + [(amount, None) for amount in ("5000.0", 5000.0, "5e3", "-5000", -5000, "5 000", "5_000", "٥٠٠٠", "", None, True)]
    + [("9" * 16, None), (["5000"], None)],
)
def test_amount_is_whole_francs_or_nothing(amount, read, answering):
    answering(200, {**VERIFIED, "amount": amount})

    report = MyPayGa().ask(reference=REFERENCE, provider_id="tok")

    assert (report.outcome, report.amount) == (Outcome.PAID, read)


def test_mypayga_cannot_be_asked_without_its_token(gateway):
    assert MyPayGa().ask(reference=REFERENCE, provider_id="") is None
    assert gateway.calls("verify") == []


def test_ask_when_nobody_answers_tells_nothing(settings):
    settings.MYPAYGA_URL = "http://127.0.0.1:1/v1"

    assert MyPayGa().ask(reference=REFERENCE, provider_id="tok").outcome == Outcome.UNKNOWN


@pytest.mark.parametrize("phone", ["+24177123456", "+24174000001", "+24162000001"])
def test_refusals_of_the_simulated_gateway_are_refusals(phone, gateway):
    twice = order(phone=phone)
    assert MyPayGa().start(twice).outcome == Outcome.PENDING
    for http_status in (200, 400):
        gateway.set(refusal_http_status=http_status)
        again = MyPayGa().start(twice)
        assert again == Started(
            Outcome.REFUSED,
            reason="gateway_refused",
            request=again.request,
            response={"request_status": "400", "message": "unique_id déjà utilisé"},
        )


def test_report_of_the_simulated_gateway(gateway):
    asked = order(reference=REFERENCE)
    token = MyPayGa().start(asked).provider_id

    def report():
        return MyPayGa().ask(reference=REFERENCE, provider_id=token)

    assert (report().outcome, report().reference) == (Outcome.PENDING, REFERENCE)
    gateway.decide(REFERENCE, "wrong_pin")
    assert (report().outcome, report().reason) == (Outcome.REFUSED, "wrong_pin")
    gateway.decide(REFERENCE, "paid")
    assert report() == Report(
        Outcome.PAID, reference=REFERENCE, amount=5_000, currency="XAF", response=report().response
    )


PAID = {"reference": REFERENCE, "amount": 5_000, "token": "tok", "network": "AM", "phone": "077123456"}


def test_callback_is_read_as_a_claim():
    body = json.dumps(callback(PAID)).encode()

    assert MyPayGa().read_callback(body, "application/json") == Claim(REFERENCE, 5_000, "XAF", "tok")


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", FORM.upper()])
def test_callback_is_read_from_a_form(content_type):
    fields = {"unique_id": REFERENCE, "order_status": "0", "amount": "5000", "currency": "XAF", "payment_token": "tok"}
    body = "&".join(f"{name}={value}" for name, value in {**fields, "hash": sign(fields)}.items()).encode()

    assert MyPayGa().read_callback(body, content_type) == Claim(REFERENCE, 5_000, "XAF", "tok")


def test_form_with_too_many_fields_is_unreadable():
    with pytest.raises(CallbackRefused, match="unreadable"):
        MyPayGa().read_callback(b"&".join(b"a=1" for _ in range(51)), FORM)

"""SingPay behind the interface: every shape in which it may answer, as the outcome it stands for."""

import itertools
import json
import logging

import pytest

from payments.enums import Network
from payments.providers.base import CallbackRefused, Claim, Order, Outcome, Report, Started
from payments.providers.singpay import client
from payments.providers.singpay.provider import SingPay
from payments.tests.answering import answering_server

REFERENCE = "0123456789abcdef0123456789abcdef"
WALLET = "000000000000000000000000"
_numbers = itertools.count(1)


def order(**changes):
    values = {
        "reference": f"{next(_numbers):032x}",
        "amount": 5_000,
        "currency": "XAF",
        "phone": "+24177123456",
        "network": Network.AIRTEL,
        "label": "Réservation à la Pharmacie",
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
    """`answering(status, body)`: a SingPay that answers every call exactly so."""
    with answering_server() as told:
        settings.SINGPAY_URL = f"{told.url}/v1"
        yield told


def transaction(**changes):
    return {
        "id": "T1",
        "_id": "T1",
        "status": "Partenaire",
        "result": None,
        "reference": REFERENCE,
        "amount": "5000",
        "client_msisdn": "077123456",
        "portefeuille": {"_id": WALLET},
        **changes,
    }


def envelope(success=True, code="200", **changes):
    return {"transaction": transaction(**changes), "status": {"code": code, "success": success}}


PAID = {"status": "Terminate", "result": "Success"}


# Starting


@pytest.mark.parametrize(
    "network, phone, path, msisdn",
    [
        (Network.AIRTEL, "+24177123456", "74/paiement", "077123456"),
        (Network.MOOV, "+24162123456", "62/paiement", "062123456"),
        # A customer who took the number along knows the network better than its prefix.
        (Network.MOOV, "+24177123456", "62/paiement", "077123456"),
    ],
)
def test_prompt_is_pushed_to_the_phone(network, phone, path, msisdn, singpay_gateway):
    started = SingPay().start(order(reference=REFERENCE, network=network, phone=phone))

    [sent] = singpay_gateway.calls(path)
    assert sent["body"] == {
        "portefeuille": WALLET,
        "amount": 5_000,
        "reference": REFERENCE,
        "client_msisdn": msisdn,
    }
    assert started == Started(
        Outcome.PENDING,
        provider_id=singpay_gateway.payment(REFERENCE)["token"],
        request={"amount": 5_000, "reference": REFERENCE, "network": network},
        response=started.response,
    )
    kept = json.dumps(started.response)
    assert msisdn not in kept
    assert "demo-client-secret" not in kept


@pytest.mark.parametrize("changes", [{"network": None}, {"phone": "", "network": None}])
def test_page_is_given_where_no_phone_can_be_asked(changes, singpay_gateway):
    started = SingPay().start(order(reference=REFERENCE, **changes))

    [sent] = singpay_gateway.calls("ext")
    assert sent["body"] == {
        "portefeuille": WALLET,
        "reference": REFERENCE,
        "amount": 5_000,
        "redirect_success": "http://127.0.0.1:1",
        "redirect_error": "http://127.0.0.1:1",
    }
    assert (started.outcome, started.provider_id) == (Outcome.PENDING, "")
    assert started.checkout_url.endswith(f"/singpay/page/{singpay_gateway.payment(REFERENCE)['token']}")


def test_page_for_everybody_by_setting(singpay_gateway, settings):
    settings.SINGPAY_PUSH = False

    assert SingPay().start(order()).checkout_url
    assert SingPay().patience("+24177123456", Network.AIRTEL) == settings.SINGPAY_PAGE_DEADLINE_SECONDS
    settings.SINGPAY_PUSH = True
    assert SingPay().patience("+24177123456", Network.AIRTEL) == settings.PROVIDER_DEADLINE_SECONDS
    assert SingPay().patience("", None) == settings.SINGPAY_PAGE_DEADLINE_SECONDS


def test_page_may_take_longer_than_any_other_call(singpay_gateway, settings):
    settings.PROVIDER_DEADLINE_SECONDS = settings.PROVIDER_READ_SECONDS = 0.2
    settings.SINGPAY_PAGE_DEADLINE_SECONDS = 10
    client._client.cache_clear()
    singpay_gateway.fault("latency", path="/", seconds=0.5)

    assert SingPay().start(order()).outcome == Outcome.UNKNOWN
    assert SingPay().start(order(network=None)).outcome == Outcome.PENDING


def test_other_currency_is_not_asked_for(answering):
    started = SingPay().start(order(currency="EUR"))

    assert (started.outcome, started.reason, answering.calls) == (Outcome.REFUSED, "currency_not_served", [])


@pytest.mark.parametrize(
    "status, body, outcome, reason",
    [
        (200, envelope(status="Start"), Outcome.PENDING, ""),
        (201, envelope(id="T1", _id=None), Outcome.PENDING, ""),
        (200, envelope(id=None, _id="T1"), Outcome.PENDING, ""),
        # Even that is asked for before it is believed.
        (200, envelope(**PAID), Outcome.PENDING, ""),
        (200, envelope(status="Quantum"), Outcome.PENDING, ""),
        (200, envelope(portefeuille=WALLET), Outcome.PENDING, ""),
        (200, envelope(portefeuille=None), Outcome.PENDING, ""),
        (200, envelope(success=False), Outcome.REFUSED, "gateway_refused"),
        (200, {"status": {"success": False, "message": "reference déjà utilisée"}}, Outcome.REFUSED, "gateway_refused"),
        (200, envelope(status="Terminate", result="BalanceError"), Outcome.REFUSED, "no_balance"),
        (400, {"message": "Bad Request"}, Outcome.REFUSED, "gateway_refused"),
        (401, {"message": "Portefeuille inactif"}, Outcome.REFUSED, "gateway_keys"),
        (403, {"message": "Forbidden"}, Outcome.REFUSED, "gateway_keys"),
        (404, {"message": "Cannot POST"}, Outcome.REFUSED, "gateway_refused"),
        (429, {"message": "Too Many Requests"}, Outcome.NOT_REACHED, "gateway_not_reached"),
        # Neither yes nor no, or about somebody else.
        (409, {"message": "Conflict"}, Outcome.UNKNOWN, "gateway_unreadable"),
        (302, envelope(), Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {"transaction": None}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, {"transaction": []}, Outcome.UNKNOWN, "gateway_unreadable"),
        (200, envelope(reference="f" * 32), Outcome.UNKNOWN, "gateway_unreadable"),
        (200, envelope(portefeuille={"_id": "f" * 24}), Outcome.UNKNOWN, "gateway_unreadable"),
        (200, [envelope()], Outcome.UNKNOWN, "gateway_timeout"),
        (200, "paid", Outcome.UNKNOWN, "gateway_timeout"),
        (500, envelope(), Outcome.UNKNOWN, "gateway_timeout"),
        (200, b"<html>", Outcome.UNKNOWN, "gateway_timeout"),
    ],
)
def test_push_reads_every_answer(status, body, outcome, reason, answering):
    answering(status, body)

    started = SingPay().start(order(reference=REFERENCE))

    assert (started.outcome, started.reason) == (outcome, reason)
    assert started.provider_id == ("T1" if reason in ("", "no_balance") else "")
    assert len(answering.calls) == 1, "a start is never repeated"


@pytest.mark.parametrize(
    "status, body, outcome, reason",
    [
        (200, {"link": "https://pay.example.org/1", "exp": "2030"}, Outcome.PENDING, ""),
        (200, {"status": {"success": False}}, Outcome.REFUSED, "gateway_refused"),
        (403, {}, Outcome.REFUSED, "gateway_keys"),
        # Nobody can pay on a page whose address nobody has.
        (200, {}, Outcome.NOT_REACHED, "page_not_received"),
        (200, {"link": "javascript:alert(1)"}, Outcome.NOT_REACHED, "page_not_received"),
        (200, {"link": "http://pay.example.org/1"}, Outcome.NOT_REACHED, "page_not_received"),
        (200, {"link": "https://" + "x" * 500}, Outcome.NOT_REACHED, "page_not_received"),
        (302, {"link": "https://pay.example.org/1"}, Outcome.NOT_REACHED, "page_not_received"),
        (500, {}, Outcome.NOT_REACHED, "page_not_received"),
        (200, b"<html>", Outcome.NOT_REACHED, "page_not_received"),
    ],
)
def test_page_reads_every_answer(status, body, outcome, reason, answering):
    answering(status, body)

    started = SingPay().start(order(network=None))

    assert (started.outcome, started.reason) == (outcome, reason)
    assert started.checkout_url == ("https://pay.example.org/1" if outcome == Outcome.PENDING else "")


@pytest.mark.parametrize("setting", ["SINGPAY_CLIENT_ID", "SINGPAY_CLIENT_SECRET"])
def test_wrong_keys_are_an_error_in_the_log_for_operators(setting, singpay_gateway, settings, caplog):
    setattr(settings, setting, "wrong")
    with caplog.at_level(logging.ERROR):
        started = SingPay().start(order())

    assert (started.outcome, started.reason) == (Outcome.REFUSED, "gateway_keys")
    assert [record.message for record in caplog.records] == ["SingPay refuses our keys or our wallet"]
    assert singpay_gateway.payments() == []


def test_refusals_of_the_simulated_gateway_are_refusals(singpay_gateway):
    once = order()
    assert SingPay().start(once).outcome == Outcome.PENDING
    again = SingPay().start(once)
    assert (again.outcome, again.reason) == (Outcome.REFUSED, "gateway_refused")
    assert again.response["status_message"] == "reference déjà utilisée"
    singpay_gateway.set(wallet_active=False)
    assert SingPay().start(order()).reason == "gateway_keys"
    assert len(singpay_gateway.payments()) == 1


# Asking

REPORTS = {
    "start": (transaction(status="Start"), Outcome.PENDING, ""),
    "partenaire": (transaction(), Outcome.PENDING, ""),
    "disbursement": (transaction(status="Disbursement", result="Success"), Outcome.PENDING, ""),
    "paid": (transaction(**PAID), Outcome.PAID, ""),
    "paid as a number": (transaction(**PAID, amount=5_000), Outcome.PAID, ""),
    "no result": (transaction(status="Terminate"), Outcome.REFUSED, "declined"),
    "error": (transaction(status="Terminate", result="Error"), Outcome.REFUSED, "declined"),
    "pin": (transaction(status="Terminate", result="PasswordError"), Outcome.REFUSED, "wrong_pin"),
    "balance": (transaction(status="Terminate", result="BalanceError"), Outcome.REFUSED, "no_balance"),
    "time-out": (transaction(status="Terminate", result="TimeOutError"), Outcome.REFUSED, "customer_timeout"),
    "given back": (transaction(status="Refund", result="Success"), Outcome.REFUSED, "refunded_by_gateway"),
    "success too early": (transaction(result="Success"), Outcome.PENDING, ""),
    "unheard of": (transaction(status="Quantum"), Outcome.UNKNOWN, "gateway_unreadable"),
    "nothing": (transaction(status=None), Outcome.UNKNOWN, "gateway_unreadable"),
}
SHAPES = {
    "bare": lambda found: found,
    "wrapped": lambda found: {"transaction": found},
    "envelope": lambda found: {"transaction": found, "status": {"success": True, "code": "200"}},
    "failed envelope": lambda found: {"transaction": found, "status": {"success": False, "code": "400"}},
    "list": lambda found: [found],
    "list of wrapped": lambda found: [{"transaction": found}],
    "list with a stranger": lambda found: [transaction(**PAID, reference="f" * 32), found, "rubbish", None],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", REPORTS)
def test_look_up_by_reference_is_read_in_every_shape(name, shape, answering):
    found, outcome, reason = REPORTS[name]
    answering(200, SHAPES[shape](found))

    report = SingPay().ask(reference=REFERENCE, provider_id="")

    assert (report.outcome, report.reason, report.reference) == (outcome, reason, REFERENCE)
    assert (report.amount, report.currency, report.provider_id, report.objection) == (5_000, "XAF", "T1", "")
    assert {path for _method, path in answering.calls} == {f"/v1/transaction/api/search/by-reference/{REFERENCE}"}


def test_paid_counts_whatever_else_stands_under_the_reference(answering):
    answering(200, [transaction(status="Terminate", result="Error"), transaction(**PAID), transaction()])

    assert SingPay().ask(reference=REFERENCE, provider_id="").outcome == Outcome.PAID


def test_payment_on_another_wallet_is_objected_to(answering):
    answering(200, transaction(**PAID, portefeuille={"_id": "f" * 24}))

    report = SingPay().ask(reference=REFERENCE, provider_id="")

    assert (report.outcome, report.objection) == (Outcome.PAID, "wallet_mismatch")


AMOUNTS = [("5000", 5_000), (5_000, 5_000), (5_000.0, None), ("5e3", None), (None, None)]


@pytest.mark.parametrize("amount, read", AMOUNTS)
def test_amount_is_whole_francs_or_nothing(amount, read, answering):
    answering(200, transaction(**PAID, amount=amount))

    assert SingPay().ask(reference=REFERENCE, provider_id="").amount == read


UNKNOWN_THERE = {"status": {"success": False, "code": "404", "message": "Transaction inconnue"}}


@pytest.mark.parametrize(
    "status, body, outcome",
    [
        (200, [], Outcome.NOT_FOUND),
        (404, UNKNOWN_THERE, Outcome.NOT_FOUND),
        (200, UNKNOWN_THERE, Outcome.NOT_FOUND),
        # Perhaps a wrong address of ours; and a stranger is nobody.
        (404, {"message": "Cannot GET"}, Outcome.UNKNOWN),
        (200, {"status": {"success": False, "code": "500"}}, Outcome.UNKNOWN),
        (200, transaction(**PAID, reference="f" * 32), Outcome.UNKNOWN),
        (401, {"message": "Unauthorized"}, Outcome.UNKNOWN),
        (302, transaction(**PAID), Outcome.UNKNOWN),
        (500, transaction(**PAID), Outcome.UNKNOWN),
        (200, {}, Outcome.UNKNOWN),
        (200, "paid", Outcome.UNKNOWN),
    ],
)
def test_silence_and_ignorance_are_two_things(status, body, outcome, answering):
    answering(status, body)

    assert SingPay().ask(reference=REFERENCE, provider_id="").outcome == outcome


@pytest.mark.parametrize("status, body", [(500, {}), (404, UNKNOWN_THERE), (200, []), (200, {})])
def test_look_up_by_id_helps_where_the_one_by_reference_does_not(status, body, answering):
    answering(status, body)
    answering(200, envelope(**PAID), path="/transaction/api/status/")

    assert SingPay().ask(reference=REFERENCE, provider_id="T/1").outcome == Outcome.PAID
    assert answering.calls[-1] == ("GET", "/v1/transaction/api/status/T%2F1")


@pytest.mark.parametrize("status, body", [(404, UNKNOWN_THERE), (500, {}), (200, envelope(**PAID, reference="f" * 32))])
def test_gateway_that_has_forgotten_its_own_id_says_nothing_about_the_money(status, body, answering):
    answering(404, UNKNOWN_THERE)
    answering(status, body, path="/transaction/api/status/")

    assert SingPay().ask(reference=REFERENCE, provider_id="T1").outcome == Outcome.UNKNOWN


def test_both_look_ups_share_one_deadline(singpay_gateway, settings):
    settings.PROVIDER_DEADLINE_SECONDS = 0.3
    client._client.cache_clear()
    singpay_gateway.fault("timeout", path="/transaction/api/search", seconds=20)
    token = SingPay().start(order(reference=REFERENCE)).provider_id
    singpay_gateway.decide(REFERENCE)

    assert SingPay().ask(reference=REFERENCE, provider_id=token).outcome == Outcome.PAID
    singpay_gateway.fault("timeout", path="/transaction/api/status", seconds=20)
    assert SingPay().ask(reference=REFERENCE, provider_id=token).outcome == Outcome.UNKNOWN


@pytest.mark.parametrize("shape", ["bare", "wrapped", "list"])
def test_report_of_the_simulated_gateway(shape, singpay_gateway):
    singpay_gateway.set(search_shape=shape)
    assert SingPay().ask(reference=REFERENCE, provider_id="").outcome == Outcome.NOT_FOUND
    token = SingPay().start(order(reference=REFERENCE)).provider_id

    assert SingPay().ask(reference=REFERENCE, provider_id="").outcome == Outcome.PENDING
    singpay_gateway.decide(REFERENCE, "wrong_pin")
    assert SingPay().ask(reference=REFERENCE, provider_id="").reason == "wrong_pin"
    singpay_gateway.decide(REFERENCE, "paid")
    report = SingPay().ask(reference=REFERENCE, provider_id=token)
    assert report == Report(
        Outcome.PAID, reference=REFERENCE, amount=5_000, currency="XAF", provider_id=token, response=report.response
    )


# Callbacks


def read(body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SingPay().read_callback(raw, "application/json")


def test_callback_names_whom_to_ask_about_and_nothing_else():
    assert read(envelope(**PAID)) == Claim(REFERENCE, 5_000, "XAF", provider_id="")


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"", "unreadable"),
        (b"{", "unreadable"),
        (b"[]", "unreadable"),
        (b'{"transaction": null}', "unreadable"),
        (b'{"transaction": [], "transaction": {}}', "unreadable"),
        (b"transaction=1", "unreadable"),
        (b'{"transaction": {}}', "unknown_reference"),
        (envelope(reference="short"), "unknown_reference"),
        (envelope(reference=None), "unknown_reference"),
        (envelope(portefeuille={"_id": "f" * 24}), "wallet_mismatch"),
    ],
)
def test_callback_that_names_nobody_is_refused(body, reason):
    with pytest.raises(CallbackRefused, match=reason):
        read(body)

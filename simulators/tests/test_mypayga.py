import hashlib
import hmac
import threading

import pytest
import requests

from simulators.tests.helpers import eventually, mypayga_start

SECRET = b"demo-callback-secret"


@pytest.fixture
def base(server):
    return server.base_url("mypayga")


@pytest.fixture
def control(server):
    return f"{server.url}/control/mypayga"


def documented_hash(data, secret=SECRET) -> str:
    text = (
        str(data["order_status"])
        + data["unique_id"]
        + data["amount"]
        + data["payment_token"]
        + data["payment_method"]
        + data["message"]
        + data.get("client_phone", "")
    )
    return hmac.new(secret, text.encode(), hashlib.sha512).hexdigest()


def truth(http, control):
    payments = http.get(f"{control}/payments").json()["payments"]
    return [(payment["reference"], payment["outcome"], payment["times_charged"]) for payment in payments]


def test_payment_is_accepted_charged_once_and_called_back_with_the_right_hash(http, base, control, listener):
    accepted = http.post(f"{base}/payment", json=mypayga_start("r1", listener.url))

    answer = accepted.json()
    assert accepted.status_code == 200
    assert answer["request_status"] == "200"
    assert answer["transaction"]["unique_id"] == "r1"
    assert answer["checkout_url"].endswith(f"/mypayga/checkout/{answer['payment_token']}")
    (callback,) = listener.wait_for(1)
    assert callback == {
        "unique_id": "r1",
        "order_status": "200",
        "status_request": "200",
        "amount": "5000",
        "currency": "XAF",
        "payment_token": answer["payment_token"],
        "payment_method": "AM",
        "message": "Paiement effectué avec succès",
        "client_phone": "077123456",
        "hash": documented_hash(callback),
    }
    (payment,) = http.get(f"{control}/payments").json()["payments"]
    assert payment["token"] == answer["payment_token"]
    assert (payment["amount"], payment["currency"], payment["phone"]) == (5000, "XAF", "077123456")
    assert (payment["outcome"], payment["times_charged"]) == ("paid", 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"apikey": "stest_other"},
        {"apikey": "demo"},
        {"apikey": None},
        {"amount": 5000},
        {"amount": "5000.0"},
        {"amount": "0"},
        {"amount": "-5"},
        {"amount": "05"},
        {"amount": "٥٠"},
        {"amount": ""},
        {"client_phone": "77123456"},
        {"client_phone": "+24177123456"},
        {"client_phone": "0771234567"},
        {"client_phone": 77123456},
        {"country": "CM"},
        {"currency": "EUR"},
        {"network": "OM"},
        {"network": ["AM"]},
        {"type": "card"},
        {"unique_id": ""},
        {"unique_id": 12},
        {"urls": None},
        {"urls": {"success_url": "http://x/", "callback_url": "http://x/"}},
        {"urls": {"success_url": "http://x/", "callback_url": "ftp://x/", "fail_url": "http://x/"}},
    ],
)
def test_start_that_the_real_service_would_refuse_is_refused_without_effect(http, base, control, listener, changes):
    answer = http.post(f"{base}/payment", json=mypayga_start("r1", listener.url) | changes)

    assert answer.status_code == 200
    assert answer.json()["request_status"] == 400
    assert answer.json()["message"]
    assert truth(http, control) == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"{", "application/json"), (b"[]", "application/json"), (b"a=b", "application/x-www-form-urlencoded"),
     (b"[" * 100_000, "application/json")],
    ids=["broken", "list", "form", "deep"],
)  # fmt: skip
def test_start_that_is_no_json_object_is_refused(http, base, body, content_type):
    answer = http.post(f"{base}/payment", data=body, headers={"Content-Type": content_type})

    assert answer.json() == {"request_status": 400, "message": "un objet JSON est attendu"}


def test_unique_id_is_good_once(http, base, control, listener):
    http.post(f"{base}/payment", json=mypayga_start("r1", listener.url))
    second = http.post(f"{base}/payment", json=mypayga_start("r1", listener.url, amount="6000"))

    assert second.json() == {"request_status": 400, "message": "unique_id déjà utilisé"}
    listener.wait_for(1)
    assert truth(http, control) == [("r1", "paid", 1)]


def test_unique_id_is_good_once_when_asked_twenty_times_at_once(server, base, listener):
    gate = threading.Barrier(20)
    statuses = []

    def start() -> None:
        gate.wait()
        answer = requests.post(f"{base}/payment", json=mypayga_start("r1", listener.url), timeout=10)
        statuses.append(str(answer.json()["request_status"]))

    threads = [threading.Thread(target=start) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == ["200"] + ["400"] * 19
    assert len(server.services["mypayga"].payments) == 1


@pytest.mark.parametrize(
    ("behaviour", "status", "message", "outcome", "charged"),
    [
        ({"behaviour": "pays"}, "200", "Paiement effectué avec succès", "paid", 1),
        ({"behaviour": "pays_after", "seconds": 0.01}, "200", "Paiement effectué avec succès", "paid", 1),
        ({"behaviour": "refuses"}, "400", "Paiement refusé par le client", "refused", 0),
        ({"behaviour": "wrong_pin"}, "400", "Code PIN incorrect", "wrong_pin", 0),
        ({"behaviour": "no_balance"}, "400", "Solde insuffisant", "no_balance", 0),
        ({"behaviour": "silent", "seconds": 0.01}, "400", "Délai dépassé", "timeout", 0),
    ],
)
def test_phone_decides_the_outcome(http, base, control, listener, behaviour, status, message, outcome, charged):
    assert http.post(f"{control}/phones/077123456", json=behaviour).status_code == 200

    http.post(f"{base}/payment", json=mypayga_start("r1", listener.url))

    (callback,) = listener.wait_for(1)
    assert (callback["order_status"], callback["message"]) == (status, message)
    assert callback["hash"] == documented_hash(callback)
    assert truth(http, control) == [("r1", outcome, charged)]


def test_silent_phone_stays_pending_and_sends_nothing(http, base, control, listener):
    http.post(f"{control}/phones/077000000", json={"behaviour": "silent"})
    silent = http.post(f"{base}/payment", json=mypayga_start("r1", listener.url, client_phone="077000000")).json()
    http.post(f"{base}/payment", json=mypayga_start("r2", listener.url))

    assert [callback["unique_id"] for callback in listener.wait_for(1)] == ["r2"]
    verified = http.get(
        f"{base}/verify", params={"apikey": "stest_demo", "payment_token": silent["payment_token"]}
    ).json()
    assert (verified["order_status"], verified["unique_id"], verified["amount"]) == ("202", "r1", "5000")
    assert "hash" not in verified
    assert truth(http, control) == [("r1", "pending", 0), ("r2", "paid", 1)]


def test_verify_answers_the_callback_without_its_hash(http, base, listener):
    token = http.post(f"{base}/payment", json=mypayga_start("r1", listener.url)).json()["payment_token"]
    (callback,) = listener.wait_for(1)

    verified = http.get(f"{base}/verify", params={"apikey": "stest_demo", "payment_token": token}).json()

    del callback["hash"]
    assert verified == callback


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"apikey": "stest_demo", "payment_token": "nothing"}, "payment_token inconnu"),
        ({"apikey": "stest_demo"}, "payment_token inconnu"),
        ({"apikey": "stest_other", "payment_token": "nothing"}, "apikey invalide"),
        ({}, "apikey invalide"),
    ],
)
def test_verify_refuses_what_it_does_not_know(http, base, query, message):
    assert http.get(f"{base}/verify", params=query).json() == {"request_status": 400, "message": message}


@pytest.mark.parametrize(
    ("phone", "network", "service", "code"),
    [
        ("074123456", "Airtel", "Airtel Money", "AM"),
        ("+241 77 12 34 56", "Airtel", "Airtel Money", "AM"),
        ("66123456", "Moov", "Moov Money", "MM"),
        ("060123456", "Moov", "Moov Money", "MM"),
    ],
)
def test_network_is_found_by_prefix(http, base, phone, network, service, code):
    query = {"apikey": "stest_demo", "tel_number": phone, "country": "GA", "type": "mobile_money"}

    assert http.get(f"{base}/network", params=query).json() == {
        "statusRequest": "200",
        "network": network,
        "mobile_money_svce": service,
        "mobile_money_code": code,
    }


@pytest.mark.parametrize(
    "changes", [{"tel_number": "011720000"}, {"tel_number": "x"}, {"country": "CM"}, {"type": "card"}, {"apikey": "x"}]
)
def test_network_look_up_refuses_the_rest(http, base, changes):
    query = {"apikey": "stest_demo", "tel_number": "077123456", "country": "GA", "type": "mobile_money"}

    assert http.get(f"{base}/network", params=query | changes).json()["request_status"] == 400


def test_options_give_every_form_seen_of_a_callback(http, base, control, listener):
    http.post(f"{control}/options", json={"callback_as": "form", "paid_status": 0, "hash_case": "upper"})
    http.post(f"{base}/payment", json=mypayga_start("r1", listener.url))
    listener.wait_for(1)
    http.post(f"{control}/options", json={"callback_as": "query", "client_phone_in_callback": False})
    http.post(f"{base}/payment", json=mypayga_start("r2", listener.url))
    listener.wait_for(2)
    http.post(f"{control}/options", json={"callback_as": "json", "hash_case": "lower"})
    http.post(f"{base}/payment", json=mypayga_start("r3", listener.url))

    form, query, number = listener.wait_for(3)
    assert [(message.method, message.path.partition("?")[0]) for message in listener.received] == [
        ("POST", "/callbacks"),
        ("GET", "/callbacks"),
        ("POST", "/callbacks"),
    ]
    assert form["order_status"] == "0"
    assert form["hash"] == documented_hash(form).upper()
    assert "client_phone" not in query
    assert query["hash"] == documented_hash(query).upper()
    assert number["order_status"] == 0
    assert number["hash"] == documented_hash(number)


def test_options_give_refusals_with_http_400_and_numbers(http, base, control, listener):
    changed = http.post(f"{control}/options", json={"refusal_http_status": 400, "request_status_as": "number"})

    assert changed.json()["options"]["refusal_http_status"] == 400
    refused = http.post(f"{base}/payment", json=mypayga_start("r1", listener.url, amount="x"))
    assert (refused.status_code, refused.json()["request_status"]) == (400, 400)
    accepted = http.post(f"{base}/payment", json=mypayga_start("r1", listener.url))
    assert accepted.json()["request_status"] == 200


def test_checkout_page_lets_the_payer_decide_once(http, base, control, listener):
    http.post(f"{control}/phones/077123456", json={"behaviour": "silent"})
    page = http.post(f"{base}/payment", json=mypayga_start("<r1>", listener.url)).json()["checkout_url"]

    shown = http.get(page)
    assert (shown.status_code, "&lt;r1&gt;" in shown.text, "5000 XAF" in shown.text) == (200, True, True)
    paid = http.post(page, data={"decision": "pays"}, allow_redirects=False)
    assert (paid.status_code, paid.headers["Location"]) == (303, "http://127.0.0.1:1/success")
    again = http.post(page, data={"decision": "refuses"}, allow_redirects=False)
    assert again.status_code == 409
    assert listener.wait_for(1)[0]["order_status"] == "200"
    assert truth(http, control) == [("<r1>", "paid", 1)]


def test_checkout_page_of_an_unknown_payment_is_404(http, server):
    assert http.get(f"{server.url}/mypayga/checkout/nothing").status_code == 404


def test_late_money_after_a_failure_is_called_back_and_a_paid_one_stays_paid(http, base, control, listener):
    http.post(f"{control}/phones/077123456", json={"behaviour": "refuses"})
    http.post(f"{base}/payment", json=mypayga_start("r1", listener.url))
    listener.wait_for(1)

    late = http.post(f"{control}/payments/r1", json={"outcome": "paid"})

    assert (late.status_code, late.json()["outcome"]) == (200, "paid")
    assert [callback["order_status"] for callback in listener.wait_for(2)] == ["400", "200"]
    assert http.post(f"{control}/payments/r1", json={"outcome": "refused"}).status_code == 409
    assert truth(http, control) == [("r1", "paid", 1)]


def test_unreachable_callback_url_leaves_the_payment_paid_and_is_journaled(http, base, control):
    http.post(f"{base}/payment", json=mypayga_start("r1", "http://127.0.0.1:1/nobody"))

    (sent,) = eventually(lambda: http.get(f"{control}/journal").json()["callbacks"])
    assert (sent["status"], sent["outcome"]) == (None, "callback: not delivered (ConnectionRefusedError)")
    assert truth(http, control) == [("r1", "paid", 1)]

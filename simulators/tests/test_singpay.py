import pytest

from simulators.tests.helpers import SINGPAY_HEADERS, eventually, singpay_start

WALLET = SINGPAY_HEADERS["x-wallet"]


@pytest.fixture
def http(http):
    http.headers.update(SINGPAY_HEADERS)
    return http


@pytest.fixture
def base(server):
    return server.base_url("singpay")


@pytest.fixture
def control(server):
    return f"{server.url}/control/singpay"


def truth(http, control):
    payments = http.get(f"{control}/payments").json()["payments"]
    return [(payment["reference"], payment["outcome"], payment["times_charged"]) for payment in payments]


def set_callback(http, base, url):
    answer = http.put(f"{base}/portefeuille/api/{WALLET}", json={"callbackURL": url})
    assert answer.json() == {"_id": WALLET, "id": WALLET, "callbackURL": url}


def test_push_is_accepted_and_called_back_without_a_signature(http, base, control, listener):
    set_callback(http, base, listener.url)

    answer = http.post(f"{base}/74/paiement", json=singpay_start("r1")).json()

    transaction = answer["transaction"]
    assert (transaction["status"], transaction["result"]) == ("Start", None)
    assert (transaction["reference"], transaction["amount"]) == ("r1", "1000")
    assert transaction["client_msisdn"] == "077123456"
    assert transaction["portefeuille"]["_id"] == WALLET
    assert answer["status"] == {"code": "200", "message": "Transaction initiée", "success": True, "result_code": None}
    (callback,) = listener.wait_for(1)
    assert set(callback) == {"transaction", "status"}
    assert (callback["transaction"]["status"], callback["transaction"]["result"]) == ("Terminate", "Success")
    assert callback["transaction"]["id"] == callback["transaction"]["_id"] == transaction["id"]
    assert callback["status"]["success"] is True
    assert truth(http, control) == [("r1", "paid", 1)]


@pytest.mark.parametrize(
    ("behaviour", "result", "outcome"),
    [
        ({"behaviour": "refuses"}, "Error", "refused"),
        ({"behaviour": "wrong_pin"}, "PasswordError", "wrong_pin"),
        ({"behaviour": "no_balance"}, "BalanceError", "no_balance"),
        ({"behaviour": "silent", "seconds": 0}, "TimeOutError", "timeout"),
    ],
)
def test_phone_decides_the_result(http, base, control, listener, behaviour, result, outcome):
    set_callback(http, base, listener.url)
    http.post(f"{control}/phones/062123456", json=behaviour)

    http.post(f"{base}/62/paiement", json=singpay_start("r1", client_msisdn="062123456"))

    (callback,) = listener.wait_for(1)
    assert (callback["transaction"]["status"], callback["transaction"]["result"]) == ("Terminate", result)
    assert truth(http, control) == [("r1", outcome, 0)]


@pytest.mark.parametrize("msisdn", ["077123456", "77123456", "24177123456", "+24177123456", "241077123456"])
def test_phone_is_normalised_from_every_form(http, base, server, msisdn):
    http.post(f"{base}/74/paiement", json=singpay_start("r1", client_msisdn=msisdn))

    assert server.services["singpay"].payments["r1"].phone == "077123456"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-client-id": None}, 401),
        ({"x-client-secret": None}, 401),
        ({"x-wallet": None}, 401),
        ({"x-client-id": "other"}, 403),
        ({"x-client-secret": "other"}, 403),
        ({"x-wallet": "f" * 24}, 401),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/ext"),
        ("POST", "/74/paiement"),
        ("POST", "/62/paiement"),
        ("GET", "/transaction/api/status/x"),
        ("GET", "/transaction/api/search/by-reference/x"),
        ("PUT", f"/portefeuille/api/{WALLET}"),
    ],
)
def test_call_with_bad_keys_is_refused_without_effect(http, base, control, method, path, headers, status):
    body = singpay_start("r1", redirect_success="http://x/", redirect_error="http://x/", callbackURL="http://x/")

    assert http.request(method, base + path, json=body, headers=headers).status_code == status
    assert truth(http, control) == []


def test_inactive_wallet_is_refused(http, base, control):
    http.post(f"{control}/options", json={"wallet_active": False})

    assert http.post(f"{base}/74/paiement", json=singpay_start("r1")).status_code == 401
    assert truth(http, control) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 10.5},
        {"amount": "10.5"},
        {"amount": True},
        {"amount": None},
        {"reference": ""},
        {"reference": None},
        {"client_msisdn": "12"},
        {"client_msisdn": None},
        {"client_msisdn": 77123456},
        {"portefeuille": "f" * 24},
    ],
)
def test_business_refusal_is_http_200_with_success_false(http, base, control, changes):
    answer = http.post(f"{base}/74/paiement", json=singpay_start("r1") | changes)

    assert answer.status_code == 200
    assert answer.json()["status"]["success"] is False
    assert answer.json()["transaction"] is None
    assert truth(http, control) == []


@pytest.mark.parametrize("path", ["74/paiement", "62/paiement", "ext"])
def test_call_that_is_no_json_is_refused(http, base, control, path):
    answer = http.post(f"{base}/{path}", data=singpay_start("r1"))

    assert answer.json()["status"]["success"] is False
    assert truth(http, control) == []


def test_reference_is_good_once_over_all_ways_to_pay(http, base, control):
    urls = {"redirect_success": "http://x/ok", "redirect_error": "http://x/ko"}
    http.post(f"{base}/74/paiement", json=singpay_start("r1"))

    refused = [
        http.post(base + path, json=singpay_start("r1", **urls)).json()["status"]
        for path in ("/74/paiement", "/62/paiement", "/ext")
    ]

    assert [(status["success"], status["message"]) for status in refused] == [(False, "reference déjà utilisée")] * 3
    eventually(lambda: truth(http, control) == [("r1", "paid", 1)])


def test_status_by_id_is_an_envelope_without_message_while_pending(http, base, control):
    http.post(f"{control}/phones/077123456", json={"behaviour": "silent"})
    token = http.post(f"{base}/74/paiement", json=singpay_start("r1")).json()["transaction"]["id"]

    pending = http.get(f"{base}/transaction/api/status/{token}").json()
    http.post(f"{control}/payments/r1", json={"outcome": "paid"})
    final = http.get(f"{base}/transaction/api/status/{token}").json()

    assert (pending["transaction"]["status"], pending["transaction"]["result"]) == ("Partenaire", None)
    assert "message" not in pending["status"]
    assert (final["transaction"]["status"], final["transaction"]["result"]) == ("Terminate", "Success")
    assert final["status"]["message"] == "Transaction effectuée avec succès"
    assert http.get(f"{base}/transaction/api/status/nothing").status_code == 404


def test_search_by_reference_answers_in_every_shape_seen(http, base, control):
    http.post(f"{control}/phones/077123456", json={"behaviour": "silent"})
    http.post(f"{base}/74/paiement", json=singpay_start("r1"))
    url = f"{base}/transaction/api/search/by-reference/r1"

    bare = http.get(url).json()

    assert bare["reference"] == "r1"
    assert http.get(url, params={"shape": "wrapped"}).json() == {"transaction": bare}
    assert http.get(url, params={"shape": "list"}).json() == [bare]
    http.post(f"{control}/options", json={"search_shape": "wrapped"})
    assert http.get(url).json() == {"transaction": bare}


def test_search_of_an_unknown_reference_finds_nothing(http, base):
    url = f"{base}/transaction/api/search/by-reference/nothing"

    assert http.get(url).status_code == 404
    assert http.get(url, params={"shape": "list"}).json() == []


@pytest.mark.parametrize(
    ("decision", "location", "outcome", "charged"),
    [("pays", "http://x/ok", "paid", 1), ("refuses", "http://x/ko", "refused", 0)],
)
def test_hosted_page_is_decided_by_the_payer(http, base, control, listener, decision, location, outcome, charged):
    set_callback(http, base, listener.url)
    body = singpay_start("r1", redirect_success="http://x/ok", redirect_error="http://x/ko")
    answer = http.post(f"{base}/ext", json=body).json()

    assert set(answer) == {"link", "exp"}
    found = http.get(f"{base}/transaction/api/search/by-reference/r1").json()
    assert (found["status"], found["result"]) == ("Start", None)
    page = http.get(answer["link"])
    assert "1000 XAF" in page.text
    decided = http.post(answer["link"], data={"decision": decision}, allow_redirects=False)
    assert (decided.status_code, decided.headers["Location"]) == (303, location)
    (callback,) = listener.wait_for(1)
    assert callback["transaction"]["reference"] == "r1"
    assert truth(http, control) == [("r1", outcome, charged)]


def test_hosted_page_needs_both_redirects(http, base, control):
    answer = http.post(f"{base}/ext", json=singpay_start("r1", redirect_success="http://x/ok")).json()

    assert answer["status"]["success"] is False
    assert truth(http, control) == []


def test_wallet_without_callback_url_sends_nothing(http, base, control):
    http.post(f"{base}/74/paiement", json=singpay_start("r1"))
    eventually(lambda: truth(http, control) == [("r1", "paid", 1)])

    assert http.get(f"{control}/journal").json()["callbacks"] == []
    assert http.post(f"{control}/redeliver/r1", json={}).status_code == 409


def test_callback_url_of_another_wallet_or_without_scheme_is_refused(http, base, server):
    assert http.put(f"{base}/portefeuille/api/{'f' * 24}", json={"callbackURL": "http://x/"}).status_code == 404
    refused = http.put(f"{base}/portefeuille/api/{WALLET}", json={"callbackURL": "x"})
    assert refused.json()["status"]["success"] is False
    assert server.services["singpay"].callback_url == ""

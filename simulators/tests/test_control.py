import json
from datetime import datetime, timedelta

import pytest

from simulators.config import SimulatorConfig
from simulators.server import SimulatorServer
from simulators.tests.helpers import eventually, mypayga_start


@pytest.fixture
def control(server):
    return f"{server.url}/control/mypayga"


def test_journal_tells_each_call_with_its_answer_and_hides_the_key(server, http, control, listener):
    http.post(f"{server.base_url('mypayga')}/payment", json=mypayga_start("r1", listener.url))
    http.post(f"{server.base_url('mypayga')}/payment", data=b"\xff", headers={"Content-Type": "application/json"})
    http.get(f"{server.base_url('mypayga')}/verify", params={"apikey": "stest_demo", "payment_token": "x"})

    accepted, broken, verified = http.get(f"{control}/journal").json()["calls"]

    assert datetime.fromisoformat(accepted["at"]).utcoffset() == timedelta(0)
    assert (accepted["method"], accepted["path"], accepted["status"]) == ("POST", "/v1/payment", 200)
    assert accepted["outcome"] == "accepted"
    assert accepted["body"] == mypayga_start("r1", listener.url) | {"apikey": "stest_***"}
    assert (broken["body"], broken["outcome"]) == ("\ufffd", "refused: un objet JSON est attendu")
    assert (verified["path"], verified["body"]) == ("/v1/verify", None)
    assert verified["query"] == {"apikey": "stest_***", "payment_token": "x"}
    assert "stest_demo" not in json.dumps(http.get(f"{control}/journal").json())


def test_journal_lists_the_callbacks_sent(server, http, control, listener):
    http.post(f"{server.base_url('mypayga')}/payment", json=mypayga_start("r1", listener.url))
    (received,) = listener.wait_for(1)

    (sent,) = eventually(lambda: http.get(f"{control}/journal").json()["callbacks"])

    assert (sent["method"], sent["path"], sent["status"]) == ("POST", listener.url, 200)
    assert (sent["body"], sent["outcome"]) == (received, "callback: delivered")


def test_journal_is_bounded(http):
    with SimulatorServer(services=["epg"], config=SimulatorConfig(journal_size=3)) as server:
        for number in range(5):
            http.get(f"{server.base_url('epg')}/{number}")

        calls = http.get(f"{server.url}/control/epg/journal").json()["calls"]

    assert [call["path"] for call in calls] == ["/2", "/3", "/4"]


def test_journal_in_a_browser_is_an_escaped_french_table(server, http, control):
    http.post(f"{server.base_url('mypayga')}/payment", json=mypayga_start("<script>", "http://127.0.0.1:1/"))

    page = http.get(f"{control}/journal", headers={"Accept": "text/html,*/*;q=0.8"})

    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Journal : MyPayGa" in page.text
    assert "POST /v1/payment" in page.text
    assert "&lt;script&gt;" in page.text
    assert "<script>" not in page.text


def test_control_calls_stand_in_no_journal_and_meet_no_fault(http, control):
    http.post(f"{control}/faults", json={"fault": "error_500"})

    assert http.get(f"{control}/faults").json()["faults"] == [
        {"fault": "error_500", "path": "", "count": None, "seconds": 0.0}
    ]
    assert http.get(f"{control}/journal").json() == {"calls": [], "callbacks": []}


def test_options_refuse_the_unknown_and_change_nothing(http, control):
    before = http.get(f"{control}/options").json()["options"]

    for body in ({"nothing": 1}, {"paid_status": "201"}, {"decide_after": -1}, {"refusal_http_status": "400"}):
        assert http.post(f"{control}/options", json=body).status_code == 400
    assert http.post(f"{control}/options", json={"hash_case": "upper", "paid_status": 7}).status_code == 400

    assert http.get(f"{control}/options").json()["options"] == before


@pytest.mark.parametrize("phone", ["77123456", "0771234567", "abc", "+24177123456"])
def test_phone_of_another_form_is_refused(http, control, phone):
    assert http.post(f"{control}/phones/{phone}", json={"behaviour": "pays"}).status_code == 400
    assert http.get(f"{control}/phones").json() == {"phones": {}}


@pytest.mark.parametrize("body", [{"behaviour": "sings"}, {}, {"behaviour": "pays", "seconds": "1"}, {"behaviour": []}])
def test_behaviour_that_cannot_be_read_is_refused(http, control, body):
    assert http.post(f"{control}/phones/077123456", json=body).status_code == 400
    assert http.get(f"{control}/phones").json() == {"phones": {}}


def test_phones_are_listed_and_cleared(http, control):
    http.post(f"{control}/phones/077123456", json={"behaviour": "pays_after", "seconds": 3})

    assert http.get(f"{control}/phones").json() == {
        "phones": {"077123456": {"behaviour": "pays_after", "seconds": 3.0}}
    }
    assert http.delete(f"{control}/phones").json() == {"phones": {}}


def test_payments_are_found_by_reference(server, http, control):
    for reference in ("r1", "r2"):
        http.post(f"{server.base_url('mypayga')}/payment", json=mypayga_start(reference, "http://127.0.0.1:1/"))

    found = http.get(f"{control}/payments", params={"reference": "r2"}).json()["payments"]

    assert [payment["reference"] for payment in found] == ["r2"]
    assert http.get(f"{control}/payments", params={"reference": "r3"}).json() == {"payments": []}


def test_outcome_by_hand_refuses_the_unknown(server, http, control, listener):
    http.post(f"{control}/phones/077123456", json={"behaviour": "silent"})
    http.post(f"{server.base_url('mypayga')}/payment", json=mypayga_start("r1", listener.url))

    assert http.post(f"{control}/payments/r1", json={"outcome": "stolen"}).status_code == 400
    assert http.post(f"{control}/payments/nothing", json={"outcome": "paid"}).status_code == 404
    assert http.get(f"{control}/payments").json()["payments"][0]["outcome"] == "pending"


def test_reset_forgets_everything_and_a_pending_outcome_with_it(server, http, control, listener):
    http.post(f"{control}/phones/077123456", json={"behaviour": "pays_after", "seconds": 0.1})
    http.post(f"{control}/options", json={"hash_case": "upper"})
    http.post(f"{server.base_url('mypayga')}/payment", json=mypayga_start("r1", listener.url))
    http.post(f"{control}/faults", json={"fault": "lost", "path": "/elsewhere"})

    assert http.post(f"{control}/reset").json() == {"reset": "mypayga"}

    assert http.get(f"{control}/journal").json() == {"calls": [], "callbacks": []}
    assert http.get(f"{control}/payments").json() == {"payments": []}
    assert http.get(f"{control}/phones").json() == {"phones": {}}
    assert http.get(f"{control}/faults").json() == {"faults": []}
    assert http.get(f"{control}/options").json()["options"]["hash_case"] == "lower"
    http.post(f"{control}/phones/077000000", json={"behaviour": "pays_after", "seconds": 0.2})
    body = mypayga_start("r1", listener.url, client_phone="077000000", amount="700")
    http.post(f"{server.base_url('mypayga')}/payment", json=body)
    assert [callback["amount"] for callback in listener.wait_for(1)] == ["700"]

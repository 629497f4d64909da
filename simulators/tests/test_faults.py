import json
import threading

import pytest
import requests

from simulators.faults import FaultBoard, FaultKind
from simulators.tests.helpers import (
    EPG_HEADERS,
    SINGPAY_HEADERS,
    epg_data,
    epg_reservation,
    eventually,
    mypayga_start,
    singpay_start,
)

DOES_THE_WORK = ["latency", "garbage", "reset_after_accept", "error_after_effect", "truncated", "huge", "timeout"]
DOES_NOTHING = ["error_500", "html", "rate_limit", "expired_token"]


class Call:
    """One call with an effect on each service, and how often the effect happened."""

    def __init__(self, server, http, service: str):
        self.control = f"{server.url}/control/{service}"
        self._http = http
        self._base = server.base_url(service)
        self._service = service
        if service == "epg":
            server.services["epg"].load(**epg_data())

    def make(self, timeout: float = 5) -> requests.Response:
        match self._service:
            case "mypayga":
                url, body, headers = "/payment", mypayga_start("r1", "http://127.0.0.1:1/"), {}
            case "singpay":
                url, body, headers = "/74/paiement", singpay_start("r1"), SINGPAY_HEADERS
            case _:
                url, body, headers = "/open-api/reservation", epg_reservation(), EPG_HEADERS
        return self._http.post(self._base + url, json=body, headers=headers, timeout=timeout)

    def effects(self) -> int:
        listing = "reservations" if self._service == "epg" else "payments"
        return len(self._http.get(f"{self.control}/{listing}").json()[listing])

    def last_entry(self) -> dict:
        return self._http.get(f"{self.control}/journal").json()["calls"][-1]

    def fault(self, **body) -> None:
        assert self._http.post(f"{self.control}/faults", json=body).status_code == 201


@pytest.fixture(params=["mypayga", "singpay", "epg"])
def call(request, server, http):
    return Call(server, http, request.param)


@pytest.mark.parametrize("fault", DOES_NOTHING)
def test_replacing_fault_answers_and_does_nothing(call, fault):
    call.fault(fault=fault, count=1, seconds=7)

    answer = call.make()

    assert call.effects() == 0
    assert call.last_entry()["outcome"] == f"fault {fault}"
    match fault:
        case "error_500":
            assert answer.status_code == 500
        case "html":
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
            assert answer.text.startswith("<!doctype html>")
        case "rate_limit":
            assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
        case "expired_token":
            assert answer.status_code == 401
    assert call.make().status_code == 200
    assert call.effects() == 1


def test_latency_does_the_work_before_it_waits(server, call):
    call.fault(fault="latency", count=1, seconds=3600)

    def wait() -> None:
        with pytest.raises(requests.ConnectionError):
            call.make(timeout=60)

    waiting = threading.Thread(target=wait)
    waiting.start()

    eventually(lambda: server.services[call._service].journal.calls())
    assert server.services[call._service].faults.active() == []
    server.stop()
    waiting.join(timeout=5)
    assert not waiting.is_alive()


def test_latency_answers_in_the_end(call):
    call.fault(fault="latency", count=1, seconds=0.01)

    answer = call.make()

    assert answer.status_code == 200
    assert call.effects() == 1


def test_garbage_is_200_and_no_json_after_the_work(call):
    call.fault(fault="garbage", count=1)

    answer = call.make()

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(ValueError):
        json.loads(answer.content)
    assert call.effects() == 1


def test_timeout_does_the_work_and_never_answers(call):
    call.fault(fault="timeout", count=1)

    with pytest.raises(requests.ReadTimeout):
        call.make(timeout=0.1)

    assert call.effects() == 1
    assert call.last_entry()["status"] is None


def test_timeout_closes_after_its_seconds(call):
    call.fault(fault="timeout", count=1, seconds=0.01)

    with pytest.raises(requests.ConnectionError):
        call.make()

    assert call.effects() == 1


def test_reset_comes_after_the_work(call):
    call.fault(fault="reset_after_accept", count=1)

    with pytest.raises(requests.ConnectionError, match="Connection reset by peer"):
        call.make()

    assert call.effects() == 1
    assert call.last_entry()["status"] is None


def test_error_after_effect_is_a_500_after_the_work(call):
    call.fault(fault="error_after_effect", count=1)

    assert call.make().status_code == 500
    assert call.effects() == 1
    assert call.last_entry()["status"] == 500


def test_truncated_answer_ends_in_the_middle_after_the_work(call):
    call.fault(fault="truncated", count=1)

    with pytest.raises(requests.RequestException, match="IncompleteRead"):
        call.make()

    assert call.effects() == 1


def test_huge_answer_is_valid_json_over_a_mebibyte_after_the_work(call):
    call.fault(fault="huge", count=1)

    answer = call.make()

    assert len(answer.content) > 4 * 1024 * 1024
    assert set(answer.json()) > {"padding"}
    assert call.effects() == 1


@pytest.mark.parametrize("fault", [kind for kind in FaultKind if kind in ("duplicate", "lost", "wrong_pharmacy")])
def test_fault_of_another_kind_of_call_is_accepted_and_leaves_this_one_alone(call, fault):
    call.fault(fault=fault, path="/elsewhere")

    assert call.make().status_code == 200
    assert call.effects() == 1


def test_every_fault_of_the_control_api_is_known(server, http):
    names = (
        "latency error_500 garbage html timeout reset_after_accept error_after_effect truncated wrong_pharmacy huge "
        "duplicate reorder lost late forged rate_limit expired_token"
    ).split()

    assert list(FaultKind) == names
    for service in server.services:
        for name in names:
            assert http.post(f"{server.url}/control/{service}/faults", json={"fault": name}).status_code == 201


@pytest.mark.parametrize(
    ("given", "hits"),
    [
        ("", True),
        ("/v1/payment", True),
        ("/v1/pay", True),
        ("/payment", True),
        ("payment", True),
        ("/mypayga/v1/payment", True),
        ("/mypayga", True),
        ("/v1/verify", False),
        ("/ment", False),
    ],
)
def test_path_is_a_prefix_within_the_service(given, hits):
    board = FaultBoard("mypayga", threading.RLock())
    board.add(FaultKind.ERROR_500, path=given)

    assert (board.take_one(FaultKind.ERROR_500, "/v1/payment") is not None) is hits


def test_count_is_how_many_calls_are_hit():
    board = FaultBoard("epg", threading.RLock())
    board.add(FaultKind.ERROR_500, count=2)

    hits = [board.take_one(FaultKind.ERROR_500, "/x") is not None for _ in range(3)]

    assert hits == [True, True, False]
    assert board.active() == []


def test_delete_clears_every_fault(call):
    call.fault(fault="error_500")
    assert call.make().status_code == 500

    cleared = call._http.delete(f"{call.control}/faults")

    assert cleared.json() == {"faults": []}
    assert call.make().status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"fault": "nothing"},
        {},
        {"fault": "latency", "count": 0},
        {"fault": "latency", "count": 1.5},
        {"fault": "latency", "count": True},
        {"fault": "latency", "seconds": -1},
        {"fault": "latency", "seconds": "2"},
        {"fault": "latency", "path": 3},
        {"fault": "duplicate", "times": 1},
        {"fault": "latency", "unknown": 1},
        [],
        {"fault": []},
    ],
)
def test_fault_that_cannot_be_read_is_refused_and_not_set(server, http, body):
    url = f"{server.url}/control/epg/faults"

    answer = http.post(url, json=body)

    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
    assert http.get(url).json() == {"faults": []}


def test_truncated_answer_without_a_body_ends_in_its_first_line(server, http):
    control = f"{server.url}/control/ebay"
    token = http.post(f"{control}/grants", json={}).json()["access_token"]
    http.post(f"{control}/faults", json={"fault": "truncated", "count": 1})
    headers = {"Authorization": f"Bearer {token}", "Content-Language": "fr-FR"}

    with pytest.raises(requests.RequestException):
        http.put(f"{server.base_url('ebay')}/sell/inventory/v1/inventory_item/A", json={}, headers=headers, timeout=5)

    assert list(server.services["ebay"].shops["1001"].items) == ["A"]

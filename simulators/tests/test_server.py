import socket
import threading

import pytest

from simulators.config import SimulatorConfig
from simulators.server import SimulatorServer
from simulators.tests.helpers import eventually, mypayga_start


def exchange(server, message: bytes) -> bytes:
    """Everything the server sends for raw bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_index_lists_every_service_with_its_base_url(server, http):
    answer = http.get(f"{server.url}/")

    assert answer.json()["services"] == {
        "mypayga": {"url": f"{server.url}/mypayga/v1", "control": f"{server.url}/control/mypayga"},
        "singpay": {"url": f"{server.url}/singpay/v1", "control": f"{server.url}/control/singpay"},
        "epg": {"url": f"{server.url}/epg", "control": f"{server.url}/control/epg"},
        "ebay": {"url": f"{server.url}/ebay", "control": f"{server.url}/control/ebay"},
        "etsy": {"url": f"{server.url}/etsy/v3/application", "control": f"{server.url}/control/etsy"},
    }


def test_index_in_a_browser_is_a_french_page(server, http):
    answer = http.get(f"{server.url}/", headers={"Accept": "text/html"})

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Services extérieurs simulés" in answer.text
    assert f"{server.url}/mypayga/v1" in answer.text


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/mypayga/v1/nothing", "/mypayga", "/control/nothing/journal", "/control/epg/phones", "/control"],
)
def test_unknown_path_is_a_json_404(server, http, path):
    answer = http.get(server.url + path)

    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"


def test_connection_is_kept_between_calls(server, http):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 404 Not Found\r\n")


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n", b"431"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"BREW / HTTP/1.1\r\n\r\n", b"501"),
        (b"POST /mypayga/v1/payment HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /mypayga/v1/payment HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /mypayga/v1/payment HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", b"413"),
    ],
)
def test_malformed_call_is_refused_as_json_and_stands_in_no_journal(server, message, status):
    received = exchange(server, message)

    assert received.startswith(b"HTTP/1.1 " + status)
    assert b"Content-Type: application/json" in received
    assert server.services["mypayga"].journal.calls() == []


def test_cut_body_has_no_effect(server):
    assert exchange(server, b"POST /mypayga/v1/payment HTTP/1.1\r\nContent-Length: 10\r\n\r\n{}") == b""
    assert server.services["mypayga"].journal.calls() == []


def test_two_servers_share_nothing(server, http, listener):
    with SimulatorServer(config=SimulatorConfig(decide_after=0)) as other:
        http.post(f"{server.url}/mypayga/v1/payment", json=mypayga_start("r1", listener.url))

        assert len(server.services["mypayga"].payments) == 1
        assert other.services["mypayga"].payments == {}


def test_only_the_named_services_are_served(http):
    with SimulatorServer(services=["epg"]) as server:
        assert list(server.services) == ["epg"]
        assert http.get(f"{server.url}/mypayga/v1/verify").status_code == 404


def test_stop_ends_withheld_answers_idle_connections_and_pending_callbacks(http, listener):
    server = SimulatorServer(config=SimulatorConfig(decide_after=3600)).start()
    http.post(f"{server.url}/control/mypayga/faults", json={"fault": "timeout", "seconds": 3600})
    ended = threading.Event()

    def call() -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(b"GET /mypayga/v1/verify HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1) == b""
            ended.set()

    caller = threading.Thread(target=call)
    caller.start()
    eventually(lambda: server.services["mypayga"].journal.calls())
    server.stop()
    server.stop()

    caller.join(timeout=5)
    assert ended.is_set()
    assert listener.received == []
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name in ("simulators", "simulators-scheduler")]


def test_server_that_was_never_started_stops():
    SimulatorServer().stop()


def test_bug_in_a_service_is_a_500_and_the_next_call_is_served(server, http, monkeypatch, capsys):
    monkeypatch.setattr(type(server.services["epg"]), "availability", lambda self, request: 1 / 0)

    answer = http.post(f"{server.url}/epg/open-api/disponibilite", json={})

    assert (answer.status_code, answer.json()) == (500, {"error": "simulator_bug"})
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert http.get(f"{server.url}/").status_code == 200

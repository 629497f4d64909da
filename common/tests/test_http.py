"""The one way out, against a real server that behaves as badly as it is told to."""

import gzip
import json
import logging
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from common import http
from common.http import MAX_ANSWER_BYTES, Answer, Breaker, Busy, Client, NotReached, UnknownOutcome

Behaviour = Callable[[socket.socket, bytes], None]


def say(body: bytes, *, status: str = "200 OK", headers: str = "") -> Behaviour:
    def behave(connection, request):
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()
        with suppress(OSError):
            connection.sendall(head + body)

    return behave


def say_json(value, **kwargs) -> Behaviour:
    return say(json.dumps(value).encode(), **kwargs)


def reset(connection, request):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang_up(connection, request):
    """Close politely, without a word."""


class Server:
    """Answers the connections in turn as the list says, the last behaviour for ever; keeps what it was asked."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)
        self.requests: list[bytes] = []
        self.stopped = threading.Event()
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while True:
                request = self._read(connection)
                if not request:
                    return
                self.requests.append(request)
                behave = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
                # A client that has read enough hangs up in the middle of an answer.
                with suppress(OSError):
                    behave(connection, request)
                if behave in (reset, hang_up) or self.stopped.is_set():
                    return

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        data = b""
        with suppress(OSError):
            while b"\r\n\r\n" not in data:
                part = connection.recv(65536)
                if not part:
                    return b""
                data += part
            head, _, body = data.partition(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                ),
                0,
            )
            while len(body) < length:
                body += connection.recv(65536)
            return head + b"\r\n\r\n" + body
        return b""

    def stop(self) -> None:
        self.stopped.set()
        # shutdown wakes the threads that wait in accept and recv.
        for waiting in (self._listener, *self._connections):
            with suppress(OSError):
                waiting.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def serve():
    servers: list[Server] = []

    def start(*behaviours: Behaviour, **limits) -> tuple[Server, Client]:
        server = Server(*behaviours)
        servers.append(server)
        return server, Client("service", server.url, **{"connect": 1, "read": 5, "deadline": 5, **limits})

    yield start
    for server in servers:
        server.stop()
        for thread in server._threads:
            thread.join(timeout=10)
            assert not thread.is_alive()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """Between two tries chance decides how long to wait."""
    monkeypatch.setattr(http.random, "uniform", lambda low, high: 0.001)


def test_get_reads_json(serve):
    server, client = serve(say_json({"a": "é"}))

    assert client.get("/verify", {"token": "a b"}) == Answer(200, {"a": "é"})
    assert server.requests[0].startswith(b"GET /verify?token=a+b HTTP/1.1\r\n")


def test_post_sends_json(serve):
    server, client = serve(say_json([1], status="201 Created"))

    assert client.post("/payment", {"amount": "5000"}) == Answer(201, [1])
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /payment HTTP/1.1\r\n")
    assert b"Content-Type: application/json" in head
    assert json.loads(body) == {"amount": "5000"}


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "404 Not Found"])
def test_refusal_of_the_service_is_an_answer(serve, status):
    _, client = serve(say_json({"error": "no"}, status=status))

    assert client.post("/payment", {}) == Answer(int(status[:3]), {"error": "no"})
    assert not client.breaker.is_open


@pytest.mark.parametrize(
    "behaviour",
    [
        say_json({}, status="500 Internal Server Error"),
        say_json({}, status="503 Service Unavailable"),
        say(b"<html>Maintenance</html>"),
        say(b""),
        say(b'{"a": '),
        say(b"\xff\xfe"),
        say(b"{}", headers="Content-Encoding: gzip\r\n"),
        lambda connection, _: (
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")
            or connection.shutdown(socket.SHUT_RDWR)
        ),
        lambda connection, _: (
            connection.sendall(b"nothing that is HTTP\r\n\r\n") or connection.shutdown(socket.SHUT_WR)
        ),
        say(b'"' + b"a" * (2 * MAX_ANSWER_BYTES) + b'"'),
        say(gzip.compress(b'"' + b"a" * (2 * MAX_ANSWER_BYTES) + b'"'), headers="Content-Encoding: gzip\r\n"),
        reset,
        hang_up,
    ],
    ids="500 503 html empty half bytes not-gzip truncated no-http 2MiB 2MiB-gzip reset hang-up".split(),
)
def test_outcome_is_unknown(serve, behaviour):
    server, client = serve(behaviour)

    with pytest.raises(UnknownOutcome):
        client.post("/payment", {})
    assert len(server.requests) == 1


def test_headers_of_the_service_go_with_every_call(serve):
    server, client = serve(say_json({}), headers={"x-api-key": "k1"})

    client.get("/a")
    client.post("/b", {})
    assert [b"x-api-key: k1\r\n" in request for request in server.requests] == [True, True]


def test_answer_of_another_shape_is_a_failure(serve):
    _, client = serve(say_json({"a": 1}))

    def shape(answer):
        raise UnknownOutcome("not what was promised")

    for _again in range(5):
        with pytest.raises(UnknownOutcome, match="promised"):
            client.post("/", {}, shape=shape)
    assert client.breaker.is_open
    assert client.breaker.is_failing


def test_post_with_a_deadline_of_its_own(serve):
    server, client = serve(lambda *_: server.stopped.wait(30), read=600, deadline=600)

    # The server is silent until the test ends, and the client's own deadline is ten minutes.
    with pytest.raises(UnknownOutcome, match="timed out"):
        client.post("/", {}, deadline=0.2)


def test_largest_answer_is_read(serve):
    text = "a" * (MAX_ANSWER_BYTES - 2)
    _, client = serve(say_json(text))

    assert client.get("/").body == text


def test_silence_is_an_unknown_outcome(serve):
    server, client = serve(lambda *_: server.stopped.wait(30), read=0.2)

    with pytest.raises(UnknownOutcome, match="timed out"):
        client.post("/payment", {})
    server.stopped.set()
    assert len(server.requests) == 1


DRIPS = 200


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Drip: "],
    ids=["body", "header"],
)
def test_service_that_drips_does_not_hold_us_past_the_deadline(serve, start):
    dripped = []

    def drip(connection, request):
        with suppress(OSError):
            connection.sendall(start)
            while len(dripped) < DRIPS and not server.stopped.wait(0.05):
                connection.sendall(b"1")
                dripped.append(1)

    server, client = serve(drip, read=1, deadline=0.5)

    with pytest.raises(UnknownOutcome):
        client.post("/payment", {})
    # It would have gone on for ten seconds, every byte well inside the read time-out.
    assert len(dripped) < DRIPS


def test_refused_connection_was_not_reached():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    with pytest.raises(NotReached):
        Client("service", url).post("/payment", {})


def test_name_that_nobody_knows_was_not_reached(monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(NotReached):
        Client("service", "https://api.example.org").post("/payment", {})


def test_look_up_of_a_name_ends_by_the_deadline(monkeypatch):
    """The system's resolver may take half a minute, and cannot be interrupted."""
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: released.wait(30) and [])
    try:
        with pytest.raises(NotReached, match="timed out"):
            Client("service", "https://api.example.org", connect=5, deadline=0.2).post("/payment", {})
        assert not released.is_set(), "it gave up by itself, before the resolver did"
    finally:
        released.set()


def test_name_with_several_addresses_is_reached_at_the_one_that_answers(serve, monkeypatch):
    server, _ = serve(say_json({}))
    genuine, port = socket.getaddrinfo, int(server.url.rsplit(":", 1)[1])

    def two_addresses(host, *args, **kwargs):
        if host != "api.example.org":
            return genuine(host, *args, **kwargs)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("::1", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)

    assert Client("service", f"http://api.example.org:{port}").post("/payment", {}).status == 200
    assert f"Host: api.example.org:{port}".encode() in server.requests[0]


def test_call_that_the_service_has_no_time_for_was_not_reached(serve):
    server, client = serve(say_json({}, status="429 Too Many Requests"))

    with pytest.raises(Busy):
        client.post("/payment", {})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "header, seconds",
    [
        ("", None),
        ("Retry-After: 7\r\n", 7),
        ("retry-after: 0\r\n", 0),
        ("Retry-After: 999999999999\r\n", 86_400),
        ("Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", 0),
        ("Retry-After: Fri, 31 Dec 2999 23:59:59 GMT\r\n", 86_400),
        ("Retry-After: soon\r\n", None),
        ("Retry-After: -1\r\n", None),
        ("Retry-After: 1.5\r\n", None),
    ],
)
def test_busy_service_says_when_to_ask_again(serve, header, seconds):
    _, client = serve(say_json({}, status="429 Too Many Requests", headers=header))

    with pytest.raises(Busy) as refused:
        client.post("/payment", {})
    assert refused.value.retry_after == seconds


@pytest.mark.parametrize("status", ["204 No Content", "201 Created"])
def test_service_that_did_it_needs_no_body(serve, status):
    server, client = serve(say(b"", status=status, headers="Location: /orders/7\r\n"))

    answer = client.delete("/orders/7")

    assert answer == Answer(int(status[:3]), None)
    assert answer.headers["location"] == "/orders/7"
    assert server.requests[0].startswith(b"DELETE /orders/7 HTTP/1.1\r\n")


def test_forms_and_files_are_sent_with_the_headers_of_their_call(serve):
    server, client = serve(say_json({}), headers={"x-api-key": "k1"})
    own = {"Authorization": "Bearer t1"}

    client.post_form("/token", {"grant_type": "refresh_token", "refresh_token": "a+b"}, headers=own)
    client.patch_form("/listings/7", {"state": "active"}, headers=own)
    client.post_file("/images", ("a.png", b"\x89PNG", "image/png"), {"rank": "1"}, headers=own)
    client.get("/without")

    form, patch, upload, without = server.requests
    assert form.startswith(b"POST /token HTTP/1.1\r\n")
    assert form.endswith(b"\r\n\r\ngrant_type=refresh_token&refresh_token=a%2Bb")
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in form
    assert (patch[:6], patch[-12:]) == (b"PATCH ", b"state=active")
    assert b'name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n' in upload
    assert b'name="rank"\r\n\r\n1\r\n' in upload
    for request in (form, patch, upload):
        assert b"Authorization: Bearer t1\r\n" in request
        assert b"x-api-key: k1\r\n" in request
    assert b"Authorization" not in without


def test_connection_that_is_never_accepted_was_not_reached(monkeypatch):
    def no_answer(*args, **kwargs):
        raise TimeoutError

    monkeypatch.setattr("urllib3.util.connection.create_connection", no_answer)
    monkeypatch.setattr("urllib3.connection.connection.create_connection", no_answer)

    with pytest.raises(NotReached):
        Client("service", "http://127.0.0.1:9", connect=0.1).post("/payment", {})


def test_certificate_that_does_not_fit_is_refused(serve):
    server, _ = serve(say_json({}))

    with pytest.raises((NotReached, UnknownOutcome)):
        Client("service", server.url.replace("http:", "https:"), connect=0.3, read=0.3).post("/payment", {})
    assert server.requests == []


def test_certificate_that_nobody_vouches_for_was_not_reached(tmp_path):
    """Nothing is sent before the certificate was checked: no outcome is unknown, nobody was asked for money."""
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *names],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    received = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            connection, _ = listener.accept()
            with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
                received.append(secure.recv(65536))

        thread = threading.Thread(target=accept)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(NotReached):
            Client("service", url, connect=2, read=2).post("/payment", {"amount": 5000})
        thread.join(timeout=10)

    assert b"".join(received) == b""


def test_redirect_is_not_followed(serve):
    other, _ = serve(say_json({}))
    server, client = serve(say_json({"see": "there"}, status="302 Found", headers=f"Location: {other.url}/\r\n"))

    assert client.get("/verify") == Answer(302, {"see": "there"})
    assert other.requests == []
    assert len(server.requests) == 1


def test_proxy_of_the_environment_is_not_used(serve, monkeypatch):
    _, client = serve(say_json({}))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert client.get("/").status == 200


def test_get_is_repeated_once(serve):
    server, client = serve(reset, say_json({"ok": True}))

    assert client.get("/verify").body == {"ok": True}
    assert len(server.requests) == 2


def test_get_gives_up_after_its_tries(serve):
    server, client = serve(say_json({}, status="500 Oops"))

    with pytest.raises(UnknownOutcome):
        client.get("/verify", tries=3)
    assert len(server.requests) == 3


def test_post_is_never_repeated(serve):
    server, client = serve(reset, say_json({}))

    with pytest.raises(UnknownOutcome):
        client.post("/payment", {})
    assert len(server.requests) == 1


def test_put_and_a_post_that_only_looks_up_are_repeated(serve):
    server, client = serve(reset, say_json({}), reset, say_json({}))

    assert client.put("/wallet", {}).status == client.post("/search", {}, tries=2).status == 200
    assert [request.split()[0] for request in server.requests] == [b"PUT", b"PUT", b"POST", b"POST"]


def test_connection_is_used_again(serve):
    server, client = serve(say_json({}))

    for _ in range(3):
        client.get("/")
    assert len(server._threads) == 2


def test_cookies_are_not_kept(serve):
    server, client = serve(say_json({}, headers="Set-Cookie: PHPSESSID=of-somebody; Path=/\r\n"))
    for _again in range(2):
        client.get("/verify")

    assert [b"cookie" in request.lower() for request in server.requests] == [False, False]


def test_breaker_stops_the_calls_and_lets_one_try_through(serve):
    server, client = serve(say_json({}, status="500 Oops"))
    clock = [1000.0]
    client.breaker = Breaker(threshold=3, pause=10, clock=lambda: clock[0])
    for _ in range(3):
        with pytest.raises(UnknownOutcome):
            client.post("/payment", {})
    assert client.breaker.is_open

    with pytest.raises(NotReached, match="breaker open"):
        client.post("/payment", {})
    assert len(server.requests) == 3

    clock[0] += 10
    with pytest.raises(UnknownOutcome):
        client.post("/payment", {})
    assert len(server.requests) == 4
    assert client.breaker.is_open

    clock[0] += 10
    server.behaviours = [say_json({})]
    assert client.post("/payment", {}).status == 200
    assert not client.breaker.is_open


def test_half_open_breaker_lets_only_one_through():
    clock = [0.0]
    breaker = Breaker(threshold=1, pause=10, clock=lambda: clock[0])
    breaker.failed()
    assert not breaker.allow()

    clock[0] = 10
    assert [breaker.allow() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert breaker.allow()


def test_success_forgets_earlier_failures():
    breaker = Breaker(threshold=2)
    for _ in range(3):
        breaker.failed()
        breaker.succeeded()
    breaker.failed()

    assert breaker.allow()


def test_one_part_that_fails_is_turned_away_alone(serve):
    """Behind one service stand many pharmacies: one whose software hangs must not take the others with it."""
    clock = [0.0]
    server, client = serve(say_json({}, status="500 Oops"), clock=lambda: clock[0])

    def ask(part, path="/stock"):
        return client.post(path, {}, part=part).status

    for _ in range(9):
        with pytest.raises((UnknownOutcome, NotReached)):
            ask("one")
    assert len(server.requests) == 5
    assert client.turns_away("/stock", "one")
    assert not client.turns_away("/stock", "another")
    assert not client.turns_away("/order", "one")

    server.behaviours = [say_json({})]
    assert (ask("another"), ask("one", "/order")) == (200, 200)
    with pytest.raises(NotReached, match="breaker open"):
        ask("one")
    clock[0] += 10
    assert ask("one") == 200
    assert not client.turns_away("/stock", "one")


def test_several_parts_that_fail_open_the_breaker_of_the_service(serve):
    server, client = serve(say_json({}, status="500 Oops"))
    for part in ["one"] * 4 + ["another"]:
        with pytest.raises(UnknownOutcome):
            client.post("/stock", {}, part=part)

    assert client.turns_away("/stock", "a third one")
    with pytest.raises(NotReached, match="breaker open"):
        client.post("/stock", {}, part="a third one")
    assert len(server.requests) == 5


def test_service_that_is_not_reached_is_no_fault_of_a_part():
    client = Client("service", "http://127.0.0.1:9", connect=0.1)
    for _ in range(5):
        with pytest.raises(NotReached, match="no connection"):
            client.post("/stock", {}, part="one")

    assert client.turns_away("/stock", "another")


def test_own_lack_of_time_is_no_failure_of_the_service(serve):
    server, client = serve(say_json({}))
    for _ in range(9):
        with pytest.raises(NotReached, match="deadline passed"):
            client.post("/payment", {}, deadline=0)

    assert (client.breaker.is_failing, server.requests) == (False, [])


def test_every_call_is_one_line_in_the_log_without_its_parameters(serve, caplog):
    _, client = serve(say_json({}, status="404 Not Found"), say_json({}, status="500 Oops"))
    with caplog.at_level(logging.DEBUG):
        client.get("/verify", {"apikey": "sprod_secret"})
        with pytest.raises(UnknownOutcome):
            client.post("/payment", {"apikey": "sprod_secret"})

    lines = [record for record in caplog.records if record.name == "common.http"]
    assert [(line.service, line.method, line.path, line.status, line.outcome) for line in lines] == [
        ("service", "GET", "/verify", 404, "ok"),
        ("service", "POST", "/payment", 0, "UnknownOutcome: HTTP 500"),
    ]
    assert "sprod_secret" not in caplog.text

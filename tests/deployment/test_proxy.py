"""nginx with the project's configuration, in front of servers that say what reached them."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.deployment.container_files import PROJECT
from tests.deployment.processes import DEADLINE_SECONDS, answers, free_port, get, wait_until

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not on this machine: deploy/nginx.conf was NOT tried")


class Backend(ThreadingHTTPServer):
    """Answers with what reached it, and remembers the paths."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        self.name, self.paths = name, list[str]()
        super().__init__(("127.0.0.1", 0), _Echo)


class _Echo(BaseHTTPRequestHandler):
    server: Backend

    def do_GET(self) -> None:
        size = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.server.paths.append(self.path)
        seen = {"server": self.server.name, "headers": self.headers.items(), "size": size, "padding": " " * 2000}
        body = json.dumps(seen).encode()
        self.send_response(200)
        for name, value in [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("X-Request-ID", self.headers["X-Request-ID"]),
            ("X-Frame-Options", "DENY"),
        ]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args: Any) -> None:
        """Tests read the answers."""


def nginx_configuration(folder: Path, ports: Mapping[str, int]) -> list[str]:
    """A copy of the configuration for this machine; the arguments to run nginx with it."""
    text = (PROJECT / "deploy" / "nginx.conf").read_text()
    for original, port in ports.items():
        assert original in text
        address = f"127.0.0.1:{port}" if ":" in original else f"listen 127.0.0.1:{port}"
        text = text.replace(original, address)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {\n", "http {\n" + temporary).replace("/etc/nginx/tls", f"{folder}/tls")
    text = text.replace("worker_processes auto", "worker_processes 1")
    (folder / "tls").mkdir(exist_ok=True)
    (folder / "nginx.conf").write_text(text)
    # Workers of root would become another user, who may not enter the temporary folder.
    user = " user root;" if os.geteuid() == 0 else ""
    assert NGINX is not None
    return [NGINX, "-p", str(folder), "-c", "nginx.conf", "-g", f"daemon off; pid {folder}/pid;{user}"]


@contextmanager
def running_nginx(folder: Path, port: int, arguments: list[str]) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(arguments, stdout=out, stderr=out)
    try:
        wait_until(lambda: answers(port), process, log)
        yield
    finally:
        process.terminate()
        process.wait(timeout=DEADLINE_SECONDS)


@contextmanager
def proxied(folder: Path) -> Iterator[SimpleNamespace]:
    """nginx with the project's configuration and `folder/tls` in front of two servers that echo."""
    # The longer name first: the shorter one is a part of no other.
    backends = {"web-io:8000": Backend("web-io"), "web:8000": Backend("web")}
    for backend in backends.values():
        threading.Thread(target=backend.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    port = free_port()
    ports = {name: backend.server_port for name, backend in backends.items()}
    arguments = nginx_configuration(folder, ports | {"listen 80": port})
    try:
        with running_nginx(folder, port, arguments):
            yield SimpleNamespace(port=port, backends=backends)
    finally:
        for backend in backends.values():
            backend.shutdown()
            backend.server_close()


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[SimpleNamespace]:
    with proxied(tmp_path) as running:
        yield running


def documented(word: str) -> str:
    """The nginx snippet of docs/operations.md that holds this word."""
    snippets = re.findall(r"```nginx\n(.*?)```", (PROJECT / "docs" / "operations.md").read_text(), re.DOTALL)
    (found,) = [snippet for snippet in snippets if word in snippet]
    return str(found)


def make_certificate(certificate: Path, key: Path) -> None:
    name = ["-subj", "/CN=api.example.org", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(
        ["openssl", "req", "-x509", *kind, *name, "-keyout", key, "-out", certificate], check=True, capture_output=True
    )


def through(proxy: SimpleNamespace, path: str, **headers: str) -> Any:
    """What the server behind saw of a GET."""
    status, _, body = get(proxy.port, path, **{"Host": "api.example.org", **headers})
    assert status == 200
    return json.loads(body)


def seen(answer: Any, name: str) -> list[str]:
    return [value for key, value in answer["headers"] if key.lower() == name.lower()]


@needs_nginx
def test_nginx_accepts_the_configuration(tmp_path: Path) -> None:
    arguments = nginx_configuration(tmp_path, {"web-io:8000": 1, "web:8000": 2, "listen 80": free_port()})
    result = subprocess.run([*arguments, "-t"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "warn" not in result.stderr
    assert "test is successful" in result.stderr


@needs_nginx
def test_nginx_sends_waiting_routes_to_the_threads(proxy: SimpleNamespace) -> None:
    paths = {
        "/api/v1/payments": "web-io",
        "/api/v1/payments/": "web-io",
        "/api/v1/payments/callbacks/mypayga/token/?x=1": "web-io",
        "/api/v1/payments-of-others/": "web",
        "/api/v1/reservations/": "web-io",
        "/api/v1/products/3400930000001/availability/": "web-io",
        "/api/v1/products/3400930000001/": "web",
        "/health": "web",
        "/": "web",
    }
    assert {path: through(proxy, path)["server"] for path in paths} == paths
    assert "/api/v1/payments/callbacks/mypayga/token/?x=1" in proxy.backends["web-io:8000"].paths


@needs_nginx
def test_nginx_logs_no_secret_address(proxy: SimpleNamespace, tmp_path: Path) -> None:
    paths = {
        "/api/v1/payments/callbacks/mypayga/the-secret/": "/api/v1/payments/callbacks/mypayga/***",
        "/calendar/the-secret.ics": "/calendar/***",
        "//calendar/./the-secret.ics": "/calendar/***",
        "/api/v1/calendars/": "/api/v1/calendars/",
    }
    for number, path in enumerate(paths):
        through(proxy, path, X_Request_ID=f"logged-{number}")

    def logged() -> dict[str, str]:
        text = (tmp_path / "log").read_text()
        assert "the-secret" not in text
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return {line["request_id"]: line["path"] for line in lines if line["request_id"].startswith("logged-")}

    expected = {f"logged-{number}": told for number, told in enumerate(paths.values())}
    deadline = time.monotonic() + DEADLINE_SECONDS
    while logged() != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert logged() == expected


@needs_nginx
def test_nginx_overwrites_what_clients_say_about_themselves(proxy: SimpleNamespace) -> None:
    answer = through(
        proxy, "/", X_Forwarded_For="192.0.2.1, 192.0.2.2", X_Forwarded_Proto="https", Forwarded="for=192.0.2.3"
    )
    assert seen(answer, "X-Forwarded-For") == ["127.0.0.1"]
    assert seen(answer, "X-Forwarded-Proto") == ["http"]
    assert seen(answer, "Forwarded") == []
    assert seen(answer, "Host") == ["api.example.org"]


@needs_nginx
@pytest.mark.parametrize(
    "offered, kept", [("order-66_b", True), ("short", False), ("a" * 65, False), ("spaced out", False)]
)
def test_nginx_keeps_a_request_id_of_the_agreed_form(proxy: SimpleNamespace, offered: str, kept: bool) -> None:
    status, headers, body = get(proxy.port, "/", Host="api.example.org", X_Request_ID=offered)
    (arrived,) = seen(json.loads(body), "X-Request-ID")
    assert status == 200
    assert headers["X-Request-ID"] == arrived
    assert arrived == offered if kept else re.fullmatch(r"[0-9a-f]{32}", arrived)


@needs_nginx
def test_nginx_adds_no_security_header_and_compresses(proxy: SimpleNamespace) -> None:
    with closing(HTTPConnection("127.0.0.1", proxy.port, timeout=DEADLINE_SECONDS)) as connection:
        connection.request("GET", "/", headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        response.read()
        assert response.headers.get_all("X-Frame-Options") == ["DENY"]
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Server"] == "nginx"


@needs_nginx
def test_nginx_limits_bodies_by_route(proxy: SimpleNamespace) -> None:
    def post(path: str, size: int) -> tuple[int, Any]:
        with closing(HTTPConnection("127.0.0.1", proxy.port, timeout=DEADLINE_SECONDS)) as connection:
            connection.request("POST", path, body=b"x" * size, headers={"X-Request-ID": "upload-of-staff"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    status, problem = post("/api/v1/reservations/", 513 * 1024)
    assert (status, problem["code"], problem["request_id"]) == (413, "payload_too_large", "upload-of-staff")
    assert proxy.backends["web:8000"].paths == []

    status, answer = post("/api/v1/reservations/", 512 * 1024)
    assert (status, answer["size"]) == (200, 512 * 1024)
    status, answer = post("/admin/catalog/product/import/", 3 * 1024 * 1024)
    assert (status, answer["size"]) == (200, 3 * 1024 * 1024)
    assert post("/admin/catalog/product/import/", 10 * 1024 * 1024 + 1)[0] == 413


@needs_nginx
def test_nginx_keeps_slow_clients_to_itself(proxy: SimpleNamespace) -> None:
    head = b"POST /slow HTTP/1.1\r\nHost: api.example.org\r\nContent-Length: 10\r\nConnection: close\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", proxy.port), timeout=DEADLINE_SECONDS)) as client:
        client.sendall(head + b"12345")
        through(proxy, "/meanwhile")
        assert proxy.backends["web:8000"].paths == ["/meanwhile"]
        client.sendall(b"67890")
        assert client.recv(15) == b"HTTP/1.1 200 OK"
    assert proxy.backends["web:8000"].paths == ["/meanwhile", "/slow"]


@needs_nginx
def test_nginx_answers_a_problem_when_nobody_is_behind_it(tmp_path: Path) -> None:
    port = free_port()
    arguments = nginx_configuration(tmp_path, {"web-io:8000": free_port(), "web:8000": free_port(), "listen 80": port})
    with running_nginx(tmp_path, port, arguments):
        status, headers, body = get(port, "/api/v1/payments/", X_Request_ID="nobody-home")
        assert get(port, "/nginx-health")[0] == 204
    problem = json.loads(body)
    assert (status, headers["Content-Type"], headers["Retry-After"]) == (503, "application/problem+json", "5")
    assert headers["X-Request-ID"] == "nobody-home"
    assert set(problem) == {"type", "title", "status", "detail", "code", "request_id"}
    assert (problem["status"], problem["code"], problem["request_id"]) == (503, "unavailable", "nobody-home")


@needs_nginx
def test_nginx_with_the_documented_tls_says_https(tmp_path: Path) -> None:
    folder, port = tmp_path / "tls", free_port()
    folder.mkdir()
    snippet = documented("ssl_certificate").replace("listen 443", f"listen 127.0.0.1:{port}")
    (folder / "server.conf").write_text(snippet.replace("/etc/nginx/tls", str(folder)))
    make_certificate(folder / "fullchain.pem", folder / "privkey.pem")
    context = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
    with (
        proxied(tmp_path) as proxy,
        closing(HTTPSConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS, context=context)) as connection,
    ):
        connection.request("GET", "/")
        answer = json.loads(connection.getresponse().read())
        assert seen(through(proxy, "/"), "X-Forwarded-Proto") == ["http"]
    assert seen(answer, "X-Forwarded-Proto") == ["https"]
    assert seen(answer, "X-Forwarded-For") == ["127.0.0.1"]


@needs_nginx
def test_nginx_behind_the_documented_balancer_passes_its_word_on(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    (folder / "server.conf").write_text(documented("real_ip_header").replace("10.0.0.5", "127.0.0.1"))
    with proxied(tmp_path) as proxy:
        answer = through(proxy, "/", X_Forwarded_For="203.0.113.66, 192.0.2.9")
    assert seen(answer, "X-Forwarded-For") == ["192.0.2.9"]
    assert seen(answer, "X-Forwarded-Proto") == ["https"]

"""The HTTP server in front of the simulated services.

The standard library's `http.server` is enough and well kept: one thread per connection, HTTP/1.1 with kept
connections, and full control of the socket, which the faults need (a reset, half an answer, none at all) and which
application servers keep to themselves. Two of its habits are changed for speed: an answer leaves in one write
(otherwise headers and body meet Nagle's algorithm and delayed acknowledgements), and headers are split by hand,
because the e-mail parser that the library uses for them costs more than everything else here together.
"""

import socket
import struct
import threading
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

from .callbacks import Scheduler
from .config import SimulatorConfig
from .control import Control
from .pages import index_page
from .service import Service
from .services import SERVICES
from .wire import Answer, Request, Sending, answer_html, answer_json, not_found

LARGEST_CALL = 1024 * 1024
LARGEST_CONTROL_CALL = 64 * 1024 * 1024
MOST_HEADERS = 100
LONGEST_HEADER = 65_536
IDLE_SECONDS = 120
STOP_SECONDS = 2.0
POLL_SECONDS = 0.05
REASONS = {status.value: status.phrase for status in HTTPStatus}


class CaseInsensitiveHeaders(dict[str, str]):
    """Headers by name, whatever the case; the last of equal names."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class SimulatorServer:
    """The simulated services on one port, as `{url}/{service}` and `{url}/control/{service}`.

    `port=0` takes a free port; `services` names those to serve (all of the table by default) and, once made, maps
    the names to the running services. A context manager that starts and stops.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        services: Iterable[str] = tuple(SERVICES),
        config: SimulatorConfig | None = None,
    ):
        config = config or SimulatorConfig()
        self.scheduler = Scheduler()
        self.services: dict[str, Service] = {name: SERVICES[name](config, self.scheduler) for name in services}
        self.stopping = threading.Event()
        self._control = Control(self.services)
        self._http = _HTTPServer((host, port), self)
        self._serving = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def url(self) -> str:
        host = self._http.server_address[0]
        return f"http://{f'[{host}]' if ':' in str(host) else host}:{self.port}"

    def base_url(self, service: str) -> str:
        """The service's base URL as its clients set it, with the version where it has one."""
        return f"{self.url}/{service}{self.services[service].base}"

    def start(self) -> Self:
        """Serves in a background thread; calls are accepted when this returns."""
        self._thread = threading.Thread(target=self.serve_forever, name="simulators", daemon=True)
        self._thread.start()
        self._serving.wait()
        return self

    def serve_forever(self) -> None:
        """Serves in this thread until `stop` is called in another."""
        self._serving.set()
        self._http.serve_forever(poll_interval=POLL_SECONDS)

    def stop(self) -> None:
        """Stops at once: pending callbacks are forgotten, withheld answers and open connections dropped.

        Shutting the listening socket wakes the accepting thread where the system allows it; elsewhere it polls.
        """
        if self.stopping.is_set():
            return
        self.stopping.set()
        if self._serving.is_set():
            with suppress(OSError):
                self._http.socket.shutdown(socket.SHUT_RDWR)
            self._http.shutdown()
        self.scheduler.stop()
        self._http.server_close()
        self._http.drop_connections()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def answer(self, request: Request) -> Answer:
        """Hands a call to its service, to the control API or to the index."""
        head, _, rest = request.path.lstrip("/").partition("/")
        if service := self.services.get(head):
            return service.receive(request.within("/" + rest))
        if head == "control":
            return self._control.answer(request.within("/" + rest))
        if head or request.method != "GET":
            return not_found(request)
        if request.wants_html():
            listed = [(name, service.title, self.base_url(name)) for name, service in self.services.items()]
            return answer_html(200, index_page(listed))
        return answer_json(
            200,
            {
                "services": {
                    name: {"url": self.base_url(name), "control": f"{self.url}/control/{name}"}
                    for name in self.services
                }
            },
        )


class _HTTPServer(ThreadingHTTPServer):
    """Knows its open connections, so that a stop need not wait for idle clients."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], simulators: SimulatorServer):
        self.simulators = simulators
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without the library's look-up of the host's name, which may ask a name server."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        super().close_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def drop_connections(self) -> None:
        """Closes all connections and waits, not long, until their threads have noticed."""
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, STOP_SECONDS)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle is everyday life here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: _HTTPServer
    headers: CaseInsensitiveHeaders

    def parse_request(self) -> bool:
        """Reads the request line and the headers; answers and gives up on what is not HTTP/1."""
        self.close_connection = True
        self.command = ""
        words = self.raw_requestline.decode("latin-1").split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return self._give_up(400, "malformed request line")
        self.command, self.path, self.request_version = words
        self.headers = CaseInsensitiveHeaders()
        for _ in range(MOST_HEADERS + 1):
            line = self.rfile.readline(LONGEST_HEADER + 1)
            if line in (b"\r\n", b"\n"):
                break
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or len(line) > LONGEST_HEADER:
                return self._give_up(400, "malformed header")
            self.headers[name.lower()] = value.strip()
        else:
            return self._give_up(431, "too many headers")
        kept = self.headers.get("connection", "").lower()
        self.close_connection = kept == "close" or (self.request_version == "HTTP/1.0" and kept != "keep-alive")
        if self.headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        request = Request(
            method=self.command,
            path=unquote(path) if "%" in path else path,
            query=dict(parse_qsl(query, keep_blank_values=True)) if query else {},
            headers=self.headers,
            body=body,
            base_url=f"http://{self.headers.get('host')}" if self.headers.get("host") else self.server.simulators.url,
        )
        self._send(self.server.simulators.answer(request))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve

    def _body(self) -> bytes | None:
        """The whole body, or None when the call has been refused for its length."""
        if "transfer-encoding" in self.headers:
            self._give_up(411, "a Content-Length is needed")
            return None
        length = self.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            self._give_up(400, "malformed Content-Length")
            return None
        largest = LARGEST_CONTROL_CALL if self.path.startswith("/control/") else LARGEST_CALL
        if int(length) > largest:
            self._give_up(413, f"at most {largest} bytes")
            return None
        if length == "0":
            return b""
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The library's own refusals (line too long, unknown method), as JSON."""
        self._give_up(int(code), message or REASONS.get(int(code), ""))

    def log_message(self, format: str, *args: Any) -> None:
        """The journal is the log."""

    def _give_up(self, status: int, detail: str) -> bool:
        self.close_connection = True
        self._send(answer_json(status, {"error": "bad_request", "detail": detail}))
        return False

    def _send(self, answer: Answer) -> None:
        if answer.delay and self.server.simulators.stopping.wait(answer.delay):
            self.close_connection = True
            return
        if answer.sending is Sending.NEVER:
            self.close_connection = True
            return
        if answer.sending is Sending.RESET:
            self._reset()
            return
        length = len(answer.body)
        lines = [
            f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, '')}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {length}",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        if answer.sending is Sending.TRUNCATED:
            self.close_connection = True
            length //= 2
        elif self.close_connection:
            lines.append("Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        if answer.sending is Sending.TRUNCATED and not answer.body:
            # Readers take headers that just end for whole ones.
            head = head[: len("HTTP/1.1 ")]
        self.wfile.write(head if self.command == "HEAD" else head + answer.body[:length])

    def _reset(self) -> None:
        """Ends the connection with RST: closed at once, with nothing lingering, past the server's orderly end."""
        self.close_connection = True
        connection = socket.socket(fileno=self.connection.detach())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

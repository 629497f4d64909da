"""A gateway that answers every call exactly as it is told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Told:
    """`told(status, body)` sets every answer; with `path`, those to paths that contain it."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[tuple[str, str]] = []
        self._answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}

    def __call__(self, status: int, body: Any, *, path: str = "", **headers: str) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._answers[path] = (status, raw, headers)

    def answer_to(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        return next((answer for part, answer in self._answers.items() if part and part in path), self._answers[""])


@contextmanager
def answering_server() -> Iterator[Told]:
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.calls.append((self.command, self.path))
            status, body, headers = told.answer_to(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

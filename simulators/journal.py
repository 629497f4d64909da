"""What a simulated service has received and sent, for tests and for the eye: bounded, in memory."""

import json
import re
import time
from collections import deque
from datetime import UTC, datetime
from threading import RLock
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from .wire import Answer, Request, Sending

SECRET_FIELDS = frozenset(
    {"apikey", "code", "code_verifier", "refresh_token", "access_token", "client_secret", "state"}
)
FORM = re.compile(rb"[\w.%-]+=[^&\s]*(?:&[\w.%-]+=[^&\s]*)*")
LONGEST_TEXT = 2_000


class Entry(NamedTuple):
    """`at` is a Unix time in seconds; `status` is None when no answer was sent or received."""

    at: float
    method: str
    path: str
    query: dict[str, str] | None
    body: Any
    status: int | None
    outcome: str

    def shown(self) -> dict[str, Any]:
        """The entry as the control API lists it: time in RFC 3339, body as JSON where it is JSON, keys masked."""
        shown = {**self._asdict(), "at": rfc3339(self.at), "body": masked(readable(self.body))}
        query = shown.pop("query")
        return shown | {"query": masked(query)} if query else shown


class Journal:
    """The last `size` calls received and the last `size` callbacks sent."""

    def __init__(self, size: int, lock: RLock):
        self._lock = lock
        self._calls: deque[Entry] = deque(maxlen=size)
        self._callbacks: deque[Entry] = deque(maxlen=size)

    def record_call(self, request: Request, answer: Answer) -> None:
        unsent = answer.sending in (Sending.RESET, Sending.NEVER)
        status = None if unsent else answer.status
        query = dict(request.query) or None
        entry = Entry(time.time(), request.method, request.path, query, request.body, status, answer.outcome)
        with self._lock:
            self._calls.append(entry)

    def record_callback(self, method: str, url: str, body: bytes, status: int | None, outcome: str) -> None:
        with self._lock:
            self._callbacks.append(Entry(time.time(), method, url, None, body, status, outcome))

    def calls(self) -> list[Entry]:
        with self._lock:
            return list(self._calls)

    def callbacks(self) -> list[Entry]:
        with self._lock:
            return list(self._callbacks)

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
            self._callbacks.clear()


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def readable(body: bytes) -> Any:
    """A body as JSON or as a form's fields, else as text cut to a length that a page can show; None without one."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        if FORM.fullmatch(body):
            return dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
        return body[:LONGEST_TEXT].decode("utf-8", "replace")


def masked(value: Any) -> Any:
    """The same, without the keys that a caller may have set to real ones (the prefix tells test from production)."""
    if not isinstance(value, dict) or SECRET_FIELDS.isdisjoint(value):
        return value
    return {name: f"{str(each)[:6]}***" if name in SECRET_FIELDS else each for name, each in value.items()}

"""Requests and answers as the services see them: no sockets here, so that a service stays a function of its input."""

import json
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

JSON = "application/json"
HTML = "text/html; charset=utf-8"

Headers = tuple[tuple[str, str], ...]


class BadRequest(Exception):
    """A control call that cannot be understood; its text becomes the `detail` of a 400."""


class Sending(Enum):
    """What happens to a finished answer on its way out."""

    WHOLE = auto()
    TRUNCATED = auto()
    RESET = auto()
    NEVER = auto()


@dataclass(frozen=True, slots=True)
class Request:
    """One received call. `path` is decoded and, once a service has it, relative to that service."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str

    def data(self) -> Any:
        """The body as JSON, or None when it is absent or is not JSON."""
        try:
            return json.loads(self.body) if self.body else None
        except (ValueError, RecursionError):
            return None

    def form(self) -> dict[str, str]:
        """The body as an HTML form, the last value of each field."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode("utf-8", "replace")).items()}

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    def wants_html(self) -> bool:
        return "text/html" in self.header("Accept")

    def within(self, path: str) -> "Request":
        return replace(self, path=path)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `outcome` is for the journal only; `delay` is seconds to wait before sending (for NEVER:
    before the connection is closed without a byte)."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Headers = ()
    outcome: str = ""
    sending: Sending = Sending.WHOLE
    delay: float = 0.0


def answer_json(status: int, payload: Any, *, outcome: str = "", headers: Headers = ()) -> Answer:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, body, headers=headers, outcome=outcome)


def answer_html(status: int, page: str, *, outcome: str = "page") -> Answer:
    return Answer(status, page.encode(), HTML, outcome=outcome)


def answer_redirect(url: str, *, outcome: str) -> Answer:
    """303 to a URL that a caller gave us, quoted so that it cannot add a header."""
    return Answer(303, headers=(("Location", quote(url, safe=":/?#[]@!$&'()*+,;=%~")),), outcome=outcome)


def not_found(request: Request) -> Answer:
    return answer_json(404, {"error": "not_found", "path": request.path}, outcome="unknown path")


def control_object(request: Request, *, allowed: Set[str], required: Set[str] = frozenset()) -> dict[str, Any]:
    """The JSON object of a control call.

    Raises BadRequest when it is not an object, names an unknown field or lacks a required one.
    """
    data = request.data() if request.body else {}
    if not isinstance(data, dict):
        raise BadRequest("a JSON object is expected")
    if unknown := sorted(set(data) - allowed):
        raise BadRequest(f"unknown field: {', '.join(unknown)}")
    if missing := sorted(required - set(data)):
        raise BadRequest(f"missing field: {', '.join(missing)}")
    return data


def whole_number(value: Any, *, name: str, least: int = 1, most: int = 1_000_000_000) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BadRequest(f"{name}: a whole number from {least} to {most} is expected")
    return value


def duration(value: Any, *, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise BadRequest(f"{name}: a number of seconds is expected")
    return float(value)


def is_web_url(value: Any) -> bool:
    if not isinstance(value, str) or any(character.isspace() for character in value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


class Router:
    """A table of `(method, path pattern, name of the handling method)`; the patterns' named groups are arguments."""

    def __init__(self, *routes: tuple[str, str, str]):
        self._routes = [(method, re.compile(pattern + "/?"), name) for method, pattern, name in routes]

    def find(self, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        for route_method, pattern, name in self._routes:
            if route_method == method and (match := pattern.fullmatch(path)):
                return name, match.groupdict(default="")
        return None

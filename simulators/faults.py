"""Faults that can be switched on: what mobile networks, old servers and hostile strangers do.

Replacing faults answer instead of the service, which does nothing. Spoiling faults let the service do its work and
then damage or withhold the answer: the caller cannot know. Callback faults act on what the service sends by itself.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import RLock
from typing import Any, Self

from .wire import (
    JSON,
    Answer,
    BadRequest,
    Request,
    Sending,
    answer_html,
    answer_json,
    control_object,
    duration,
    whole_number,
)


class FaultKind(StrEnum):
    """Every fault of the control API; the text beside each is what it does, in French for the index page."""

    LATENCY = "latency", "fait le travail, répond `seconds` plus tard (2) : le rappel peut arriver avant"
    ERROR_500 = "error_500", "répond 500, rien n'est fait"
    GARBAGE = "garbage", "fait le travail, répond 200 avec des octets qui ne sont pas du JSON"
    HTML = "html", "un mandataire en panne répond 200 avec une page, rien n'est fait"
    TIMEOUT = "timeout", "fait le travail, ne répond rien, ferme après `seconds` (30)"
    RESET_AFTER_ACCEPT = "reset_after_accept", "fait le travail, coupe la connexion (RST)"
    ERROR_AFTER_EFFECT = "error_after_effect", "fait le travail, répond 500"
    TRUNCATED = "truncated", "fait le travail, s'arrête au milieu de sa réponse"
    WRONG_PHARMACY = "wrong_pharmacy", "EPG : la disponibilité est celle d'une autre pharmacie"
    HUGE = "huge", "fait le travail, répond avec 4 Mio de trop"
    DUPLICATE = "duplicate", "le rappel est envoyé `times` (2) fois en même temps"
    REORDER = "reorder", "les deux prochains rappels échangent leurs places (attente : `seconds` (10) au plus)"
    LOST = "lost", "le rappel n'est jamais envoyé"
    LATE = "late", "le rappel part `seconds` (10) en retard"
    FORGED = "forged", "un faux rappel part avant le vrai"
    RATE_LIMIT = "rate_limit", "répond 429 avec Retry-After `seconds` (1), rien n'est fait"
    EXPIRED_TOKEN = "expired_token", "répond comme à une clé expirée, rien n'est fait"

    does: str

    def __new__(cls, value: str, does: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.does = does
        return member


REPLACING = frozenset({FaultKind.ERROR_500, FaultKind.HTML, FaultKind.RATE_LIMIT, FaultKind.EXPIRED_TOKEN})
SPOILING = frozenset(
    {
        FaultKind.LATENCY,
        FaultKind.GARBAGE,
        FaultKind.TIMEOUT,
        FaultKind.RESET_AFTER_ACCEPT,
        FaultKind.ERROR_AFTER_EFFECT,
        FaultKind.TRUNCATED,
        FaultKind.HUGE,
    }
)
CALL = REPLACING | SPOILING
CALLBACK = frozenset({FaultKind.DUPLICATE, FaultKind.REORDER, FaultKind.LOST, FaultKind.LATE, FaultKind.FORGED})

DEFAULT_SECONDS = {
    FaultKind.LATENCY: 2.0,
    FaultKind.TIMEOUT: 30.0,
    FaultKind.REORDER: 10.0,
    FaultKind.LATE: 10.0,
    FaultKind.RATE_LIMIT: 1.0,
}
HUGE_PADDING = 4 * 1024 * 1024
VERSION = re.compile(r"/v\d+(?=/|$)")
GARBAGE_BYTES = b'\x00\xff\xfe{"request_status": 2\x80\x9f'
BROKEN_PROXY_PAGE = "<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1><hr>nginx"


@dataclass(slots=True)
class Fault:
    """A fault that is on. `path` is a prefix within the service ("" is every path), `method` the only one it hits (""
    is every one); `count` is how many calls or callbacks it still hits (None: until it is cleared); `times` is for
    `duplicate` only."""

    kind: FaultKind
    path: str = ""
    count: int | None = None
    seconds: float = 0.0
    times: int = 2
    method: str = ""

    def matches(self, path: str, method: str = "") -> bool:
        if self.method not in ("", method):
            return False
        return path.startswith(self.path) or VERSION.sub("", path, count=1).startswith(self.path)

    def shown(self) -> dict[str, Any]:
        shown = {"fault": self.kind, "path": self.path, "count": self.count, "seconds": self.seconds}
        return shown | {"method": self.method} if self.method else shown


class FaultBoard:
    """The faults of one service, tried in the order in which they were set."""

    def __init__(self, service: str, lock: RLock):
        self._service = service
        self._lock = lock
        self._faults: list[Fault] = []

    def add(
        self,
        kind: FaultKind,
        *,
        path: str = "",
        method: str = "",
        count: int | None = None,
        seconds: float | None = None,
        times: int = 2,
    ) -> Fault:
        """Switches a fault on. A path may carry the service's name in front, and may leave its version out."""
        if path:
            path = "/" + path.lstrip("/")
            if path == f"/{self._service}" or path.startswith(f"/{self._service}/"):
                path = path.removeprefix(f"/{self._service}")
        seconds = DEFAULT_SECONDS.get(kind, 0.0) if seconds is None else seconds
        fault = Fault(kind, path, count, seconds, times, method)
        with self._lock:
            self._faults.append(fault)
        return fault

    def take(self, kinds: frozenset[FaultKind], path: str, method: str = "") -> Fault | None:
        """The first fault of these kinds that hits a call of this path and method, counted down."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.kind in kinds and fault.matches(path, method):
                    if fault.count is not None:
                        fault.count -= 1
                        if fault.count == 0:
                            self._faults.remove(fault)
                    return fault
        return None

    def take_one(self, kind: FaultKind, path: str) -> Fault | None:
        return self.take(frozenset({kind}), path)

    def active(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.shown() for fault in self._faults]

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()


def read_fault(request: Request) -> dict[str, Any]:
    """The arguments of `FaultBoard.add` from a control call. Raises BadRequest."""
    data = control_object(request, allowed={"fault", "path", "method", "count", "seconds", "times"}, required={"fault"})
    try:
        kind = FaultKind(data["fault"])
    except ValueError:
        raise BadRequest(f"fault: one of {', '.join(FaultKind)} is expected") from None
    path, method = data.get("path") or "", data.get("method") or ""
    if not isinstance(path, str) or not isinstance(method, str):
        raise BadRequest("path, method: texts are expected")
    count, seconds, times = data.get("count"), data.get("seconds"), data.get("times", 2)
    return {
        "kind": kind,
        "path": path,
        "method": method.upper(),
        "count": None if count is None else whole_number(count, name="count"),
        "seconds": None if seconds is None else duration(seconds, name="seconds"),
        "times": whole_number(times, name="times", least=2, most=1_000),
    }


def answer_instead(fault: Fault, unauthorised: Callable[[], Answer]) -> Answer:
    """The answer of a replacing fault; `unauthorised` is the service's own refusal of a bad key."""
    match fault.kind:
        case FaultKind.HTML:
            answer = answer_html(200, BROKEN_PROXY_PAGE)
        case FaultKind.RATE_LIMIT:
            retry_after = str(max(1, round(fault.seconds)))
            answer = answer_json(429, {"message": "Too Many Requests"}, headers=(("Retry-After", retry_after),))
        case FaultKind.EXPIRED_TOKEN:
            answer = unauthorised()
        case _:
            answer = answer_json(500, {"message": "Internal Server Error"})
    return replace(answer, outcome=f"fault {fault.kind}")


def spoil(fault: Fault, answer: Answer) -> Answer:
    """What a spoiling fault makes of the service's answer."""
    outcome = f"{answer.outcome}, fault {fault.kind}"
    match fault.kind:
        case FaultKind.LATENCY:
            return replace(answer, outcome=outcome, delay=fault.seconds)
        case FaultKind.GARBAGE:
            return Answer(200, GARBAGE_BYTES, JSON, outcome=outcome)
        case FaultKind.TIMEOUT:
            return replace(answer, outcome=outcome, sending=Sending.NEVER, delay=fault.seconds)
        case FaultKind.RESET_AFTER_ACCEPT:
            return replace(answer, outcome=outcome, sending=Sending.RESET)
        case FaultKind.TRUNCATED:
            return replace(answer, outcome=outcome, sending=Sending.TRUNCATED)
        case FaultKind.HUGE:
            return replace(answer, outcome=outcome, body=padded(answer.body))
        case _:
            return replace(answer_json(500, {"message": "Internal Server Error"}), outcome=outcome)


def padded(body: bytes) -> bytes:
    """A JSON object with one more field, far larger than any caller should read; still valid JSON."""
    head = body[:-1] + b"," if body.startswith(b"{") and len(body) > 2 else b"{"
    return head + b'"padding":"' + b"x" * HUGE_PADDING + b'"}'

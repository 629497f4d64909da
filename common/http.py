"""The one way out: a pooled session per service, deadlines, a size limit, a breaker, one log line a call.

Hosts come from settings only; redirects are never followed; TLS is always verified.
"""

import json
import logging
import random
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError, SSLError

from common.deadline import DeadlineAdapter, until

logger = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 1024 * 1024
_CHUNK = 64 * 1024
# Created, or done: with nothing to add.
_BODILESS = frozenset({201, 204})
_LONGEST_PAUSE = 24 * 3600.0
# `requests` takes no time-out of nothing.
_LEAST_SECONDS = 0.001


class NotReached(Exception):
    """Nothing was sent that the service could have acted upon (refused connection, open breaker): safe to repeat."""


class Busy(NotReached):
    """The service said 429: it has not taken the call on. `retry_after` is in seconds, where it named a time."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class UnknownOutcome(Exception):
    """The request may have been carried out: time-out, reset, 5xx, an answer nobody can read."""


@dataclass(frozen=True)
class Answer:
    """`body` is the JSON, None where the service created or did something and has nothing to say about it."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class _Limits:
    """Of one call with its repetitions: when it ends (`time.monotonic`), and seconds between two bytes."""

    ends: float
    read: float


class Breaker:
    """Opens after `threshold` failures in a row and lets one try through every `pause` seconds.

    Failures of one and the same `part` of the service never suffice: they count for one less than `threshold`.
    """

    def __init__(self, *, threshold: int = 5, pause: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._threshold, self._pause, self._clock = threshold, pause, clock
        self._failures, self._closed_at = 0, 0.0
        self._failures_of: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        return self.is_failing and self._clock() < self._closed_at

    @property
    def is_failing(self) -> bool:
        """Open, or waiting for the outcome of its next probe: no call has succeeded since it opened."""
        return self._failures >= self._threshold

    def allow(self) -> bool:
        with self._lock:
            if self._failures < self._threshold:
                return True
            if self._clock() < self._closed_at:
                return False
            # One probe; the others wait for its outcome.
            self._closed_at = self._clock() + self._pause
            return True

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0
            self._failures_of.clear()

    def failed(self, part: str = "") -> None:
        with self._lock:
            of_part = self._failures_of.get(part, 0)
            if not part or of_part < self._threshold - 1:
                self._failures += 1
                self._failures_of[part] = of_part + 1
            self._closed_at = self._clock() + self._pause


# Raises `UnknownOutcome` where an answer is not of the shape that the service promises.
ShapeCheck = Callable[[Answer], object]


class Client:
    """HTTP to one outside service that speaks JSON.

    `connect` and `read` are seconds; `deadline` bounds the whole call: the look-up of the name, the body and the
    retries included. `headers` go with every call.

    Options of every method: `headers` of this call; `deadline` (seconds) instead of the client's own; an answer that
    `shape` refuses counts as a failure. `tries` are made with backoff and jitter, inside the deadline. `part` names
    whom behind the service a call is for: one that fails alone is turned away alone, each path by itself, and the
    others are served.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        connect: float = 3.0,
        read: float = 10.0,
        deadline: float = 10.0,
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.base_url = name, base_url.rstrip("/")
        self._connect, self._read, self._deadline = connect, read, deadline
        self._clock = clock
        self.breaker = Breaker(clock=clock)
        self._parts: dict[tuple[str, str], Breaker] = {}
        _clients.add(self)
        self._session = requests.Session()
        self._session.trust_env = False
        # A session over there would be one for all our patients, and would queue their calls up.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update(headers or {})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, DeadlineAdapter(pool_connections=2, pool_maxsize=32, max_retries=0))

    def turns_away(self, path: str, part: str) -> bool:
        """Whether a breaker is open for calls of that path and part."""
        return self.breaker.is_open or self._breaker_of(path, part).is_open

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, tries: int = 2, **options: Any) -> Answer:
        """A GET may be repeated."""
        return self._repeat("GET", path, tries, params=params, **options)

    def put(self, path: str, body: Mapping[str, Any], *, tries: int = 2, **options: Any) -> Answer:
        """A PUT may be repeated."""
        return self._repeat("PUT", path, tries, json=body, **options)

    def post(self, path: str, body: Mapping[str, Any], *, tries: int = 1, **options: Any) -> Answer:
        """Never repeated: what a POST without an answer has done is unknown. `tries` is for one that only looks up."""
        return self._repeat("POST", path, tries, json=body, **options)

    def post_form(self, path: str, fields: Mapping[str, str], **options: Any) -> Answer:
        """A POST of a form. Never repeated."""
        return self._repeat("POST", path, 1, data=fields, **options)

    def post_file(self, path: str, file: tuple[str, bytes, str], fields: Mapping[str, str], **options: Any) -> Answer:
        """A POST of a form with a file in its field `image`: name, content, content type. Never repeated."""
        return self._repeat("POST", path, 1, data=fields, files={"image": file}, **options)

    def patch_form(self, path: str, fields: Mapping[str, str], *, tries: int = 1, **options: Any) -> Answer:
        """A PATCH of a form. `tries` is for one that sets what it names, whatever was there."""
        return self._repeat("PATCH", path, tries, data=fields, **options)

    def delete(self, path: str, *, tries: int = 1, **options: Any) -> Answer:
        """A DELETE. `tries` is for one whose repetition finds nothing left to do."""
        return self._repeat("DELETE", path, tries, **options)

    def _repeat(
        self,
        method: str,
        path: str,
        tries: int,
        *,
        deadline: float | None = None,
        shape: ShapeCheck | None = None,
        part: str = "",
        **content: Any,
    ) -> Answer:
        limits = _Limits(
            ends=time.monotonic() + (self._deadline if deadline is None else deadline),
            # More patience with the whole call is more patience with its silence.
            read=deadline if deadline is not None and deadline > self._deadline else self._read,
        )
        for attempt in range(1, tries + 1):
            try:
                return self._call(method, path, limits, shape, part, **content)
            except (NotReached, UnknownOutcome):
                pause = random.uniform(0.05, 0.2) * 2**attempt  # noqa: S311  (jitter, not a secret)
                if attempt == tries or time.monotonic() + pause >= limits.ends:
                    raise
                time.sleep(pause)
        raise AssertionError("tries is at least 1")

    def _breaker_of(self, path: str, part: str) -> Breaker:
        return self._parts.setdefault((path, part), Breaker(clock=self._clock)) if part else self.breaker

    def _call(
        self, method: str, path: str, limits: _Limits, shape: ShapeCheck | None, part: str, **content: Any
    ) -> Answer:
        if time.monotonic() >= limits.ends:
            # Our own lack of time says nothing about the service.
            raise NotReached("deadline passed before the call")
        own = self._breaker_of(path, part)
        if not own.allow() or (own is not self.breaker and not self.breaker.allow()):
            raise NotReached(f"{self.name}: breaker open")
        started = time.monotonic()
        status, outcome = 0, "ok"
        try:
            answer = self._send(method, path, limits, **content)
            status = answer.status
            if shape is not None:
                shape(answer)
        except (NotReached, UnknownOutcome) as error:
            outcome = f"{type(error).__name__}: {error}"
            if own is not self.breaker:
                own.failed()
            # Whom the call was for has no part in it where the service itself was not reached.
            self.breaker.failed("" if isinstance(error, NotReached) else part)
            raise
        else:
            own.succeeded()
            self.breaker.succeeded()
            return answer
        finally:
            logger.info(
                "outbound call",
                extra={
                    "service": self.name,
                    "method": method,
                    "path": path,
                    "status": status,
                    "outcome": outcome,
                    "ms": round((time.monotonic() - started) * 1000),
                },
            )

    def _send(self, method: str, path: str, limits: _Limits, **content: Any) -> Answer:
        left = max(limits.ends - time.monotonic(), _LEAST_SECONDS)
        try:
            with (
                until(limits.ends),
                self._session.request(
                    method,
                    f"{self.base_url}{path}",
                    timeout=(min(self._connect, left), min(limits.read, left)),
                    allow_redirects=False,
                    stream=True,
                    **content,
                ) as response,
            ):
                raw = _read(response)
                status, headers = response.status_code, response.headers
        except requests.ConnectTimeout as error:
            raise NotReached("connection timed out") from error
        except requests.Timeout as error:
            raise UnknownOutcome("timed out") from error
        except requests.ConnectionError as error:
            if _never_connected(error):
                raise NotReached("no connection") from error
            raise UnknownOutcome("connection broke") from error
        except requests.RequestException as error:
            raise UnknownOutcome(type(error).__name__) from error
        if status == 429:
            raise Busy("HTTP 429", retry_after=seconds_until(headers.get("Retry-After", "")))
        if status >= 500:
            raise UnknownOutcome(f"HTTP {status}")
        if status in _BODILESS and not raw:
            return Answer(status, None, headers)
        try:
            return Answer(status, json.loads(raw), headers)
        except (ValueError, RecursionError) as error:
            raise UnknownOutcome("not JSON") from error


def seconds_until(value: str) -> float | None:
    """The seconds that a `Retry-After` header names, as a number or as a date; at most a day, None where unreadable."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_PAUSE)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    left = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)
    return min(max(left.total_seconds(), 0.0), _LONGEST_PAUSE)


# Every client of this process, to be asked about.
_clients: "weakref.WeakSet[Client]" = weakref.WeakSet()


def is_turned_away(name: str) -> bool:
    """Whether this process has stopped calling a service: the breaker of a client of that name is open."""
    return any(client.name == name and client.breaker.is_failing for client in list(_clients))


def _never_connected(error: requests.ConnectionError) -> bool:
    """Whether the connection was refused, the name or the network unknown, or the certificate not to be trusted."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(reason, SSLError):
        # Verified before the first byte of a request.
        return any(isinstance(each, ssl.SSLCertVerificationError) for each in reason.args)
    return isinstance(reason, NewConnectionError)


def _read(response: requests.Response) -> bytes:
    parts, size = [], 0
    for chunk in response.iter_content(_CHUNK):
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise UnknownOutcome("answer too large")
        parts.append(chunk)
    return b"".join(parts)

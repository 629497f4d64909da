"""Calls that end by a deadline.

The read time-out of a socket counts from the last byte: a service that sends one byte now and then, in its headers or
in its body, would hold a worker for hours. Here every read of an answer gets what is left of the whole call's time.
The look-up of a name has no time-out at all, and a name with many addresses has one for each: both get what is left.
"""

import http.client
import io
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

_ends: ContextVar[float] = ContextVar("ends", default=float("inf"))
_look_ups = threading.BoundedSemaphore(32)


@contextmanager
def until(ends: float) -> Iterator[None]:
    """Let answers that arrive through a `DeadlineAdapter` within the block end at `ends` (`time.monotonic`)."""
    token = _ends.set(ends)
    try:
        yield
    finally:
        _ends.reset(token)


def look_up(name: str, *, seconds: float) -> list[str]:
    """The addresses of a host name. Raises `TimeoutError` when nobody answers within `seconds`.

    The system's resolver cannot be interrupted: it is asked in a thread that may outlive us, of which there are few.
    """
    try:
        return [str(ipaddress.ip_address(name.strip("[]")))]
    except ValueError:
        pass
    if seconds <= 0 or not _look_ups.acquire(blocking=False):
        raise TimeoutError("no time to look the name up")
    found: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            found.put(list(dict.fromkeys(str(answer[4][0]) for answer in answers)))
        except Exception as error:
            found.put(error)
        finally:
            _look_ups.release()

    threading.Thread(target=ask, name=f"look-up of {name}", daemon=True).start()
    try:
        answer = found.get(timeout=min(seconds, threading.TIMEOUT_MAX))
    except queue.Empty:
        raise TimeoutError("the look-up of the name takes too long") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


class _BoundedReader(io.RawIOBase):
    """The socket's own reader, with the time that is left before every read."""

    def __init__(self, connection: socket.socket, raw: io.RawIOBase) -> None:
        self._connection, self._raw = connection, raw
        self._pause, self._ends = connection.gettimeout(), _ends.get()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline passed")
        if left < (self._pause or float("inf")):
            self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed and self._connection.fileno() >= 0:
            # The next call over this connection starts with its own time.
            self._connection.settimeout(self._pause)
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_BoundedReader(sock, self.fp.detach()))


class _PatientlyNamed(HTTPConnection):
    """Connects to the addresses of its name in turn, within the time-out for all of it and the deadline."""

    def _new_conn(self) -> socket.socket:
        name, pause = self._dns_host, self.timeout
        allowed = pause if isinstance(pause, int | float) else float("inf")
        ends = min(time.monotonic() + allowed, _ends.get())
        try:
            error: Exception = ConnectTimeoutError(self, f"{name}: no time left to connect")
            for address in self._addresses(name, ends):
                left = ends - time.monotonic()
                if left <= 0:
                    break
                self._dns_host, self.timeout = address, left
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError) as refused:
                    error = refused
            raise error
        finally:
            # The certificate is checked for the name, not for the address.
            self._dns_host, self.timeout = name, pause

    def _addresses(self, name: str, ends: float) -> list[str]:
        try:
            return look_up(name, seconds=ends - time.monotonic())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except (OSError, UnicodeError) as error:
            raise ConnectTimeoutError(self, f"{name}: {error}") from error


class _Connection(_PatientlyNamed):
    response_class = _Response


class _TLSConnection(_PatientlyNamed, HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class DeadlineAdapter(HTTPAdapter):
    """`requests`' adapter, whose answers end when `until` says."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

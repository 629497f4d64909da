"""Answers that end by a deadline.

The read time-out of a socket counts from the last byte: a service that sends one byte now and then, in its headers or
in its body, would hold a worker for hours. Here every read of an answer gets what is left of the whole call's time.
"""

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_ends: ContextVar[float] = ContextVar("ends", default=float("inf"))


@contextmanager
def until(ends: float) -> Iterator[None]:
    """Let answers that arrive through a `DeadlineAdapter` within the block end at `ends` (`time.monotonic`)."""
    token = _ends.set(ends)
    try:
        yield
    finally:
        _ends.reset(token)


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


class _Connection(HTTPConnection):
    response_class = _Response


class _TLSConnection(HTTPSConnection):
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

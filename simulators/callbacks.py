"""Callbacks: what a service sends by itself. One scheduler thread knows when, a few courier threads send.

A courier opens a new connection for each callback: a kept one may have been closed by the receiver meanwhile, and
sending again would deliver twice what the test asked for once.
"""

import heapq
import itertools
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import RLock
from urllib.parse import urlsplit

from .faults import FaultBoard, FaultKind
from .journal import Journal
from .wire import JSON

COURIERS = 32
LARGEST_ANSWER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Callback:
    """One message to the outside; `note` says in the journal what it is."""

    url: str
    body: bytes = b""
    method: str = "POST"
    content_type: str = JSON
    note: str = "callback"


Parcel = list[Callback]


class Scheduler:
    """Runs functions later in one thread; functions that may wait are handed to the couriers' threads.

    The threads start when they are first needed, end with `stop`, and never keep the process alive.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = itertools.count()
        self._thread: threading.Thread | None = None
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._couriers = 0
        self._idle = 0
        self._stopped = False

    def call_later(self, delay: float, function: Callable[[], None]) -> None:
        """Runs a quick function after `delay` seconds, in order of time."""
        with self._condition:
            if self._stopped:
                return
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._sequence), function))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="simulators-scheduler", daemon=True)
                self._thread.start()
            self._condition.notify()

    def call_in_courier(self, function: Callable[[], None]) -> None:
        """Runs a function that may wait, at once and beside the others."""
        with self._condition:
            if self._stopped:
                return
            if self._idle > 0:
                self._idle -= 1
            elif self._couriers < COURIERS:
                self._couriers += 1
                name = f"simulators-courier-{self._couriers}"
                threading.Thread(target=self._carry, name=name, daemon=True).start()
            self._work.put(function)

    def stop(self) -> None:
        """Forgets what is not yet due. What is being sent is left to end by itself."""
        with self._condition:
            self._stopped = True
            self._due.clear()
            self._condition.notify()
            couriers = self._couriers
        for _ in range(couriers):
            self._work.put(None)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._stopped and (not self._due or self._due[0][0] > time.monotonic()):
                    self._condition.wait(self._due[0][0] - time.monotonic() if self._due else None)
                if self._stopped:
                    return
                function = heapq.heappop(self._due)[2]
            run_reporting(function)

    def _carry(self) -> None:
        while (function := self._work.get()) is not None:
            run_reporting(function)
            with self._condition:
                if self._stopped:
                    return
                if self._work.empty():
                    self._idle += 1


def run_reporting(function: Callable[[], None]) -> None:
    """A bug in one function must not silence all later callbacks."""
    try:
        function()
    except Exception:
        traceback.print_exc(file=sys.stderr)


class Outbox:
    """The callbacks of one service on their way out, with the callback faults that are on.

    A parcel is a list of callbacks sent one after the other; parcels travel beside each other.
    """

    def __init__(self, scheduler: Scheduler, faults: FaultBoard, journal: Journal, lock: RLock, *, timeout: float):
        self._scheduler = scheduler
        self._faults = faults
        self._journal = journal
        self._lock = lock
        self._timeout = timeout
        self._held: list[Parcel] | None = None

    def send(self, callback: Callback, forged: Callable[[], Callback], *, path: str) -> None:
        """Sends a callback as the faults will have it. `forged` makes the false one; `path` is that of the call
        which started it all, within the service: a fault's path is compared with it."""
        if self._faults.take_one(FaultKind.LOST, path):
            self._journal.record_callback(callback.method, callback.url, callback.body, None, "lost")
            return
        parcel = [callback]
        if self._faults.take_one(FaultKind.FORGED, path):
            parcel.insert(0, forged())
        duplicate = self._faults.take_one(FaultKind.DUPLICATE, path)
        parcels = [parcel] * (duplicate.times if duplicate else 1)
        late = self._faults.take_one(FaultKind.LATE, path)
        if late:
            self._scheduler.call_later(late.seconds, lambda: self._dispatch(parcels))
            return
        with self._lock:
            if self._held is not None:
                parcels, self._held = ([[*one, *other] for one, other in crossed(parcels, self._held)], None)
            elif reorder := self._faults.take_one(FaultKind.REORDER, path):
                held = self._held = parcels
                self._scheduler.call_later(reorder.seconds, lambda: self._release(held))
                return
        self._dispatch(parcels)

    def redeliver(self, callback: Callback, *, times: int, delay: float) -> None:
        """Sends a callback again as it was, untouched by faults, all copies at once."""
        self._scheduler.call_later(delay, lambda: self._dispatch([[callback]] * times))

    def forget(self) -> None:
        with self._lock:
            self._held = None

    def _release(self, held: list[Parcel]) -> None:
        with self._lock:
            if self._held is not held:
                return
            self._held = None
        self._dispatch(held)

    def _dispatch(self, parcels: list[Parcel]) -> None:
        for parcel in parcels:
            self._scheduler.call_in_courier(partial(self._deliver, parcel))

    def _deliver(self, parcel: Parcel) -> None:
        for callback in parcel:
            status, outcome = post(callback, timeout=self._timeout)
            self._journal.record_callback(
                callback.method, callback.url, callback.body, status, f"{callback.note}: {outcome}"
            )


def crossed(parcels: list[Parcel], held: list[Parcel]) -> list[tuple[Parcel, Parcel]]:
    """The later parcels each in front of an earlier one; copies without a partner stay at the end."""
    return list(itertools.zip_longest(parcels, held, fillvalue=[]))


def post(callback: Callback, *, timeout: float) -> tuple[int | None, str]:
    """Sends one callback on a connection of its own: the status, or None and what went wrong."""
    parts = urlsplit(callback.url)
    connection_class = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Connection": "close", "User-Agent": "simulators"}
    if callback.body:
        headers["Content-Type"] = callback.content_type
    try:
        connection = connection_class(parts.hostname or "", parts.port, timeout=timeout)
        try:
            connection.request(callback.method, target, callback.body or None, headers)
            response = connection.getresponse()
            response.read(LARGEST_ANSWER)
            return (response.status, "delivered" if response.status < 300 else "answered with an error")
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        return None, f"not delivered ({type(error).__name__})"

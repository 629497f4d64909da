"""Workers: they claim and run until nothing is due, or until they are told to stop.

A worker's leases are renewed while it lives; when it is killed they run out by themselves.
"""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connections

from marketplaces.services.jobs import queue, running
from marketplaces.services.jobs.queue import Claimed
from marketplaces.tenancy import close_staff_connection

logger = logging.getLogger(__name__)

# A wake-up call of the general queue works so long at most; others want their turn.
LONGEST_SECONDS = 20.0


def work(*, seconds: float = LONGEST_SECONDS) -> int:
    """Do what is due, at most for so many seconds; how many steps were taken. Others may work at the same time."""
    ends = time.monotonic() + seconds
    steps = 0
    with Heart() as heart:
        while time.monotonic() < ends and step(heart):
            steps += 1
    return steps


def work_until(stop: Callable[[], bool], *, pause: Callable[[float], object], idle_seconds: float = 1.0) -> int:
    """Work until `stop()`; where nothing is due `pause` is called with the seconds. How many steps were taken."""
    steps = 0
    with Heart() as heart:
        while not stop():
            try:
                did = step(heart)
            except Exception:
                # The database was away, or the row was odd: the lease brings it back.
                logger.exception("step of a channel's job failed")
                connections.close_all()
                did = False
            steps += did
            if not did:
                pause(idle_seconds)
    return steps


def step(heart: "Heart") -> bool:
    """Claim a job and take one step of it. False where nothing was due."""
    claimed = queue.claim()
    # No connection is held while a channel takes its time.
    close_staff_connection()
    if claimed is None:
        return False
    with heart.beating_for(claimed):
        running.run(claimed)
    return True


class Heart:
    """A thread that renews the leases of what this worker has in hand."""

    def __init__(self) -> None:
        self._held: Claimed | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="job leases", daemon=True)

    def __enter__(self) -> "Heart":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def beating_for(self, claimed: Claimed) -> "_Beating":
        return _Beating(self, claimed)

    def hold(self, claimed: Claimed | None) -> None:
        with self._lock:
            self._held = claimed

    def _beat(self) -> None:
        try:
            while not self._stop.wait(settings.JOB_LEASE_SECONDS / 3):
                with self._lock:
                    held = self._held
                if held is not None:
                    self._renew(held)
        finally:
            connections.close_all()

    def _renew(self, held: Claimed) -> None:
        try:
            queue.beat(held)
        except Exception:
            logger.exception("lease not renewed", extra={"job": held.job_id})
        finally:
            connections.close_all()


class _Beating:
    def __init__(self, heart: Heart, claimed: Claimed) -> None:
        self._heart, self._claimed = heart, claimed

    def __enter__(self) -> None:
        self._heart.hold(self._claimed)

    def __exit__(self, *error: object) -> None:
        self._heart.hold(None)

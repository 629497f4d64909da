"""At most one password hash in flight per core, on the whole machine.

A hash takes a core for a tenth of a second or two, and 100 MB. Without a gate a few dozen sign-ins at once take
every process from everybody else. The gate is a file lock per core: it counts threads and processes alike, and a
process that is killed leaves no lock behind.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password

from common.errors import Unavailable

WAIT_SECONDS = 2.0
_PAUSE_SECONDS = 0.01

_inside: ContextVar[bool] = ContextVar("inside", default=False)


@contextmanager
def hash_gate() -> Iterator[None]:
    """Hash or check a password within this block. Raises `Unavailable` (503) after `WAIT_SECONDS` before the gate.

    A block within a block of the same thread passes freely.
    """
    if _inside.get():
        yield
        return
    slot = _enter()
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)
        os.close(slot)


def hash_password(password: str | None) -> str:
    """The stored form of a new password; None gives one that nobody can sign in with."""
    with hash_gate():
        return make_password(password)


def slots() -> int:
    """How many hashes may run at once on this machine."""
    return len(os.sched_getaffinity(0))


def _enter() -> int:
    """The open file that holds one of the locks; closing it gives the lock back."""
    folder = Path(settings.HASH_GATE_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        for number in range(slots()):
            slot = os.open(folder / f"slot-{number}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(slot)
            else:
                return slot
        if time.monotonic() >= deadline:
            raise Unavailable(code="sign_in_busy", retry_after=2)
        time.sleep(_PAUSE_SECONDS)

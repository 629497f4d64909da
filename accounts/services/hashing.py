"""At most one password hash in flight per core, on the whole machine.

A hash takes a core for a tenth of a second or two, and 100 MB. Without a gate a few dozen sign-ins at once take
every process from everybody else. The gate has a place per core (`common.machine_gate`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password

from common import machine_gate
from common.errors import Unavailable

WAIT_SECONDS = 2.0

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
    place = machine_gate.enter(Path(settings.HASH_GATE_DIR), places=slots(), wait_seconds=WAIT_SECONDS)
    if place is None:
        raise Unavailable(code="sign_in_busy", retry_after=2)
    return place

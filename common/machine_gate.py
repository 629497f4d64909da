"""So many at once on the whole machine: what takes a core or much memory takes every process from everybody else.

A gate is a folder with a file lock for each place: it counts threads and processes alike, and a process that is killed
leaves no lock behind. All processes of one machine should see the same folder.
"""

import fcntl
import os
import time
from pathlib import Path

_PAUSE_SECONDS = 0.01


def enter(folder: Path, *, places: int, wait_seconds: float) -> int | None:
    """The open file that holds one of the locks: closing it gives the place back. None where none became free."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_seconds
    while True:
        for number in range(places):
            place = os.open(folder / f"slot-{number}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(place)
            else:
                return place
        if time.monotonic() >= deadline:
            return None
        time.sleep(_PAUSE_SECONDS)

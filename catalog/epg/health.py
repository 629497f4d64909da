"""Whether EPG answers, for `/health`."""

import threading
import time

from catalog.epg import client, is_on

# `/health` is open to everybody; EPG is asked this often by a process, whoever asks us.
KEPT_SECONDS = 5.0

_lock = threading.Lock()
_last: tuple[float, str] | None = None


def check_epg() -> bool:
    """Raises while the breaker is open or EPG does not answer the smallest question; what it said is kept a moment."""
    global _last
    if not is_on():
        return False
    if client.client().breaker.is_open:
        raise ConnectionError("EPG: breaker open")
    with _lock:
        if _last is None or time.monotonic() - _last[0] > KEPT_SECONDS:
            _last = (time.monotonic(), _problem())
        problem = _last[1]
    if problem:
        raise ConnectionError(problem)
    return True


def forget() -> None:
    """Ask anew the next time."""
    global _last
    _last = None


def _problem() -> str:
    """What is wrong, or nothing. A refused key is as good as a dead service; an older EPG's 404 is an answer."""
    try:
        status = client.get_first_product().status
    except Exception as error:
        return f"EPG: {error}"
    return f"EPG: HTTP {status}" if status in (401, 403) else ""

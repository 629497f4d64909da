"""What is due: apps register a function each in `AppConfig.ready`, `manage.py sweep` calls them all.

Such a function moves on whatever is due, in small transactions of its own, is safe to run twice and at the same time
as another sweep, and returns how many rows it moved. Killing it at any line loses nothing.
"""

import logging
from collections.abc import Callable

from common.context import acting

logger = logging.getLogger(__name__)

_due: dict[str, Callable[[], int]] = {}


def register(name: str, function: Callable[[], int]) -> None:
    """Have `function` called by every sweep. Registering a name again replaces it (autoreload)."""
    _due[name] = function


def sweep() -> dict[str, int]:
    """Run everything that is registered; one that fails is logged, named with -1, and does not stop the others."""
    moved: dict[str, int] = {}
    for name, function in _due.items():
        with acting("task", f"sweep:{name}"):
            try:
                moved[name] = function()
            except Exception:
                logger.exception("sweep failed", extra={"due_work": name})
                moved[name] = -1
    return moved

"""How many calls a caller may make: so many a second, so many a day."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class CallLimit:
    """Counts calls in whole seconds and in days of 24 hours of `clock`. A limit of 0 is none."""

    clock: Callable[[], float] = time.time
    _counts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def left(self, name: str, limit: int, seconds: int) -> int:
        """How many more calls this window allows."""
        window, count = self._counts.get(name, (0, 0))
        return limit - (count if window == int(self.clock() // seconds) else 0)

    def take(self, name: str, limit: int, seconds: int) -> float | None:
        """Count one call; where it was one too many, the seconds until the next window instead."""
        now = self.clock()
        current = int(now // seconds)
        window, count = self._counts.get(name, (0, 0))
        count = count if window == current else 0
        if limit and count >= limit:
            return (current + 1) * seconds - now
        self._counts[name] = (current, count + 1)
        return None

    def clear(self) -> None:
        self._counts.clear()

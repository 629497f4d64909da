"""The order of a year: what is planned happens in the order of its time."""

import heapq
from collections.abc import Callable
from datetime import datetime
from itertools import count


class Clock:
    """Runs planned work up to `until`; what is planned for later never happens."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        self._planned: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = count()

    def plan(self, at: datetime, work: Callable[[], None]) -> None:
        if at <= self.until:
            heapq.heappush(self._planned, (at, next(self._numbers), work))

    def run(self, at: datetime) -> None:
        while self._planned and self._planned[0][0] <= at:
            heapq.heappop(self._planned)[2]()

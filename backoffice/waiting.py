"""A queue as one person sees it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Beyond this a queue says "99+": nobody works it off by its number.
MOST = 99


@dataclass(frozen=True)
class Waiting:
    """A queue as one person sees it: how many rows wait, and since when."""

    queue: Any
    count: int
    since: datetime | None
    url: str

    @property
    def is_full(self) -> bool:
        return self.count > MOST

"""When to ask a gateway again: soon at first, hourly later (the customer types a PIN, or does not)."""

from datetime import datetime, timedelta

_STEPS = (5, 15, 30, 60, 120, 300, 900)
_HOURLY = 3600


def next_time(now: datetime, asked: int) -> datetime:
    """The moment of the next question after `asked` questions: 5, 15, 30 s, 1, 2, 5, 15 min, then every hour."""
    return now + timedelta(seconds=_STEPS[asked] if asked < len(_STEPS) else _HOURLY)

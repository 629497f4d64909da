"""When to try again: the channel's own word first, otherwise longer every time, never all at once."""

import random
from datetime import datetime, timedelta

from django.conf import settings

_LONGEST = 900.0
# A channel that names a longer pause is asked again after this.
_MOST_PATIENT = 24 * 3600.0


def next_time(now: datetime, failures: int, *, retry_after: float | None = None) -> datetime:
    """The moment of the next try after `failures` (1, 2, …) in a row: `JOB_RETRY_SECONDS`, doubling to 900 s,
    ± 20 %; `retry_after` seconds where the channel named a time."""
    seconds: float = min(_LONGEST, settings.JOB_RETRY_SECONDS * 2 ** min(max(failures, 1) - 1, 16))
    seconds *= random.uniform(0.8, 1.2)  # noqa: S311  (spreads load, protects nothing)
    if retry_after is not None:
        # Just after it, so that not everybody comes at the same moment.
        seconds = min(retry_after, _MOST_PATIENT) * random.uniform(1.0, 1.1)  # noqa: S311
    return now + timedelta(seconds=seconds)

"""From clocks on the wall to instants, across changes to and from summer time."""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=65_536)
def instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The first moment (UTC) of `day` at which the clocks of `zone` show `wall` or later.

    A time that occurs twice is its first occurrence; one that is skipped is the moment of the change.
    """
    local = datetime.combine(day, wall, tzinfo=zone)
    found = local.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return found
    # Skipped: with the offset from before, `found` lies behind the change; with the one from after, before it.
    before, after = local.replace(fold=1).astimezone(UTC), found
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first moment (UTC) of a local day, and of the next one."""
    return instant(day, time(0), zone), instant(day + timedelta(days=1), time(0), zone)

"""Rosters of duty as CSV files with French columns; times are local unless they name their offset."""

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from catalog.pharmacy_list import read_lines
from catalog.rows import DutyRow, Remark
from common.moments import is_reasonable

COLUMNS = ("pharmacie", "debut", "fin", "zone", "majoration")
_FRENCH = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})\s+(\d{1,2})[h:](\d{2})?")
_LARGEST_SURCHARGE = 1_000_000


def read_duty(path: Path, *, pharmacies: Collection[str]) -> Iterator[DutyRow | Remark]:
    """Each line as a turn, or as a remark that says why it is left out. `pharmacies` are the codes there are.

    Raises `Invalid` where columns are missing.
    """
    for line, values in read_lines(path, COLUMNS):
        starts_at, ends_at = _instant(values["debut"]), _instant(values["fin"])
        surcharge = values["majoration"].replace(" ", "") or "0"
        if values["pharmacie"] not in pharmacies:
            reason = f"nobody knows the pharmacy {values['pharmacie']!r}"
        elif starts_at is None or ends_at is None:
            reason = f"time {values['debut' if starts_at is None else 'fin']!r} cannot be read"
        elif ends_at <= starts_at:
            reason = "it ends before it begins"
        elif not re.fullmatch(r"[0-9]{1,7}", surcharge) or int(surcharge) > _LARGEST_SURCHARGE:
            reason = f"surcharge {values['majoration']!r} cannot be read"
        elif len(values["zone"]) > 120:
            reason = "zone is longer than 120 characters"
        else:
            yield DutyRow(values["pharmacie"], starts_at, ends_at, values["zone"], int(surcharge))
            continue
        yield Remark(path.name, line, f"left out: {reason}")


def _instant(written: str) -> datetime | None:
    try:
        if found := _FRENCH.fullmatch(written):
            day, month, year, hour, minute = (int(part or 0) for part in found.groups())
            instant: datetime | None = datetime(year, month, day, hour, minute)  # noqa: DTZ001  (local, made aware)
        else:
            instant = parse_datetime(written)
    except ValueError:
        return None
    if instant is None:
        return None
    aware = timezone.make_aware(instant) if timezone.is_naive(instant) else instant
    return aware if is_reasonable(aware) else None

"""What is written before anybody is called."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from common import unit_of_work
from reservations.enums import EpgStatus, EpgTask
from reservations.models import EpgRequest, Reservation

_COLUMNS = (
    "reservation_id",
    "pharmacy_id",
    "epg_id",
    "status",
    "number",
    "answer",
    "next_at",
    "task",
    "created_at",
    "updated_at",
)


def intend(reservation: Reservation, epg_id: str) -> None:
    """Note, with the new reservation, that EPG is to be asked for it."""
    now = _at(reservation.created_at)
    unit_of_work.insert(
        EpgRequest._meta.db_table,
        _COLUMNS,
        [
            reservation.pk,
            reservation.pharmacy_id,
            epg_id,
            str(EpgStatus.CREATED),
            "",
            "",
            _at(timezone.now() + grace()),
            str(EpgTask.NONE),
            now,
            now,
        ],
    )


def grace() -> timedelta:
    """How long a process may take over a call before the sweep takes the request over."""
    return timedelta(seconds=settings.EPG_RESERVATION_SECONDS * 2 + 5)


def _at(moment: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)

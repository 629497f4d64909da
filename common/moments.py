"""Moments that people type or other services tell: years that every driver and every time zone can give back.

`0001-01-01 00:00` in Libreville is a year 0 in UTC: PostgreSQL keeps it, and no query can read the row again.
"""

from datetime import UTC, datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
UNREASONABLE = _("Une date se situe entre les années 2000 et 2199.")

MOMENT_VALIDATORS = [MinValueValidator(EARLIEST, UNREASONABLE), MaxValueValidator(LATEST, UNREASONABLE)]


def is_reasonable(moment: datetime) -> bool:
    """Whether an aware `moment` can be kept."""
    return EARLIEST <= moment <= LATEST


def reasonable(*fields: str) -> Q:
    """The condition that each of these fields can be kept."""
    return Q(**{f"{field}__range": (EARLIEST, LATEST) for field in fields})

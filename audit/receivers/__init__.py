"""From domain signals to events, an app a module: one receiver a signal, one call each."""

from audit.receivers import (
    accounts,
    appointments,
    catalog,
    channels,
    files,
    jobs,
    marketplaces,
    payments,
    reading,
    reservations,
)

__all__ = [
    "accounts",
    "appointments",
    "catalog",
    "channels",
    "files",
    "jobs",
    "marketplaces",
    "payments",
    "reading",
    "reservations",
]

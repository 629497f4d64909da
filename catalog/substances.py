"""Comparing substances whatever their case."""

from django.db import connection

_ASCII_UPPER = str.maketrans({chr(small): chr(small - 32) for small in range(ord("a"), ord("z") + 1)})


def upper_forms(substance: str) -> list[str]:
    """What the database's `UPPER` makes of this substance, however its letters are written there.

    SQLite's knows ASCII only and leaves an accented letter as it is: small ones, capitals, or one at the beginning.
    """
    if connection.vendor == "postgresql":
        return [substance.upper()]
    written = (substance, substance.lower(), substance.upper(), substance.capitalize())
    return sorted({each.translate(_ASCII_UPPER) for each in written})

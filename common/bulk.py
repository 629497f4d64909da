"""Many rows at once, in the caller's transaction: COPY on PostgreSQL, prepared INSERTs on SQLite.

Values go as the columns have them: texts, numbers, aware times, JSON already written. What a model would do beside
(defaults in Python, signals) does not happen here.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from common.sql import fetch_one, placeholders

_STAGED = "bulk_staged"

Row = Sequence[Any]


def take_ids(table: str, count: int) -> list[int]:
    """So many unused ids. On SQLite only inside the transaction that uses them: its only writer is then us."""
    if count == 0:
        return []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
            )
            return [number for (number,) in cursor.fetchall()]
    row = fetch_one("SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = %s), 0)", [table])
    last = int(row[0]) if row else 0
    return list(range(last + 1, last + 1 + count))


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows that are not there yet."""
    names = ", ".join(map(connection.ops.quote_name, columns))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        cursor.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({placeholders(len(columns))})",
            [[_adapted(value) for value in row] for row in rows],
        )


def merge_rows(table: str, columns: Sequence[str], rows: Iterable[Row], *, key: Sequence[str]) -> None:
    """Insert rows, or give stored ones under the same unique `key` all the other columns; no row comes twice."""
    quote = connection.ops.quote_name
    names, keys = ", ".join(map(quote, columns)), ", ".join(map(quote, key))
    changes = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in columns if name not in key)
    with connection.cursor() as cursor:
        temporary = f"CREATE TEMPORARY TABLE {_STAGED} AS SELECT {names} FROM {table} WHERE false"
        cursor.execute(temporary)
        copy_rows(_STAGED, columns, rows)
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM {_STAGED} WHERE true "
            f"ON CONFLICT ({keys}) DO {f'UPDATE SET {changes}' if changes else 'NOTHING'}"
        )
        cursor.execute(f"DROP TABLE {_STAGED}")


def _adapted(value: Any) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value

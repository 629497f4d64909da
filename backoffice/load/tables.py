"""Rows by the ten thousand: COPY on PostgreSQL, one prepared INSERT on SQLite."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from django.db import connection
from django.db.models import DateField, DateTimeField, Model, TimeField, UUIDField

from common.sql import fetch_all, placeholders

# Rows that are held in memory before they are written, of all tables together.
BATCH = 20_000
# Ids that are taken from a sequence at once.
_IDS = 10_000
_ADAPTED = (DateTimeField, DateField, TimeField, UUIDField)


class Tables:
    """Collects rows and writes them in the order in which their tables were declared.

    Foreign keys are checked at the end of the transaction, so that the order matters only to who reads along. Values
    are what Python has (aware times, UUIDs, bytes); JSON is given as text.
    """

    def __init__(self) -> None:
        self._columns: dict[type[Model], Sequence[str]] = {}
        self._rows: dict[type[Model], list[tuple[Any, ...]]] = {}
        self._ids: dict[type[Model], Iterator[int]] = {}
        self._waiting = 0

    def declare(self, model: type[Model], columns: str) -> None:
        """`columns` are the names of the table's columns, separated by spaces, as `add` will be given them."""
        self._columns[model] = columns.split()
        self._rows[model] = []

    def add(self, model: type[Model], *row: Any) -> None:
        self._rows[model].append(row)
        self._waiting += 1
        if self._waiting >= BATCH:
            self.flush()

    def next_id(self, model: type[Model]) -> int:
        """The next number of the table's own sequence, ascending."""
        if model not in self._ids:
            self._ids[model] = _ids(model._meta.db_table)
        return next(self._ids[model])

    def flush(self) -> None:
        for model, rows in self._rows.items():
            if rows:
                _write(model, self._columns[model], rows)
                rows.clear()
        self._waiting = 0


def _ids(table: str) -> Iterator[int]:
    if connection.vendor != "postgresql":
        last = fetch_all("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        yield from count(last[0][0] + 1 if last else 1)
    while True:
        taken = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"
        yield from sorted(number for (number,) in fetch_all(taken, [table, _IDS]))


def _write(model: type[Model], columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    table = model._meta.db_table
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        adapt = _adapters(model, columns)
        cursor.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({placeholders(len(columns))})",
            ([value if to is None else to(value) for value, to in zip(row, adapt, strict=True)] for row in rows),
        )


def _adapters(model: type[Model], columns: Sequence[str]) -> list[Callable[[Any], Any] | None]:
    """Of each column, how SQLite stores it; None where it takes the value as it is."""
    fields = {field.column: field for field in model._meta.concrete_fields}

    def of(field: Any) -> Callable[[Any], Any] | None:
        return (lambda value: field.get_db_prep_value(value, connection)) if isinstance(field, _ADAPTED) else None

    return [of(fields[column]) for column in columns]


def both(at: datetime) -> tuple[datetime, datetime]:
    """`created_at` and `updated_at` of a row that was never touched again."""
    return at, at

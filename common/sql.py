"""Hand-written SQL for the hot paths: one round trip each, portable between PostgreSQL and SQLite."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, connection
from django.db.models import Field, Model, UniqueConstraint

from common import prepared
from common.prepared import Statement


def fetch_all(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def fetch_one(sql: str, params: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def fetch_together(*statements: Statement) -> list[list[tuple[Any, ...]]]:
    """The rows of several statements, executed in order, for one round trip (PostgreSQL: one simple query).

    Each statement sees what was committed when it began: one that waited for a lock is followed by one that sees what
    the lock's former holder wrote.
    """
    if connection.vendor != "postgresql":
        return [fetch_all(sql, params) for sql, params in statements]
    with connection.cursor() as cursor:
        cursor.execute(";".join(sql for sql, _ in statements), [param for _, params in statements for param in params])
        return _all_rows(cursor)


def fetch_prepared(*statements: Statement) -> list[list[tuple[Any, ...]]]:
    """`fetch_together` for the hottest paths: PostgreSQL plans each of these texts once a connection."""
    if connection.vendor != "postgresql":
        return fetch_together(*statements)
    trip = prepared.Trip(statements)
    with connection.cursor() as cursor:
        trip.execute(cursor)
        for _before in (*trip.begins, *trip.prepares):
            cursor.nextset()
        return _all_rows(cursor)


def _all_rows(cursor: Any) -> list[list[tuple[Any, ...]]]:
    rows = [cursor.fetchall()]
    while cursor.nextset():
        rows.append(cursor.fetchall())
    return rows


def next_id(table: str) -> tuple[str, list[str]]:
    """The statement that takes the next id of a table, so that rows that refer to it can be written together with it.

    On SQLite only inside a transaction: its only writer is then us.
    """
    if connection.vendor == "postgresql":
        return "SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [table]
    return "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = %s), 0) + 1", [table]


def one_at_a_time(name: str) -> None:
    """Until the transaction ends nobody else gets past this call with the same name; there need not be a row to lock.

    SQLite's transactions have the only writer already.
    """
    if connection.vendor == "postgresql":
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def placeholders(count: int) -> str:
    """`placeholders(3)` → `%s, %s, %s`."""
    return ", ".join(["%s"] * count)


def values_rows(rows: int, columns: int) -> str:
    """The VALUES list of a multi-row INSERT: `values_rows(2, 2)` → `(%s, %s), (%s, %s)`."""
    return ", ".join([f"({placeholders(columns)})"] * rows)


def for_update(of: str = "") -> str:
    """The row lock of PostgreSQL; SQLite's IMMEDIATE transactions have the only writer already."""
    if not connection.features.has_select_for_update:
        return ""
    return f" FOR NO KEY UPDATE OF {of}" if of else " FOR NO KEY UPDATE"


def violates(error: IntegrityError, model: type[Model], name: str) -> bool:
    """Whether it was this unique constraint of the model that refused: PostgreSQL names it, SQLite its columns."""
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is not None:
        return bool(diagnosis.constraint_name == name)
    unique = [each for each in model._meta.constraints if isinstance(each, UniqueConstraint) and each.name == name]
    columns = [
        f"{model._meta.db_table}.{field.column}"
        for constraint in unique
        for field in map(model._meta.get_field, constraint.fields)
        if isinstance(field, Field)
    ]
    return str(error) == f"UNIQUE constraint failed: {', '.join(columns)}"


def adapt(value: Any, field: Any) -> Any:
    """A Python value as this database wants it in hand-written SQL (SQLite stores UUIDs and times as text)."""
    return field.get_db_prep_value(value, connection, prepared=False)

"""Hand-written SQL for the hot paths: one round trip each, portable between PostgreSQL and SQLite."""

from collections.abc import Sequence
from typing import Any

from django.db import connection


def fetch_all(sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def fetch_one(sql: str, params: Sequence[Any] = ()) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchone()


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


def adapt(value: Any, field: Any) -> Any:
    """A Python value as this database wants it in hand-written SQL (SQLite stores UUIDs and times as text)."""
    return field.get_db_prep_value(value, connection, prepared=False)

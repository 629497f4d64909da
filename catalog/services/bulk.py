"""Many rows at once, touching only those that differ."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from django.db import connection, models

from catalog.rows import Counts
from common.unit_of_work import unit_of_work

_INCOMING = "catalog_incoming"


class _TakenBack(Exception):
    """Ends a dry run."""


@contextmanager
def rehearsable(*, dry_run: bool) -> Iterator[None]:
    """A unit of work; a dry run does it all and then takes it back."""
    with suppress(_TakenBack), unit_of_work():
        yield
        if dry_run:
            raise _TakenBack


def upsert(
    model: type[models.Model],
    rows: Iterable[Sequence[Any]],
    *,
    columns: Sequence[str],
    key: Sequence[str],
    keep: frozenset[str] = frozenset(),
    rules: Mapping[str, str] | None = None,
) -> Counts:
    """Insert rows or bring stored ones up to date, in the caller's transaction.

    `key` columns identify a row (they have a unique constraint) and may occur once among the rows. `keep` columns are
    only set on insert. `rules` give the new value of a column as SQL over `{old}` and `{new}`, instead of the incoming
    one. PostgreSQL locks stored rows in the order of their keys, as every other writer does.
    """
    table = model._meta.db_table
    rules = rules or {}
    new_values = {
        column: rules.get(column, "{new}." + column).format(old=table, new="excluded")
        for column in columns
        if column not in key and column not in keep
    }
    if connection.vendor == "postgresql":
        return _postgresql(table, str(model._meta.pk.column), rows, columns, key, new_values)
    return _sqlite(table, rows, columns, key, new_values)


def _postgresql(
    table: str,
    pk: str,
    rows: Iterable[Sequence[Any]],
    columns: Sequence[str],
    key: Sequence[str],
    new_values: Mapping[str, str],
) -> Counts:
    names, keys = ", ".join(columns), ", ".join(key)
    total = 0
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {_INCOMING} ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA")
        with cursor.copy(f"COPY {_INCOMING} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
                total += 1
        cursor.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {table} t JOIN {_INCOMING} USING ({keys}) "
            f"ORDER BY t.{pk} FOR NO KEY UPDATE OF t) AS locked"
        )
        cursor.execute(
            f"""
            WITH written AS (
                INSERT INTO {table} ({names}) SELECT {names} FROM {_INCOMING} ORDER BY {keys}
                ON CONFLICT ({keys}) DO UPDATE
                SET {", ".join(f"{column} = {value}" for column, value in new_values.items())}, updated_at = now()
                WHERE ({", ".join(f"{table}.{column}" for column in new_values)})
                    IS DISTINCT FROM ({", ".join(new_values.values())})
                RETURNING (xmax = 0) AS is_new
            )
            SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
            """
        )
        created, updated = cursor.fetchone()
        cursor.execute(f"DROP TABLE {_INCOMING}")
    return Counts(created, updated, total - created - updated)


def _sqlite(
    table: str,
    rows: Iterable[Sequence[Any]],
    columns: Sequence[str],
    key: Sequence[str],
    new_values: Mapping[str, str],
) -> Counts:
    total = 0

    def counted() -> Iterable[Sequence[Any]]:
        nonlocal total
        for row in rows:
            total += 1
            yield row

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        (before,) = cursor.fetchone()
        cursor.executemany(
            f"""
            INSERT INTO {table} ({", ".join(columns)}) VALUES ({", ".join(["%s"] * len(columns))})
            ON CONFLICT ({", ".join(key)}) DO UPDATE
            SET {", ".join(f"{column} = {value}" for column, value in new_values.items())},
                updated_at = strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')
            WHERE {" OR ".join(f"{table}.{column} IS NOT {value}" for column, value in new_values.items())}
            """,
            counted(),  # type: ignore[arg-type]  # any iterable will do
        )
        touched = max(cursor.rowcount, 0)
        cursor.execute(f"SELECT count(*) FROM {table}")
        (after,) = cursor.fetchone()
    created = after - before
    return Counts(created, touched - created, total - touched)

"""Many rows at once, touching only those that differ."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from catalog.rows import Counts
from catalog.services.rules import Rule
from common.unit_of_work import unit_of_work

_INCOMING = "catalog_incoming"
_NO_RULES: Mapping[str, Rule] = {}


class _TakenBack(Exception):
    """Ends a dry run."""


@dataclass(frozen=True, slots=True)
class Upserted:
    """What an upsert did; `changed` are the first key columns of the rows that were created or updated, `overtaken` the
    keys of those that stay as they are because what is stored is newer."""

    counts: Counts
    changed: frozenset[Any]
    overtaken: frozenset[tuple[Any, ...]] = frozenset()


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
    rules: Mapping[str, Rule] = _NO_RULES,
    before: Sequence[str] = (),
    as_of: str = "",
) -> Upserted:
    """Insert rows or bring stored ones up to date, in the caller's transaction.

    `key` columns identify a row (they have a unique constraint) and may occur once among the rows. `keep` columns are
    only set on insert. `rules` give the new value of a column instead of the incoming one. `before` are statements
    that run once the stored rows are locked; `{incoming}` in them is the table of the rows. PostgreSQL locks stored
    rows in the order of their keys, as every other writer does. `as_of` is the column with the moment at which a row
    was so: a stored row with a later one stays, unless that one is yet to come.
    """
    table = model._meta.db_table
    new_values = {
        column: rules[column].sql.format(old=table, new="excluded") if column in rules else f"excluded.{column}"
        for column in columns
        if column not in key and column not in keep
    }
    names, keys = ", ".join(columns), ", ".join(key)
    with connection.cursor() as cursor:
        total = _stage(cursor, table, rows, columns)
        if connection.vendor == "postgresql":
            _lock(cursor, table, str(model._meta.pk.column), keys)
            condition = (
                f"({', '.join(f'{table}.{column}' for column in new_values)}) "
                f"IS DISTINCT FROM ({', '.join(new_values.values())})"
            )
            now, is_new, clock = "now()", "(xmax = 0)", "clock_timestamp()"
        else:
            condition = " OR ".join(f"{table}.{column} IS NOT {value}" for column, value in new_values.items())
            now = clock = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
            is_new = "NULL"
        if as_of:
            # A clock that was ahead would lock everybody else out until then.
            is_newer = f"{table}.{as_of} <= excluded.{as_of} OR {table}.{as_of} > {clock}"
            condition = f"({is_newer}) AND ({condition})"
        for statement in before:
            cursor.execute(statement.format(incoming=_INCOMING))
        size = _size(cursor, table)
        cursor.execute(
            # SQLite takes ON CONFLICT for part of a join without a WHERE before it.
            f"INSERT INTO {table} ({names}) SELECT {names} FROM {_INCOMING} WHERE true ORDER BY {keys} "
            f"ON CONFLICT ({keys}) DO UPDATE "
            f"SET {', '.join(f'{column} = {value}' for column, value in new_values.items())}, updated_at = {now} "
            f"WHERE {condition} RETURNING {key[0]}, {is_new}"
        )
        written = cursor.fetchall()
        created = sum(is_new for _key, is_new in written) if size is None else (_size(cursor, table) or 0) - size
        overtaken = _overtaken(cursor, table, key, as_of) if as_of else frozenset()
        cursor.execute(f"DROP TABLE {_INCOMING}")
    counts = Counts(created, len(written) - created, total - len(written))
    return Upserted(counts, frozenset(first for first, _is_new in written), overtaken)


def _stage(cursor: Any, table: str, rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> int:
    """The rows in a table of their own; how many they are."""
    names = ", ".join(columns)
    total = 0
    if connection.vendor == "postgresql":
        cursor.execute(f"CREATE TEMPORARY TABLE {_INCOMING} ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA")
        with cursor.copy(f"COPY {_INCOMING} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
                total += 1
        return total

    def counted() -> Iterable[Sequence[Any]]:
        nonlocal total
        for row in rows:
            total += 1
            yield row

    cursor.execute(f"CREATE TEMPORARY TABLE {_INCOMING} AS SELECT {names} FROM {table} WHERE false")
    cursor.executemany(f"INSERT INTO {_INCOMING} VALUES ({', '.join(['%s'] * len(columns))})", counted())
    return total


def _lock(cursor: Any, table: str, pk: str, keys: str) -> None:
    cursor.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM {table} t JOIN {_INCOMING} USING ({keys}) "
        f"ORDER BY t.{pk} FOR NO KEY UPDATE OF t) AS locked"
    )


def _overtaken(cursor: Any, table: str, key: Sequence[str], as_of: str) -> frozenset[tuple[Any, ...]]:
    """Asked afterwards, when every row is held: also one that somebody has created meanwhile."""
    cursor.execute(
        f"SELECT {', '.join(f't.{column}' for column in key)} "
        f"FROM {table} t JOIN {_INCOMING} i USING ({', '.join(key)}) WHERE t.{as_of} > i.{as_of}"
    )
    return frozenset(cursor.fetchall())


def _size(cursor: Any, table: str) -> int | None:
    """Rows of the table, where RETURNING cannot tell new rows from updated ones."""
    if connection.vendor == "postgresql":
        return None
    cursor.execute(f"SELECT count(*) FROM {table}")
    size: int = cursor.fetchone()[0]
    return size

"""A transaction that sends what nobody reads back in one statement, just before it commits.

Round trips are the cost of a request. Rows that are only written (ledger entries, lines, events, the stored answer)
are handed over with `insert()` and `write()`; PostgreSQL receives them all as one statement of data-modifying CTEs,
SQLite one after the other. They succeed or fail with the transaction like any other statement; a constraint that one
of them breaks raises `django.db.IntegrityError` at the end of the unit.

Rows of one table keep the order in which they came. Otherwise deferred statements must not depend on one another: in
PostgreSQL they share one snapshot.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction

from common.prepared import Trip, begins_next
from common.sql import placeholders, values_rows

Statement = tuple[str, list[Any]]
Result = TypeVar("Result")

# Serialization failure, deadlock detected.
_VICTIM = {"40001", "40P01"}
_PAUSE_SECONDS = 0.1


class UnitOfWork:
    def __init__(self, depth: int = 0) -> None:
        self._depth = depth
        self._work: list[tuple[str, tuple[str, ...], list[Any]]] = []

    def defers_here(self) -> bool:
        """Not below a savepoint of somebody's own: what is written there must go when that is rolled back."""
        return _savepoints() == self._depth

    def add(self, sql_or_table: str, columns: tuple[str, ...], params: Sequence[Any]) -> None:
        self._work.append((sql_or_table, columns, list(params)))

    def flush(self, *, commit: bool) -> None:
        """Send what was handed over. With `commit` PostgreSQL's COMMIT travels along.

        psycopg then finds no transaction open when Django commits, and spares the round trip; where a statement fails
        the COMMIT behind it is not executed, and Django rolls back as ever.
        """
        connection.validate_no_broken_transaction()
        only_inserts = all(columns for _target, columns, _params in self._work)
        statements, self._work = self._statements(), []
        if not statements:
            return
        with connection.cursor() as cursor:
            if connection.vendor != "postgresql":
                for sql, params in statements:
                    cursor.execute(sql, params)
                return
            sql, params = _as_one(statements)
            if only_inserts:
                # The columns tell the types of the parameters.
                Trip([(sql, params)]).execute(cursor, then="COMMIT" if commit else "")
            else:
                cursor.execute(f"{sql}{'; COMMIT' if commit else ''}", params)

    def _statements(self) -> list[Statement]:
        """One multi-row INSERT per table, then whatever else there is, in order."""
        rows: dict[tuple[str, tuple[str, ...]], list[list[Any]]] = {}
        others: list[Statement] = []
        for target, columns, params in self._work:
            if columns:
                rows.setdefault((target, columns), []).append(params)
            else:
                others.append((target, params))
        inserts = [
            (
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values_rows(len(some), len(columns))}",
                [param for row in some for param in row],
            )
            for (table, columns), some in rows.items()
        ]
        return inserts + others


def _as_one(statements: list[Statement]) -> Statement:
    *ctes, (last_sql, params) = statements
    with_clause = ", ".join(f"w{number} AS ({sql})" for number, (sql, _) in enumerate(ctes))
    return f"{f'WITH {with_clause} ' if ctes else ''}{last_sql}", [param for _, some in ctes for param in some] + params


def _savepoints() -> int:
    # A nested atomic block without a savepoint of its own stands there as None.
    return sum(each is not None for each in connection.savepoint_ids)


_current: ContextVar[UnitOfWork | None] = ContextVar("unit_of_work", default=None)


@contextmanager
def unit_of_work(*, locks_nothing: bool = False, begins_late: bool = False) -> Iterator[UnitOfWork]:
    """`transaction.atomic()` with deferred writes; a nested unit is part of the outer one.

    There is no savepoint to return to: where a nested unit raises, the outer one cannot be saved by catching that, and
    ends in `django.db.transaction.TransactionManagementError`.

    `locks_nothing` promises that all it does before the end is to read: then PostgreSQL is spared BEGIN and COMMIT,
    because everything handed over is one statement. `begins_late` promises that the first thing that is asked is a
    `common.sql.fetch_prepared`: PostgreSQL's BEGIN then travels along with it. Where a unit is nested in another,
    either changes nothing.
    """
    outer = _current.get()
    if outer is not None:
        with transaction.atomic(savepoint=False):
            yield outer
        return
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        unit = UnitOfWork(depth=_savepoints())
        token = _current.set(unit)
        spares_begin = (locks_nothing or begins_late) and is_outermost and connection.vendor == "postgresql"
        raw = connection.connection
        try:
            if spares_begin:
                raw.autocommit = True
                begins_next.set(begins_late)
            yield unit
            unit.flush(commit=is_outermost and not (spares_begin and locks_nothing))
            if spares_begin:
                # Where nothing was handed over, BEGIN still waits for its end.
                raw.commit()
        finally:
            if spares_begin and not raw.closed:
                begins_next.set(False)
                raw.rollback()
                raw.autocommit = False
            # Before the commit: what runs after it (`on_commit`) must not write into a unit that was sent already.
            _current.reset(token)


def in_unit() -> bool:
    """Whether a unit of work is open, to which a nested one would belong."""
    return _current.get() is not None


def retry_deadlocks(work: Callable[[], Result], *, tries: int = 3) -> Result:
    """Run a unit of work again where PostgreSQL chose it as the victim of a deadlock or a serialization failure.

    Only for work that begins the transaction itself: inside of one there is nothing to begin anew.
    """
    for _again in range(tries - 1):
        try:
            return work()
        except OperationalError as error:
            if connection.in_atomic_block or getattr(error.__cause__, "sqlstate", None) not in _VICTIM:
                raise
    return work()


def persist(work: Callable[[], Result], *, tries: int = 4) -> Result:
    """Write down what nobody will say a second time: again where the database was busy, or a connection was lost.

    `work` is a unit of work, safe to run twice: where the connection is lost at the commit, it may have been written.
    """
    for attempt in range(tries - 1):
        try:
            return work()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:
                raise
            connection.close_if_unusable_or_obsolete()
            time.sleep(_PAUSE_SECONDS * 2**attempt)
    return work()


def insert(table: str, columns: tuple[str, ...], values: Sequence[Any]) -> None:
    """Insert one row at the end of the current unit of work, or now where there is none."""
    unit = _current.get()
    if unit is not None and unit.defers_here():
        unit.add(table, columns, values)
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({placeholders(len(columns))})", list(values)
        )


def write(sql: str, params: Sequence[Any]) -> None:
    """Execute a statement whose result nobody needs at the end of the current unit of work, or now."""
    unit = _current.get()
    if unit is not None and unit.defers_here():
        unit.add(sql, (), params)
        return
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params))

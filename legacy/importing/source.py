"""Reading the old database: as of one moment, without changing anything, with its naive times in their zone."""

from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

import psycopg

from common.errors import Invalid

# Where the old service ran: its times are local and say no zone.
ZONE = ZoneInfo("Africa/Libreville")
_FETCHED = 10_000

_COLUMNS = {
    "users": "id firstname lastname email phone role password created_at updated_at",
    "rates": "id libelle price credit created_at updated_at",
    "accounts": "id credit subscription_date activate user_id rate_id created_at updated_at",
    "pricelists": "id libelle credit created_at updated_at",
    "events": "id ip_address action entity entity_id current_user_id amount date_time",
}
# Numbers that may be NaN or have decimals come as text: nothing near money is a float here.
_AS_TEXT = {("rates", "price"), ("rates", "credit"), ("pricelists", "credit"), ("events", "amount")}
_TIMES = {"created_at", "updated_at", "subscription_date", "date_time"}


class OldUser(NamedTuple):
    id: int
    firstname: str | None
    lastname: str | None
    email: str | None
    phone: str | None
    role: str | None
    password: str | None
    created_at: datetime | None
    updated_at: datetime | None


class OldRate(NamedTuple):
    id: int
    libelle: str | None
    price: str | None
    credit: str | None
    created_at: datetime | None
    updated_at: datetime | None


class OldAccount(NamedTuple):
    id: int
    credit: int | None
    subscription_date: datetime | None
    activate: bool | None
    user_id: int | None
    rate_id: int | None
    created_at: datetime | None
    updated_at: datetime | None


class OldPriceList(NamedTuple):
    id: int
    libelle: str | None
    credit: str | None
    created_at: datetime | None
    updated_at: datetime | None


class OldEvent(NamedTuple):
    id: int
    ip_address: str | None
    action: str | None
    entity: str | None
    entity_id: str | None
    current_user_id: int | None
    amount: str | None
    date_time: datetime | None


class Movement(NamedTuple):
    """So many events that tell of one kind of movement of credits."""

    action: str
    entity: str | None
    entity_id: str | None
    current_user_id: int | None
    amount: str | None
    times: int


class OldDatabase:
    """A context: all that is read within is of one moment. Raises `Invalid` where it is not the old schema."""

    def __init__(self, url: str) -> None:
        self._connection: psycopg.Connection[Any] = psycopg.connect(url, connect_timeout=10)

    def __enter__(self) -> Self:
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True
        missing = sorted(self._missing())
        if missing:
            self._connection.close()
            raise Invalid(f"This is not the old database: it lacks {', '.join(missing)}.", code="not_the_old_schema")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def users(self) -> list[OldUser]:
        return [OldUser(*row) for row in self._rows("users")]

    def rates(self) -> list[OldRate]:
        return [OldRate(*row) for row in self._rows("rates")]

    def accounts(self) -> list[OldAccount]:
        return [OldAccount(*row) for row in self._rows("accounts")]

    def price_lists(self) -> list[OldPriceList]:
        return [OldPriceList(*row) for row in self._rows("pricelists")]

    def events(self, *, after: int) -> Iterator[OldEvent]:
        """In the order of their ids, read piece by piece; those above `after`."""
        with self._connection.cursor(name="events") as cursor:
            cursor.itersize = _FETCHED
            cursor.execute(f"SELECT {_selected('events')} FROM events WHERE id > %s ORDER BY id", [after])
            for row in cursor:
                yield OldEvent(*row)

    def count_events(self, *, after: int = 0) -> int:
        row = self._connection.execute("SELECT count(*) FROM events WHERE id > %s", [after]).fetchone()
        return int(row[0]) if row else 0

    def movements(self, actions: list[str]) -> list[Movement]:
        """The events of these actions, those alike counted together."""
        rows = self._connection.execute(
            "SELECT action, entity, entity_id, current_user_id, amount::text, count(*) FROM events "
            "WHERE action = ANY(%s) GROUP BY 1, 2, 3, 4, 5 ORDER BY min(id)",
            [actions],
        )
        return [Movement(*row) for row in rows]

    def _rows(self, table: str) -> Iterator[tuple[Any, ...]]:
        yield from self._connection.execute(f"SELECT {_selected(table)} FROM {table} ORDER BY id")

    def _missing(self) -> Iterator[str]:
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.table_name, c.column_name FROM information_schema.columns c "
                "WHERE c.table_schema = ANY(current_schemas(false)) AND c.table_name = ANY(%s)",
                [list(_COLUMNS)],
            )
            there = set(cursor.fetchall())
        for table, columns in _COLUMNS.items():
            yield from (f"{table}.{column}" for column in columns.split() if (table, column) not in there)


def _selected(table: str) -> str:
    return ", ".join(_expression(table, column) for column in _COLUMNS[table].split())


def _expression(table: str, column: str) -> str:
    if (table, column) in _AS_TEXT:
        return f"{column}::text"
    if column in _TIMES:
        # No infinity, and nothing that a date of Python's cannot be.
        return f"CASE WHEN {column} BETWEEN '1900-01-01' AND '2199-12-31' THEN {column} END"
    return f"{column}::text" if column == "entity_id" else column


def moment(naive: datetime | None) -> datetime | None:
    """An old time with its zone."""
    return None if naive is None else naive.replace(tzinfo=ZONE)

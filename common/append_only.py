"""Tables that only grow: triggers that refuse UPDATE, DELETE and TRUNCATE, whoever asks.

Used in migrations: `operations = [append_only("audit_event")]`. On PostgreSQL the application's role is not even
granted UPDATE or DELETE on such a table (`common.receivers`), so the trigger is the second lock on the door.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, migrations

_POSTGRES = """
CREATE OR REPLACE FUNCTION append_only_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION append_only_refuse();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION append_only_refuse();
"""
_POSTGRES_UNDO = """
DROP TRIGGER append_only_rows ON {table};
DROP TRIGGER append_only_truncate ON {table};
"""
_SQLITE = (
    "CREATE TRIGGER append_only_{event}_{table} BEFORE {event} ON {table} "
    "BEGIN SELECT RAISE(ABORT, 'table {table} is append-only'); END"
)


def _execute(schema_editor: Any, statements: list[str]) -> None:
    for statement in statements:
        # No parameters: psycopg and sqlite3 then leave percent signs alone.
        schema_editor.execute(statement, params=None)


def _forwards(table: str) -> Any:
    def run(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            _execute(schema_editor, [_POSTGRES.format(table=table)])
        else:
            _execute(schema_editor, sqlite_triggers(table))

    return run


def _backwards(table: str) -> Any:
    def run(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            _execute(schema_editor, [_POSTGRES_UNDO.format(table=table)])
        else:
            _execute(schema_editor, [f"DROP TRIGGER append_only_{e}_{table}" for e in ("update", "delete")])

    return run


def sqlite_triggers(table: str) -> list[str]:
    """The statements that make `table` append-only on SQLite."""
    return [_SQLITE.format(event=event, table=table) for event in ("update", "delete")]


def append_only(table: str) -> migrations.RunPython:
    """A reversible migration operation that makes `table` append-only on both engines."""
    return migrations.RunPython(_forwards(table), _backwards(table))


@contextmanager
def lifted_for_delete(table: str) -> Iterator[None]:
    """Let the current transaction, and only it, delete from `table`. On PostgreSQL only its owner can ask for that.

    Writers wait until the transaction ends.
    """
    if connection.vendor == "postgresql":
        lift, restore = (f"ALTER TABLE {table} {verb} TRIGGER append_only_rows" for verb in ("DISABLE", "ENABLE"))
    else:
        lift, restore = f"DROP TRIGGER append_only_delete_{table}", _SQLITE.format(event="delete", table=table)
    with connection.cursor() as cursor:
        cursor.execute(lift)
        yield
        cursor.execute(restore)


def append_only_tables() -> list[str]:
    """The tables that carry the triggers, as the connected database tells it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only_rows' ORDER BY 1"
            )
        else:
            cursor.execute(
                "SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s ORDER BY 1",
                ["append_only_%"],
            )
        return [name for (name,) in cursor.fetchall()]

"""What makes a table a tenant's, for migrations: keys that `merchant_id` leads, and rows that only its own block sees.

    operations = [tenant_table("marketplaces_listing", references={"item_id": "marketplaces_item"})]

On PostgreSQL the primary key becomes (merchant_id, id), references go to it (so that no row can name another
merchant's), and row-level security is forced: also the owner of the table sees no row. On SQLite, which has neither,
triggers hold the references; whoever lets Django rebuild such a table in a later migration creates them again
(`rebuilt_table`). The policy for staff is made after the migrations (`receivers`): it names the role of
`DATABASE_STAFF_URL`.
"""

from collections.abc import Mapping
from typing import Any

from django.db import migrations

STAFF_POLICY = "staff_crosses"
_MERCHANT = "NULLIF(current_setting('app.merchant_id', true), '')::bigint"
PERSON = "NULLIF(current_setting('app.user_id', true), '')::bigint"

_KEY = """
ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (merchant_id, id);
"""
_KEY_UNDO = """
ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (id);
"""
_REFERENCE = """
ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_fk FOREIGN KEY (merchant_id, {column})
    REFERENCES {target} (merchant_id, id) DEFERRABLE INITIALLY DEFERRED;
"""
_REFERENCE_UNDO = "ALTER TABLE {table} DROP CONSTRAINT {table}_{column}_fk;"
_SECURITY = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_merchant ON {table} USING ({owner} = {merchant}) WITH CHECK ({owner} = {merchant});
"""
_SECURITY_UNDO = """
DROP POLICY IF EXISTS staff_crosses ON {table};
DROP POLICY own_merchant ON {table};
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
"""
_SQLITE = """
CREATE TRIGGER same_merchant_{event}_{table}_{column} BEFORE {event} ON {table}
WHEN NEW.{column} IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM {target} WHERE id = NEW.{column} AND merchant_id = NEW.merchant_id
)
BEGIN SELECT RAISE(ABORT, 'FOREIGN KEY constraint failed: {table}.{column}'); END
"""


def tenant_table(table: str, *, references: Mapping[str, str] | None = None) -> migrations.RunPython:
    """A reversible operation that makes `table` a tenant's; `references` maps columns to other tenants' tables."""
    targets = dict(references or {})

    def forwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            _execute(schema_editor, _KEY.format(table=table))
            for column, target in targets.items():
                _execute(schema_editor, _REFERENCE.format(table=table, column=column, target=target))
            _execute(schema_editor, _SECURITY.format(table=table, owner="merchant_id", merchant=_MERCHANT))
            return
        _hold_references(schema_editor, table, targets)

    def backwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            _execute(schema_editor, _SECURITY_UNDO.format(table=table))
            for column in targets:
                _execute(schema_editor, _REFERENCE_UNDO.format(table=table, column=column))
            _execute(schema_editor, _KEY_UNDO.format(table=table))
            return
        for column in targets:
            for event in ("insert", "update"):
                _execute(schema_editor, f"DROP TRIGGER same_merchant_{event}_{table}_{column}")

    return migrations.RunPython(forwards, backwards)


def rebuilt_table(table: str, *, references: Mapping[str, str]) -> migrations.RunPython:
    """After a migration for which Django rebuilt the table on SQLite: its references are held again."""

    def forwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "sqlite":
            for column in references:
                for event in ("insert", "update"):
                    _execute(schema_editor, f"DROP TRIGGER IF EXISTS same_merchant_{event}_{table}_{column}")
            _hold_references(schema_editor, table, references)

    return migrations.RunPython(forwards, migrations.RunPython.noop)


def merchants_table(table: str) -> migrations.RunPython:
    """The table of the merchants themselves, each of which its own block sees."""

    def forwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            _execute(schema_editor, _SECURITY.format(table=table, owner="id", merchant=_MERCHANT))

    def backwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            _execute(schema_editor, _SECURITY_UNDO.format(table=table))

    return migrations.RunPython(forwards, backwards)


def further_policies(table: str, policies: Mapping[str, str]) -> migrations.RunPython:
    """Policies of a table that has its own already: name → `FOR … USING (…)`."""

    def forwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            for name, rest in policies.items():
                _execute(schema_editor, f"CREATE POLICY {name} ON {table} {rest}")

    def backwards(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            for name in policies:
                _execute(schema_editor, f"DROP POLICY {name} ON {table}")

    return migrations.RunPython(forwards, backwards)


def _hold_references(schema_editor: Any, table: str, references: Mapping[str, str]) -> None:
    for column, target in references.items():
        for event in ("insert", "update"):
            _execute(schema_editor, _SQLITE.format(event=event, table=table, column=column, target=target))


def _execute(schema_editor: Any, statement: str) -> None:
    # No parameters: psycopg and sqlite3 then leave percent signs alone.
    schema_editor.execute(statement, params=None)

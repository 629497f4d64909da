"""Constraints for tables that are large already: writers never wait for their rows to be looked through.

Migrations that use this say `atomic = False`. What was interrupted is started anew.
"""

from typing import Any

from django.db import migrations


class _Online(migrations.AddConstraint):
    """Added by `add` where it has to be online, on PostgreSQL; elsewhere as Django does it."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            self.add(schema_editor, model)

    def add(self, schema_editor: Any, model: Any) -> None:
        raise NotImplementedError


class AddCheckOnline(_Online):
    """A check, on every engine; on PostgreSQL it holds for new rows first, then the old ones are looked through."""

    def add(self, schema_editor: Any, model: Any) -> None:
        table = schema_editor.quote_name(model._meta.db_table)
        name = schema_editor.quote_name(self.constraint.name)
        schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}", params=None)
        schema_editor.execute(f"{self.constraint.create_sql(model, schema_editor)} NOT VALID", params=None)
        schema_editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}", params=None)


class AddUniqueOnline(_Online):
    """A unique constraint with a condition, which is an index: on PostgreSQL built and dropped concurrently."""

    def add(self, schema_editor: Any, model: Any) -> None:
        self._drop(schema_editor)
        statement = str(self.constraint.create_sql(model, schema_editor))
        schema_editor.execute(statement.replace(" INDEX ", " INDEX CONCURRENTLY ", 1), params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor != "postgresql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(schema_editor.connection.alias, model):
            self._drop(schema_editor)

    def _drop(self, schema_editor: Any) -> None:
        name = schema_editor.quote_name(self.constraint.name)
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}", params=None)

"""Indexes for tables that are large already: writers never wait for them to be built.

Migrations that use this say `atomic = False`. A build that was interrupted is started anew: what it left is dropped.
"""

from collections.abc import Sequence
from typing import Any

from django.db import migrations, router

# What a BRIN index keeps of a table: the span of each so many pages of 8 kB.
_PAGES = 32


class AddIndexOnline(migrations.AddIndex):
    """An index of the model, on every engine; on PostgreSQL built and dropped concurrently."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(_DROP.format(name=schema_editor.quote_name(self.index.name)))
            schema_editor.add_index(model, self.index, concurrently=True)
        else:
            schema_editor.add_index(model, self.index)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.remove_index(model, self.index, concurrently=True)
        else:
            schema_editor.remove_index(model, self.index)


class RemoveIndexOnline(migrations.RemoveIndex):
    """The other way round."""

    atomic = False

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._added(app_label, from_state).database_backwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._added(app_label, to_state).database_forwards(app_label, schema_editor, from_state, to_state)

    def _added(self, app_label: str, state: Any) -> AddIndexOnline:
        index = state.models[app_label, self.model_name_lower].get_index_by_name(self.name)
        return AddIndexOnline(self.model_name, index)


def time_index(model: str, column: str, *, name: str) -> migrations.RunPython:
    """For "since then" over a table whose rows come in the order of `column` (`model` is `app.model`).

    BRIN on PostgreSQL: a few pages for a million rows, and next to nothing to write; an ordinary index on SQLite.
    """
    brin = f"USING brin ({column}) WITH (pages_per_range = {_PAGES}, autosummarize = on)"
    return _index(model, name, postgresql=brin, sqlite=f"({column})")


def column_index(model: str, columns: str, *, name: str, condition: str = "") -> migrations.RunPython:
    """An ordinary index, over the rows that meet `condition`, where the model cannot declare it: it is a library's,
    or may live in a database that knows no such index. Only where the model's table is relational.
    """
    where = f"({columns}){f' WHERE {condition}' if condition else ''}"
    return _index(model, name, postgresql=where, sqlite=where)


def text_index(model: str, columns: Sequence[str], *, name: str) -> migrations.RunPython:
    """For beginnings and parts of texts on PostgreSQL: trigrams of expressions as Django's `istartswith` writes them.

    pg_trgm is a trusted extension: the owner of the database may create it. SQLite reads the table.
    """
    expressions = ", ".join(f"{column} gin_trgm_ops" for column in columns)
    return _index(model, name, postgresql=f"USING gin ({expressions})", before="CREATE EXTENSION IF NOT EXISTS pg_trgm")


_DROP = "DROP INDEX CONCURRENTLY IF EXISTS {name}"


def _index(model: str, name: str, *, postgresql: str, sqlite: str = "", before: str = "") -> migrations.RunPython:
    app_label, model_name = model.split(".")

    def is_here(apps: Any, schema_editor: Any) -> Any:
        table = apps.get_model(app_label, model_name)
        return table._meta.db_table if router.allow_migrate_model(schema_editor.connection.alias, table) else None

    def forwards(apps: Any, schema_editor: Any) -> None:
        table = is_here(apps, schema_editor)
        if table and schema_editor.connection.vendor == "postgresql":
            if before:
                schema_editor.execute(before)
            schema_editor.execute(_DROP.format(name=name))
            schema_editor.execute(f"CREATE INDEX CONCURRENTLY {name} ON {table} {postgresql}")
        elif table and sqlite and schema_editor.connection.vendor == "sqlite":
            schema_editor.execute(f"CREATE INDEX {name} ON {table} {sqlite}")

    def backwards(apps: Any, schema_editor: Any) -> None:
        if is_here(apps, schema_editor):
            if schema_editor.connection.vendor == "postgresql":
                schema_editor.execute(_DROP.format(name=name))
            elif sqlite and schema_editor.connection.vendor == "sqlite":
                schema_editor.execute(f"DROP INDEX IF EXISTS {name}")

    return migrations.RunPython(forwards, backwards)

"""The index on the time of an event: BRIN on PostgreSQL, where rows come in the order of their time.

A B-tree of a million rows takes 21 MB and is written at every event; this takes 48 kB. Built and dropped concurrently:
the log is never blocked.
"""

from typing import Any

from django.db import migrations


def forwards(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS event_occurred_brin ON audit_event "
            "USING brin (occurred_at) WITH (pages_per_range = 32, autosummarize = on)"
        )
        schema_editor.execute("DROP INDEX CONCURRENTLY IF EXISTS event_occurred")


def backwards(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS event_occurred ON audit_event (occurred_at)")
        schema_editor.execute("DROP INDEX CONCURRENTLY IF EXISTS event_occurred_brin")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("audit", "0003_seals")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(forwards, backwards)],
            state_operations=[migrations.RemoveIndex(model_name="event", name="event_occurred")],
        ),
    ]

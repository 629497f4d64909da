"""The rare kinds of actors of the event log; and no index that nothing reads."""

from typing import Any

from django.db import migrations, models

from common.indexes import AddIndexOnline


# Django adds an index for LIKE to every unique text; nobody looks for a part of a hash, and each event wrote into both.
_FOR_LIKE = """
SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %s::regclass AND pg_get_indexdef(i.indexrelid) LIKE '%%(commitment varchar_pattern_ops)'
"""
_TABLES = ("audit_event", "audit_eventpersonal")


def drop_unread(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in _TABLES:
            with schema_editor.connection.cursor() as cursor:
                cursor.execute(_FOR_LIKE, [table])
                found = cursor.fetchall()
            for name, _definition in found:
                schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def create_unread(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in _TABLES:
            schema_editor.execute(
                f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {table}_commitment_like "
                f"ON {table} (commitment varchar_pattern_ops)"
            )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('audit', '0004_event_time_brin'),
    ]

    operations = [
        AddIndexOnline(
            model_name='event',
            index=models.Index(condition=models.Q(('actor_kind', 'user'), _negated=True), fields=['actor_kind', '-id'], name='event_actor_kind_newest'),
        ),
        AddIndexOnline(
            model_name="event",
            index=models.Index(fields=["entity", "-id"], name="event_entity_kind_newest"),
        ),
        migrations.RunPython(drop_unread, create_unread),
    ]

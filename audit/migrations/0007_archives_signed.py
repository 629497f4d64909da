"""Archives are signed. SQLite makes the table anew, and the triggers that make it append-only with it."""

from django.db import migrations, models

from common.append_only import sqlite_triggers

_TABLE = "audit_archive"


def _append_only_again(apps, schema_editor):
    if schema_editor.connection.vendor != "sqlite":
        return
    for event in ("update", "delete"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS append_only_{event}_{_TABLE}", params=None)
    for statement in sqlite_triggers(_TABLE):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_subject_index")]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, _append_only_again),
        migrations.AddField(
            model_name="archive",
            name="key",
            field=models.CharField(db_default="", default="", max_length=64, verbose_name="clé publique"),
        ),
        migrations.AddField(
            model_name="archive",
            name="signature",
            field=models.CharField(db_default="", default="", max_length=128, verbose_name="signature"),
        ),
        migrations.RunPython(_append_only_again, migrations.RunPython.noop),
    ]

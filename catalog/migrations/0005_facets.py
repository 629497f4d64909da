import django.db.models.functions.text
from django.db import migrations, models

from catalog import fulltext


def _sqlite_only(step):
    """SQLite remakes the table and drops its triggers with it; PostgreSQL only adds columns."""

    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "sqlite":
            step(apps, schema_editor)

    return run


def _take_over(apps, schema_editor):
    """From the products beside the entries; those in a database of their own tell with the next import."""
    if "catalog_product" in schema_editor.connection.introspection.table_names():
        schema_editor.execute(
            "UPDATE catalog_searchentry SET form = p.form, category = p.category FROM catalog_product p "
            "WHERE p.code = catalog_searchentry.code",
            params=None,
        )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_hours_and_duty")]

    operations = [
        migrations.RunPython(_sqlite_only(fulltext.drop), _sqlite_only(fulltext.create)),
        migrations.AddField(
            model_name="searchentry",
            name="form",
            field=models.TextField(blank=True, db_default="", default="", verbose_name="forme"),
        ),
        migrations.AddField(
            model_name="searchentry",
            name="category",
            field=models.CharField(max_length=120, null=True, verbose_name="catégorie"),
        ),
        migrations.AddIndex(
            model_name="searchentry",
            index=models.Index(django.db.models.functions.text.Upper("substance"), name="searchentry_substance"),
        ),
        migrations.RunPython(_take_over, migrations.RunPython.noop),
        migrations.RunPython(_sqlite_only(fulltext.create), _sqlite_only(fulltext.drop)),
    ]

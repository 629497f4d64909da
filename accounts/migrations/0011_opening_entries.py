"""One more kind of entry. On PostgreSQL the constraint is validated without keeping writers out; SQLite makes the
table anew, and the triggers that make it append-only with it."""

from django.db import migrations, models, transaction

from common.append_only import sqlite_triggers

_TABLE, _NAME = "accounts_creditentry", "entry_kind_known"
_OLD = ["welcome", "rate", "spend", "refund", "grant", "adjust"]
_LABELS = ["Crédits de bienvenue", "Achat d'un forfait", "Consommation", "Remboursement", "Crédits offerts", "Correction"]


def _known(kinds):
    return models.CheckConstraint(condition=models.Q(kind__in=kinds), name=_NAME)


def _append_only_again(schema_editor):
    for statement in sqlite_triggers(_TABLE):
        schema_editor.execute(statement, params=None)


class Widen(migrations.AddConstraint):
    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            _append_only_again(schema_editor)
            return
        with transaction.atomic(schema_editor.connection.alias):
            schema_editor.execute(f"ALTER TABLE {_TABLE} DROP CONSTRAINT {_NAME}", params=None)
            schema_editor.execute(f"{self.constraint.create_sql(model, schema_editor)} NOT VALID", params=None)
        schema_editor.execute(f"ALTER TABLE {_TABLE} VALIDATE CONSTRAINT {_NAME}", params=None)


class Unlist(migrations.RemoveConstraint):
    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        super().database_backwards(app_label, schema_editor, from_state, to_state)
        model = to_state.apps.get_model(app_label, self.model_name)
        if schema_editor.connection.vendor == "sqlite" and self.allow_migrate_model(
            schema_editor.connection.alias, model
        ):
            _append_only_again(schema_editor)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("accounts", "0010_account_reviews")]

    operations = [
        Unlist(model_name="creditentry", name=_NAME),
        migrations.AlterField(
            model_name="creditentry",
            name="kind",
            field=models.CharField(
                choices=[*zip(_OLD, _LABELS), ("opening", "Solde repris")], max_length=16, verbose_name="nature"
            ),
        ),
        Widen(model_name="creditentry", constraint=_known([*_OLD, "opening"])),
    ]

"""What came back of a fee in credits is told by the row; the ledger told it until now."""

from typing import Any

from django.db import migrations, models

from common.chunks import by_pk


def note_what_came_back(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    ended = apps.get_model("appointments", "Appointment")._default_manager.using(alias)
    entries = apps.get_model("accounts", "CreditEntry")._default_manager.using(alias).filter(kind="refund")
    for chunk in by_pk(ended.filter(paid_with="credits", status__in=("cancelled", "expired", "no_show"))):
        references = {f"appointment:{row.public_id}:fee": row for row in chunk}
        for reference, amount in entries.filter(reference__in=references).values_list("reference", "amount"):
            ended.filter(pk=references[reference].pk).update(credits_returned=amount)


class Migration(migrations.Migration):
    # The column is there at once; nobody waits while old rows are looked through.
    atomic = False

    dependencies = [
        ("accounts", "0001_initial"),
        ("appointments", "0005_reasonable_dates"),
    ]

    operations = [
        migrations.AddField(
            model_name="appointment",
            name="credits_returned",
            field=models.PositiveBigIntegerField(blank=True, null=True, verbose_name="honoraires rendus en crédits"),
        ),
        migrations.RunPython(note_what_came_back, migrations.RunPython.noop),
    ]

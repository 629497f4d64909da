"""Credits are taken for a fee, or not: none at all paid for it."""

from typing import Any

import django.core.validators
from django.db import migrations, models


def take_no_credits(apps: Any, schema_editor: Any) -> None:
    for name in ("Practitioner", "VisitType"):
        rows = apps.get_model("appointments", name)._default_manager.using(schema_editor.connection.alias)
        rows.filter(fee_credits=0).update(fee_credits=None)


class Migration(migrations.Migration):

    dependencies = [
        ("appointments", "0006_credits_returned"),
    ]

    operations = [
        migrations.RunPython(take_no_credits, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="practitioner",
            name="fee_credits",
            field=models.PositiveBigIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="honoraires en crédits",
            ),
        ),
        migrations.AlterField(
            model_name="visittype",
            name="fee_credits",
            field=models.PositiveBigIntegerField(
                blank=True,
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="honoraires en crédits",
            ),
        ),
        migrations.AddConstraint(
            model_name="practitioner",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee_credits", None), ("fee_credits__gt", 0), _connector="OR"),
                name="practitioner_fee_credits",
            ),
        ),
        migrations.AddConstraint(
            model_name="visittype",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee_credits", None), ("fee_credits__gt", 0), _connector="OR"),
                name="visittype_fee_credits",
            ),
        ),
    ]

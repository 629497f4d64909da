"""The sweep's round over what is on sale; built while everybody writes."""

from django.db import migrations, models

from common.indexes import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('marketplaces', '0013_gate_round'),
    ]

    operations = [
        AddIndexOnline(
            model_name='listing',
            index=models.Index(condition=models.Q(('state__in', ('pending', 'live'))), fields=['merchant', 'id'], name='listing_on_sale'),
        ),
    ]

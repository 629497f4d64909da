"""Staff look for an item of any merchant by its SKU or its code; built while everybody writes."""

from django.db import migrations, models

from common.indexes import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('marketplaces', '0009_pieces_taken'),
    ]

    operations = [
        AddIndexOnline(
            model_name='item',
            index=models.Index(fields=['sku'], name='item_sku_of_all'),
        ),
        AddIndexOnline(
            model_name='item',
            index=models.Index(condition=models.Q(('code', ''), _negated=True), fields=['code'], name='item_code_of_all'),
        ),
    ]

"""What is rare among products, search entries and stock, for their lists; built while everybody writes."""

from django.db import migrations, models

from common.indexes import AddIndexOnline, column_index


_PRODUCTS = (
    ("product_inactive_order", "NOT is_active"),
    ("product_unpriced_order", "price IS NULL"),
    ("product_rare_kind_order", "kind <> 'medicine'"),
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('catalog', '0007_price_history'),
    ]

    operations = [
        AddIndexOnline(
            model_name='searchentry',
            index=models.Index(condition=models.Q(('is_active', False)), fields=['id'], name='searchentry_inactive'),
        ),
        AddIndexOnline(
            model_name='searchentry',
            index=models.Index(condition=models.Q(('kind', 'medicine'), _negated=True), fields=['kind', 'id'], name='searchentry_rare_kind'),
        ),
        AddIndexOnline(
            model_name='stock',
            index=models.Index(condition=models.Q(('quantity', 0)), fields=['pharmacy', 'product_code'], name='stock_empty'),
        ),
        AddIndexOnline(
            model_name='stock',
            index=models.Index(condition=models.Q(('price', None)), fields=['pharmacy', 'product_code'], name='stock_unpriced'),
        ),
        *(column_index("catalog.product", "label, code", name=name, condition=condition) for name, condition in _PRODUCTS),
    ]

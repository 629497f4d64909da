from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('marketplaces', '0014_listings_on_sale'),
    ]

    # Null and without a default: the table is not rewritten, on either engine.
    operations = [
        migrations.AddField(
            model_name='job',
            name='retried_on',
            field=models.DateField(null=True, verbose_name='relancée le'),
        ),
        migrations.AddField(
            model_name='job',
            name='retries',
            field=models.PositiveSmallIntegerField(null=True, verbose_name='relances ce jour-là'),
        ),
    ]

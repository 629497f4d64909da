from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('marketplaces', '0008_running_jobs'),
    ]

    # Null and without a default: the table is not rewritten, on either engine.
    operations = [
        migrations.AddField(
            model_name='orderline',
            name='taken',
            field=models.PositiveIntegerField(editable=False, null=True, verbose_name='prise au stock'),
        ),
    ]

"""What counts of a day is found by it; built while everybody writes."""

from django.db import migrations, models

from common.indexes import AddIndexOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('marketplaces', '0015_retried_jobs'),
    ]

    operations = [
        AddIndexOnline(
            model_name='job',
            index=models.Index(condition=models.Q(('retried_on__isnull', False)), fields=['merchant', 'retried_on'], name='job_retried'),
        ),
    ]

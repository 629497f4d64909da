"""The time and the rare ends of appointments, for their list; built while everybody writes."""

from django.conf import settings
from django.db import migrations, models

from common.indexes import AddIndexOnline, time_index


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("appointments", "0003_moving_for_patients"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexOnline(
            model_name='appointment',
            index=models.Index(condition=models.Q(('status__in', ('cancelled', 'expired', 'no_show'))), fields=['status', '-id'], name='appointment_rare_newest'),
        ),
        time_index("appointments.appointment", "created_at", name="appointment_created_brin"),
    ]

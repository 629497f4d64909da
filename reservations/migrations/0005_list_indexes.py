"""What the lists of reservations and of requests to EPG offer as filters; built while everybody writes."""

from django.db import migrations, models

from common.indexes import AddIndexOnline, time_index


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('catalog', '0008_list_indexes'),
        ("reservations", "0004_cancelling_for_patients"),
    ]

    operations = [
        AddIndexOnline(
            model_name='epgrequest',
            index=models.Index(condition=models.Q(('number', ''), _negated=True), fields=['number'], name='epgrequest_number'),
        ),
        AddIndexOnline(
            model_name='epgrequest',
            index=models.Index(condition=models.Q(('status', 'confirmed'), _negated=True), fields=['status', '-id'], name='epgrequest_status_newest'),
        ),
        time_index("reservations.reservation", "created_at", name="reservation_created_brin"),
        time_index("reservations.epgrequest", "created_at", name="epgrequest_created_brin"),
    ]

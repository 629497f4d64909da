"""What the lists of payments, attempts, callbacks and refunds offer; built while everybody writes."""

from django.conf import settings
from django.db import migrations, models

from common.indexes import AddIndexOnline, text_index, time_index


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("payments", "0005_cashier_limit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        AddIndexOnline(
            model_name='callbackmessage',
            index=models.Index(condition=models.Q(('verdict', 'settled'), _negated=True), fields=['verdict', '-id'], name='callback_verdict_newest'),
        ),
        AddIndexOnline(
            model_name='payment',
            index=models.Index(fields=['provider', '-id'], name='payment_provider_newest'),
        ),
        AddIndexOnline(
            model_name='paymentattempt',
            index=models.Index(fields=['provider', '-id'], name='attempt_provider_newest'),
        ),
        time_index("payments.payment", "created_at", name="payment_created_brin"),
        time_index("payments.paymentattempt", "created_at", name="attempt_created_brin"),
        time_index("payments.callbackmessage", "created_at", name="callback_created_brin"),
        time_index("payments.refund", "created_at", name="refund_created_brin"),
        text_index("payments.payment", ["phone"], name="payment_phone_trgm"),
    ]

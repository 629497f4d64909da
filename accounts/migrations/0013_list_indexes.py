"""What the lists of people, accounts and the ledger offer as filters and searches, built while everybody writes."""

from django.db import migrations, models

from common.indexes import AddIndexOnline, text_index, time_index


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0012_duties"),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        AddIndexOnline(
            model_name='account',
            index=models.Index(fields=['created_at'], name='account_created'),
        ),
        AddIndexOnline(
            model_name='account',
            index=models.Index(condition=models.Q(('is_active', False)), fields=['-id'], name='account_inactive_newest'),
        ),
        AddIndexOnline(
            model_name='user',
            index=models.Index(fields=['created_at'], name='user_created'),
        ),
        AddIndexOnline(
            model_name='user',
            index=models.Index(condition=models.Q(('is_active', False)), fields=['-id'], name='user_inactive_newest'),
        ),
        AddIndexOnline(
            model_name='user',
            index=models.Index(condition=models.Q(('is_verified', False)), fields=['-id'], name='user_unverified_newest'),
        ),
        time_index("accounts.creditentry", "created_at", name="entry_created_brin"),
        text_index(
            "accounts.user",
            ["(UPPER(last_name::text))", "(UPPER(first_name::text))", "phone"],
            name="user_name_phone_trgm",
        ),
    ]

"""What is rare among mails, and the order of tasks, for their lists; built while everybody writes."""

from django.db import migrations, models

from common.indexes import AddIndexOnline, column_index


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('django_tasks_database', '0021_conditional_partial_index_ordering'),
        ('common', '0004_imports'),
    ]

    operations = [
        AddIndexOnline(
            model_name='mail',
            index=models.Index(condition=models.Q(('state__in', ['dropped', 'failed'])), fields=['state', '-id'], name='mail_unsent_newest'),
        ),
        # The library's own are for its workers.
        column_index("django_tasks_database.dbtaskresult", "enqueued_at DESC", name="task_newest"),
        column_index(
            "django_tasks_database.dbtaskresult",
            "status, enqueued_at DESC",
            name="task_unfinished_newest",
            condition="status IN ('RUNNING', 'FAILED')",
        ),
    ]

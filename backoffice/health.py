"""The queue's health: a wake-up call that waits for minutes means that no worker runs."""

from datetime import timedelta

from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from common.health import register

PATIENCE = timedelta(minutes=5)


def check_queue() -> bool:
    """Raises `TimeoutError` when a task has been waiting for more than five minutes."""
    waiting = DBTaskResult.objects.ready().filter(enqueued_at__lt=timezone.now() - PATIENCE)
    if waiting.exists():
        raise TimeoutError("tasks wait for a worker")
    return True


register("queue", check_queue)

"""Wake-up calls: each carries an id and calls one service that re-checks the state."""

from django_tasks import task

from common.context import acting
from payments.services import callbacks


@task()
def process_callback(message_id: int) -> None:
    with acting("task", "process_callback"):
        callbacks.process(message_id)

"""Wake-up calls: each carries an id and calls one service that re-checks the state."""

from django_tasks import task

from common.context import acting
from payments.services import callbacks, starting


@task()
def process_callback(message_id: int) -> None:
    with acting("task", "process_callback"):
        callbacks.process(message_id)


@task(queue_name="slow")
def submit_payment(payment_id: int) -> None:
    """Some gateways take a minute to answer: their calls have a queue, and a worker, of their own."""
    with acting("task", "submit_payment"):
        starting.submit(payment_id)

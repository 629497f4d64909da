"""Whether a request calls the gateway itself, or leaves that to the queue."""

from django.conf import settings

from payments.enums import Network
from payments.models import Payment
from payments.providers import get_provider
from payments.services import starting
from payments.tasks import submit_payment


def send(payment: Payment) -> Payment:
    """Call the gateway of a committed payment now; one that may take longer than a request may wait, in the queue.

    The customer then sees `created` until the answer is there. Should the task be lost, the sweep sends it.
    """
    network = Network(payment.network) if payment.network else None
    if get_provider(payment.provider).patience(payment.phone, network) <= settings.PROVIDER_DEADLINE_SECONDS:
        return starting.submit(payment.pk)
    submit_payment.enqueue(payment.pk)
    return payment

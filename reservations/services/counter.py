"""The patient pays where the boxes are."""

from accounts.models import User
from common.unit_of_work import unit_of_work
from payments.enums import Status as PaymentState
from payments.models import Payment
from payments.services import counter
from payments.services.starting import create_payment, submit
from reservations.models import Reservation
from reservations.services.handling import require_handler

_PROVIDER = "counter"


def take_payment(reservation: Reservation, *, by: User) -> Reservation:
    """The whole price is in the till: the patient's payment over the counter, or a new one, succeeds.

    Raises `Forbidden` (403) unless `by` works in that pharmacy, or is staff, and is not the patient; `PaymentPending`
    (409) while the patient's phone asks for the money; `AlreadyPaid` and `NotPayable` (409).
    """
    require_handler(reservation, by)
    with unit_of_work():
        asked = Payment.objects.filter(
            purpose="reservation",
            purpose_id=str(reservation.public_id),
            provider=_PROVIDER,
            status=PaymentState.PENDING,
        )
        payment = asked.order_by("id").last() or _ask(reservation)
        counter.confirm(payment, by=by)
    reservation.refresh_from_db()
    return reservation


def _ask(reservation: Reservation) -> Payment:
    # Nobody outside is called: this is one transaction with its confirmation.
    payment = create_payment(
        reservation.user, purpose="reservation", purpose_id=str(reservation.public_id), provider=_PROVIDER
    )
    return submit(payment.pk)

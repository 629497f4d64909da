"""Staff decide about payments that are held."""

from accounts.models import User
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from payments.enums import Status
from payments.models import Payment
from payments.services.moves import lock, move
from payments.services.settling import succeed


def accept_held(payment: Payment, *, by: User) -> Payment:
    """`held → succeeded`: the money is there all the same. Grants the purpose, or makes a refund due.

    Raises `IllegalMove` (409) for a payment that is not held.
    """
    with unit_of_work():
        locked = _held(payment)
        succeed(locked, by=by)
    return locked


def dismiss_held(payment: Payment, *, by: User) -> Payment:
    """`held → failed`: the money never came. Raises `IllegalMove` (409) for a payment that is not held."""
    with unit_of_work():
        locked = _held(payment)
        move(locked, Status.FAILED, reason="dismissed_by_staff", by=by)
    return locked


def _held(payment: Payment) -> Payment:
    locked = lock(payment.pk)
    if locked.status != Status.HELD:
        raise IllegalMove
    return locked

"""Money taken over a counter: nobody outside can be asked, so whoever takes it answers for it."""

from accounts.models import User
from common.errors import Forbidden
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from payments import purposes
from payments.enums import Status
from payments.exceptions import NotByHand
from payments.models import Payment
from payments.providers import get_provider
from payments.services.moves import lock
from payments.services.settling import succeed


def confirm(payment: Payment, *, by: User) -> Payment:
    """`pending → succeeded`: the money is in the till. Grants the purpose in the same transaction.

    Raises `Forbidden` (403) unless `by` stands behind that counter (`Purpose.may_confirm`) or holds
    `payments.change_payment`, `NotByHand` (409) for a gateway's payment, `IllegalMove` (409) for one that is not
    pending, and the purpose's own 409 where it cannot be had any more: then the money must not be taken.
    """
    if not may_confirm(payment, by):
        raise Forbidden
    if not get_provider(payment.provider).by_hand:
        raise NotByHand
    with unit_of_work():
        locked = lock(payment.pk)
        if locked.status != Status.PENDING:
            raise IllegalMove
        purposes.get(locked.purpose).quote(locked.user_id, locked.purpose_id)
        succeed(locked, by=by)
    return locked


def may_confirm(payment: Payment, user: User) -> bool:
    """Whether this user may say that a payment was made over the counter. Nobody confirms their own."""
    if payment.user_id == user.pk:
        return False
    return user.has_perm("payments.change_payment") or purposes.get(payment.purpose).may_confirm(payment, user)

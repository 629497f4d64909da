"""Whether one person may decide about so much money alone."""

from django.conf import settings

from accounts.models import User
from common.money import XAF
from payments.models import Payment


def takes_two(payment: Payment, amount: int, *, by: User) -> bool:
    """Above `TWO_EYES_XAF`, in any other currency, and about one's own payment: a second person decides."""
    return amount > settings.TWO_EYES_XAF or payment.currency != XAF or payment.user_id == by.pk

"""Whether one person may decide about so much money alone."""

from django.conf import settings

from accounts.models import User
from common.money import XAF
from payments.models import Payment


def takes_two(payment: Payment, amount: int, *, by: User) -> bool:
    """Above what `by` may decide alone, in any other currency, and about one's own payment: a second person decides.

    That is `TWO_EYES_XAF` with `payments.exceed_cashier_limit`, and at most `CASHIER_LIMIT_XAF` without it.
    """
    limit: int = settings.TWO_EYES_XAF
    if not by.has_perm("payments.exceed_cashier_limit"):
        limit = min(limit, settings.CASHIER_LIMIT_XAF)
    return amount > limit or payment.currency != XAF or payment.user_id == by.pk

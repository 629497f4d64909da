"""How often a phone may be asked for money: a prompt lights up the phone of whoever it belongs to.

Counted in the transaction that commits the intent to ask, before anything else is done in it: what is refused, rolled
back or answered from its idempotency key asks nobody, and counts nowhere.
"""

from django.conf import settings

from accounts.models import User
from common import limits
from common.limits import Limit
from payments.enums import Status
from payments.models import Payment
from payments.providers import get_provider

_HOUR = 3600


def count_prompt(user: User, *, phone: str) -> None:
    """Count that `user` has this phone (E.164; empty for a page of the gateway) asked. Raises `RateLimited` (429).

    All who ask a phone share `PAYMENT_PROMPTS_PER_PHONE` an hour. Whoever has paid by a prompt on it
    before has as many of their own, so that strangers who use up the phone's cannot keep its owner from paying.
    """
    claims = []
    if phone and settings.PAYMENT_PROMPTS_PER_PHONE:
        claims.append(_of_phone(user, phone))
    if settings.PAYMENT_PROMPTS_PER_USER:
        limit = Limit("prompt:user", attempts=settings.PAYMENT_PROMPTS_PER_USER, window=_HOUR)
        claims.append((limit, str(user.pk)))
    if claims:
        limits.take(*claims)


def _of_phone(user: User, phone: str) -> limits.Claim:
    most = settings.PAYMENT_PROMPTS_PER_PHONE
    # What was paid at a counter or on a gateway's page says nothing about the phone that was named with it.
    by_hand = [name for name in settings.PAYMENT_PROVIDERS if get_provider(name).by_hand]
    prompted = Payment.objects.filter(checkout_url="").exclude(provider__in=by_hand)
    if prompted.filter(user=user, phone=phone, status=Status.SUCCEEDED).exists():
        return Limit("prompt:payer", attempts=most, window=_HOUR), f"{user.pk} {phone}"
    return Limit("prompt:phone", attempts=most, window=_HOUR), phone

"""The purpose `rate`: a pack of credits. Here, because accounts know no payments."""

from accounts.exceptions import UnknownRate
from accounts.models import Rate, User
from accounts.selectors import is_anonymous
from accounts.services.accounts import subscribe
from payments.models import Payment
from payments.purposes import Quote


class RatePurpose:
    at_counter = False

    def quote(self, user_id: int, purpose_id: str) -> Quote:
        rate = Rate.objects.filter(pk=int(purpose_id), is_active=True).first()
        if rate is None:
            raise UnknownRate
        return Quote(rate.price, rate.currency, rate.label, terms={"credits": rate.credits})

    def may_confirm(self, payment: Payment, user: User) -> bool:
        """No counter sells packs of credits."""
        return False

    def opened(self, payment: Payment) -> None:
        """Nothing is held for a pack of credits."""

    def can_grant(self, payment: Payment) -> bool:
        # Not locked: every purchase of a pack would wait for every other. One deleted between this question and the
        # grant makes the settling fail, and the next look finds it gone.
        # Of an erased person nobody is left to use the credits.
        return Rate.objects.filter(pk=int(payment.purpose_id)).exists() and not is_anonymous(payment.user)

    def grant(self, payment: Payment) -> None:
        subscribe(
            payment.user_id,
            Rate.objects.get(pk=int(payment.purpose_id)),
            credits=payment.terms["credits"],
            reference=f"payment:{payment.public_id}",
            by=None,
        )

    def keeps(self, payment: Payment) -> bool:
        """Credits are never taken back by themselves."""
        return True

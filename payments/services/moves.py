"""The one place where a payment changes its status."""

from django.utils import timezone

from accounts.models import User
from payments.enums import MOVES, OPEN, Status
from payments.models import Payment
from payments.signals import payment_moved


def move(
    payment: Payment, status: Status, *, reason: str = "", fields: tuple[str, ...] = (), by: User | None = None
) -> None:
    """Move a payment that the caller has locked, save it with `fields`, announce it.

    Raises `IllegalMove` (409) for anything that `MOVES` does not allow.
    """
    MOVES.check(payment.status, status)
    old = Status(payment.status)
    payment.status, payment.reason = status, reason
    if status not in OPEN:
        payment.blocks = False
        payment.next_at = None
    if status == Status.SUCCEEDED:
        payment.settled_at = timezone.now()
    payment.save(update_fields={"status", "reason", "blocks", "next_at", "settled_at", "updated_at", *fields})
    payment_moved.send(Payment, payment=payment, old=old, by=by)


def lock(payment_id: int) -> Payment:
    """The payment, read again under its row lock; the lock every decision about a payment is taken under."""
    return Payment.objects.select_for_update(no_key=True).get(pk=payment_id)

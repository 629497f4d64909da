"""What payments keep of a person: amounts, references and states stay, the number that paid does not."""

from common.phones import mask
from payments.enums import OPEN, RefundStatus, Status, Verdict
from payments.models import CallbackMessage, Payment, Refund

_REFUND_OPEN = (RefundStatus.REQUESTED, RefundStatus.DUE, RefundStatus.APPROVED, RefundStatus.SENT)


def is_open(user_id: int) -> bool:
    """Money may still move: a payment without its outcome, or a refund that was not carried out."""
    payments = Payment.objects.filter(user_id=user_id, status__in=(*OPEN, Status.HELD))
    refunds = Refund.objects.filter(payment__user_id=user_id, status__in=_REFUND_OPEN)
    return payments.exists() or refunds.exists()


def erase(user_id: int) -> None:
    """Mask the phone numbers and drop what gateways sent word for word; attempts hold nothing personal.

    What waits is kept until its gateway was asked (`services.callbacks`): money may have come for what had expired.
    """
    for payment in Payment.objects.filter(user_id=user_id).only("pk", "phone"):
        Payment.objects.filter(pk=payment.pk).update(phone=mask(payment.phone))
    messages = CallbackMessage.objects.filter(attempt__payment__user_id=user_id)
    # Whoever closes one of them meanwhile waits for us, and then sees that the person is gone.
    waiting = messages.filter(verdict=Verdict.WAITING).order_by("pk").select_for_update(no_key=True, of=("self",))
    messages.exclude(pk__in=list(waiting.values_list("pk", flat=True))).update(body=b"")

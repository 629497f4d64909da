"""What payments keep of a person: amounts, references and states stay, the number that paid does not."""

from common.phones import mask
from payments.enums import OPEN, RefundStatus, Status
from payments.models import CallbackMessage, Payment, Refund

_REFUND_OPEN = (RefundStatus.REQUESTED, RefundStatus.DUE, RefundStatus.APPROVED, RefundStatus.SENT)


def is_open(user_id: int) -> bool:
    """Money may still move: a payment without its outcome, or a refund that was not carried out."""
    payments = Payment.objects.filter(user_id=user_id, status__in=(*OPEN, Status.HELD))
    refunds = Refund.objects.filter(payment__user_id=user_id, status__in=_REFUND_OPEN)
    return payments.exists() or refunds.exists()


def erase(user_id: int) -> None:
    """Mask the phone numbers and drop what gateways sent word for word; attempts hold nothing personal."""
    for payment in Payment.objects.filter(user_id=user_id).only("pk", "phone"):
        Payment.objects.filter(pk=payment.pk).update(phone=mask(payment.phone))
    CallbackMessage.objects.filter(attempt__payment__user_id=user_id).update(body=b"")

"""Payments and refunds: from domain signals to events."""

from typing import Any

from django.dispatch import receiver

from audit.enums import Action
from audit.services import record
from payments import signals as payments
from payments.enums import Status as PaymentStatus
from payments.models import CallbackMessage, Payment, Refund


@receiver(payments.payment_moved, dispatch_uid="audit.payment_moved")
def payment_moved(payment: Payment, old: PaymentStatus | None, **kwargs: Any) -> None:
    changes: dict[str, Any] = {
        "old": old,
        "new": payment.status,
        "purpose": payment.purpose,
        "purpose_id": payment.purpose_id,
        "provider": payment.provider,
    }
    if payment.reason:
        changes["reason"] = payment.reason
    record(
        Action(f"payment.{payment.status}"),
        entity="payment",
        entity_id=payment.public_id,
        amount=payment.amount,
        changes=changes,
    )


@receiver(payments.callback_received, dispatch_uid="audit.callback_received")
def callback_received(message: CallbackMessage, **kwargs: Any) -> None:
    record(
        Action.CALLBACK_RECEIVED,
        entity="callback",
        entity_id=message.pk,
        changes={"provider": message.provider, "digest": message.digest},
    )


@receiver(payments.callback_refused, dispatch_uid="audit.callback_refused")
def callback_refused(provider: str, reason: str, message: CallbackMessage | None, **kwargs: Any) -> None:
    record(
        Action.CALLBACK_REFUSED,
        entity="callback",
        entity_id=message.pk if message else "",
        changes={"provider": provider, "reason": reason},
    )


@receiver(payments.refund_moved, dispatch_uid="audit.refund_moved")
def refund_moved(refund: Refund, **kwargs: Any) -> None:
    record(
        Action(f"refund.{refund.status}"),
        entity="refund",
        entity_id=refund.public_id,
        amount=refund.amount,
        changes={"payment": str(refund.payment.public_id)},
        personal={"reason": refund.reason},
    )

"""Payments, packs of credits and refunds in any state, and what was written about them."""

import itertools
import uuid
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from accounts.models import Account, CreditEntry, Rate, User
from accounts.tests.factories import make_user
from audit.models import Event
from payments.enums import OPEN, RefundStatus, Status
from payments.models import CallbackMessage, Payment, PaymentAttempt, Refund
from payments.services.starting import create_payment, submit

AIRTEL = "077 12 34 56"
PRICE = 5_000
CREDITS = 60

_numbers = itertools.count(1)


def make_rate(**fields: Any) -> Rate:
    return Rate.objects.create(**{"label": f"Forfait {next(_numbers)}", "price": PRICE, "credits": CREDITS, **fields})


def start_payment(user: User, rate: Rate, *, phone: str = AIRTEL, provider: str = "mypayga") -> Payment:
    """Ask the gateway for the price of a pack, as POST /payments/ does."""
    payment = create_payment(user, purpose="rate", purpose_id=str(rate.pk), provider=provider, phone=phone)
    return submit(payment.pk)


def make_payment(
    status: Status = Status.PENDING,
    *,
    user: User | None = None,
    rate: Rate | None = None,
    token: str = "",
    **fields: Any,
) -> Payment:
    """A payment for a pack and its attempt, put into `status` without what a move brings along."""
    rate = rate or make_rate()
    now = timezone.now()
    values = {
        "user": user or make_user(),
        "purpose": "rate",
        "purpose_id": str(rate.pk),
        "label": rate.label,
        "amount": rate.price,
        "terms": {"credits": rate.credits},
        "provider": "mypayga",
        "network": "AM",
        "phone": "+24177123456",
        "status": status,
        "blocks": status in OPEN,
        "expires_at": now + timedelta(minutes=15),
        "next_at": now if status in OPEN else None,
        "settled_at": now if status == Status.SUCCEEDED else None,
        **fields,
    }
    payment = Payment.objects.create(**values)
    PaymentAttempt.objects.create(
        payment=payment, provider=payment.provider, reference=uuid.uuid4().hex, provider_id=token
    )
    return payment


def make_refund(status: RefundStatus = RefundStatus.DUE, payment: Payment | None = None, amount: int = 1_000) -> Refund:
    sent = status in (RefundStatus.SENT, RefundStatus.DONE, RefundStatus.FAILED)
    return Refund.objects.create(
        payment=payment or make_payment(Status.SUCCEEDED),
        amount=amount,
        status=status,
        reason="test",
        external_reference=f"GW-{next(_numbers)}" if sent else "",
    )


def attempt_of(payment: Payment) -> PaymentAttempt:
    return PaymentAttempt.objects.get(payment=payment)


def age(payment: Payment, **duration: float) -> None:
    """Let so much time pass for one payment: `age(payment, minutes=15)`."""
    past = timedelta(**duration)
    Payment.objects.filter(pk=payment.pk).update(
        created_at=F("created_at") - past, expires_at=F("expires_at") - past, next_at=F("next_at") - past
    )


def age_message(message: CallbackMessage, **duration: float) -> None:
    past = timedelta(**duration)
    CallbackMessage.objects.filter(pk=message.pk).update(created_at=F("created_at") - past, next_at=F("next_at") - past)


def books(user: User) -> dict[str, Any]:
    """What a user's account says: credits, the entries of packs, the pack."""
    account = Account.objects.get(user=user)
    entries = CreditEntry.objects.filter(account=account, kind="rate").order_by("id")
    return {"credits": account.credit, "packs": list(entries.values_list("amount", flat=True)), "rate": account.rate_id}


def events(*prefixes: str) -> list[str]:
    """The actions recorded so far, oldest first; with `prefixes` only those that begin so."""
    actions = list(Event.objects.order_by("id").values_list("action", flat=True))
    return [action for action in actions if not prefixes or action.startswith(prefixes)]


def refusals() -> list[str]:
    """Why callbacks were refused, oldest first, as the event log has it."""
    refused = Event.objects.filter(action="callback.refused").order_by("id")
    return [changes["reason"] for changes in refused.values_list("changes", flat=True)]


def snapshot(*models: Any) -> dict[str, list[dict[str, Any]]]:
    """Every row of these tables, to show that a refusal changed none of them."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}

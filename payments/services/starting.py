"""From "I want to pay" to the gateway's first answer.

The intent is committed first, the gateway is called outside of any transaction, and whatever happens in between is
found by the sweep: `created` was never sent, `submitting` may have been.
"""

import re
import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from common.connections import release_connection
from common.errors import DomainError, FieldError, Invalid
from common.money import MAX_AMOUNT
from common.phones import InvalidPhone, country_of, to_e164
from common.sql import violates
from common.unit_of_work import persist, unit_of_work
from payments import purposes
from payments.callback_urls import callback_url
from payments.enums import Network, Status
from payments.exceptions import AmountOutOfRange, PaymentPending, ProviderNotOffered, UnknownNetwork
from payments.models import Payment, PaymentAttempt
from payments.providers import get_provider
from payments.providers.base import Order, Outcome, Started
from payments.purposes import Quote
from payments.services.callbacks import settle_waiting
from payments.services.moves import lock, move
from payments.services.prompts import count_prompt
from payments.services.schedule import next_time
from payments.signals import payment_moved

_PHONE = re.compile(r"[0-9+()./\s-]+", re.ASCII)
_STATUS_OF = {
    Outcome.PENDING: Status.PENDING,
    Outcome.PAID: Status.PENDING,
    Outcome.UNKNOWN: Status.UNKNOWN,
    Outcome.NOT_FOUND: Status.UNKNOWN,
    Outcome.REFUSED: Status.FAILED,
    Outcome.NOT_REACHED: Status.FAILED,
}


def create_payment(
    user: User, *, purpose: str, purpose_id: str, provider: str, phone: str = "", network: Network | None = None
) -> Payment:
    """Commit the intent to ask `user` for what the purpose quotes. Nothing is sent yet: see `submit`.

    Raises the purpose's own 404 and 409, `UnknownProvider`, `ProviderNotOffered`, `AmountOutOfRange`, `InvalidPhone`,
    `UnknownNetwork` (400), `PaymentPending` (409) while another payment for the same purpose is open, and `RateLimited`
    (429) where the phone or the user was asked, or asked, often enough this hour (`prompts`).

    A gateway that can show a page needs no `phone`; a counter needs none either.
    """
    gateway, kind = get_provider(provider), purposes.get(purpose)
    if gateway.by_hand and not kind.at_counter:
        raise ProviderNotOffered(errors=[FieldError("provider", ProviderNotOffered.code, ProviderNotOffered.detail)])
    number = _customer_phone(phone, required="phone" in gateway.requires)
    network = network or (gateway.network_of(number) if number else None)
    if network is None and "network" in gateway.requires:
        raise UnknownNetwork(errors=[FieldError("phone", UnknownNetwork.code, UnknownNetwork.detail)])
    with unit_of_work():
        if not gateway.by_hand:
            count_prompt(user, phone=number)
        quote = kind.quote(user.pk, purpose_id)
        _require_within_limits(provider, quote)
        now = timezone.now()
        _unblock(user, purpose, purpose_id, now)
        payment = Payment(
            user=user,
            purpose=purpose,
            purpose_id=purpose_id,
            label=quote.label[:200],
            amount=quote.amount,
            currency=quote.currency,
            terms=dict(quote.terms),
            provider=provider,
            network=network or "",
            phone=number,
            expires_at=now + settings.PAYMENT_BLOCKS,
            next_at=now + _grace(settings.PROVIDER_DEADLINE_SECONDS),
        )
        try:
            with transaction.atomic():
                payment.save(force_insert=True)
        except IntegrityError as error:
            if not violates(error, Payment, "payment_one_open"):
                raise
            raise PaymentPending from error
        _new_attempt(payment)
        kind.opened(payment)
        payment_moved.send(Payment, payment=payment, old=None, by=user)
    return payment


def _require_within_limits(provider: str, quote: Quote) -> None:
    least, most = settings.PAYMENT_LIMITS.get(provider, (1, MAX_AMOUNT))
    if not least <= quote.amount <= most:
        detail = _("Ce moyen de paiement prend de %(least)d à %(most)d %(currency)s.") % {
            "least": least,
            "most": most,
            "currency": quote.currency,
        }
        raise AmountOutOfRange(errors=[FieldError("provider", AmountOutOfRange.code, detail)])


def _unblock(user: User, purpose: str, purpose_id: str, now: datetime) -> None:
    """An open payment blocks for fifteen minutes only.

    One that is being settled is left alone: its lock, kept while we go on to lock what is paid for, would close a
    circle with whoever cancels that and wants the payment. The unique index then waits for the settling by itself.
    """
    stale = Payment.objects.select_for_update(no_key=True, skip_locked=True).filter(
        user=user, purpose=purpose, purpose_id=purpose_id, blocks=True, expires_at__lte=now
    )
    Payment.objects.filter(pk__in=list(stale.values_list("pk", flat=True))).update(blocks=False, updated_at=now)


def submit(payment_id: int) -> Payment:
    """Send a created payment to its gateway, once: whoever moves it to `submitting` makes the call.

    One that was forgotten until it no longer blocks, or whose purpose or gateway is gone meanwhile, fails unsent:
    nobody is asked for money out of the blue, or for what a newer payment asks already.
    """
    with unit_of_work():
        payment = lock(payment_id)
        if payment.status != Status.CREATED:
            return payment
        if objection := _objection(payment):
            move(payment, Status.SUBMITTING)
            move(payment, Status.FAILED, reason=objection)
            return payment
        gateway = get_provider(payment.provider)
        payment.next_at = timezone.now() + _grace(gateway.patience(payment.phone, _network(payment)))
        move(payment, Status.SUBMITTING, fields=("next_at",))
        attempt = payment.attempts.latest("id")
        order = _order(payment, attempt)
    release_connection()
    started = gateway.start(order)
    while started.outcome == Outcome.NOT_REACHED and (again := _attempt_again(payment.pk, attempt.pk, started)):
        attempt, order = again
        release_connection()
        started = gateway.start(order)
    return record_start(payment.pk, attempt.pk, started)


def _attempt_again(payment_id: int, attempt_id: int, started: Started) -> tuple[PaymentAttempt, Order] | None:
    """A new attempt, under a reference of its own, where the last one cannot have reached the customer.

    None where `PAYMENT_ATTEMPTS` were made, or the sweep has taken the payment over.
    """
    with unit_of_work():
        payment = lock(payment_id)
        if payment.status != Status.SUBMITTING or payment.attempts.count() >= settings.PAYMENT_ATTEMPTS:
            return None
        PaymentAttempt.objects.filter(pk=attempt_id).update(
            outcome=started.outcome,
            request=dict(started.request),
            response=dict(started.response),
            updated_at=timezone.now(),
        )
        gateway = get_provider(payment.provider)
        payment.next_at = timezone.now() + _grace(gateway.patience(payment.phone, _network(payment)))
        payment.save(update_fields=["next_at", "updated_at"])
        attempt = _new_attempt(payment)
        return attempt, _order(payment, attempt)


def _new_attempt(payment: Payment) -> PaymentAttempt:
    return PaymentAttempt.objects.create(payment=payment, provider=payment.provider, reference=uuid.uuid4().hex)


def record_start(payment_id: int, attempt_id: int, started: Started) -> Payment:
    """Write down what the gateway answered, then settle what callbacks have been waiting for it."""
    # Whatever the gateway has said, that it was asked must stay written down.
    unreadable = replace(started, outcome=Outcome.UNKNOWN, provider_id="", checkout_url="", reason="gateway_unreadable")
    try:
        persist(lambda: _record_start(payment_id, attempt_id, started))
    except IntegrityError as error:
        if not violates(error, PaymentAttempt, "attempt_provider_id"):
            raise
        # The gateway gave it a name that another payment has already: the two could not be told apart.
        _record_start(payment_id, attempt_id, unreadable)
    except (DataError, UnicodeError):
        # It said something that the database cannot hold: too long, NUL, half a character.
        _record_start(payment_id, attempt_id, replace(unreadable, response={}))
    settle_waiting(attempt_id)
    return Payment.objects.get(pk=payment_id)


def _record_start(payment_id: int, attempt_id: int, started: Started) -> None:
    with unit_of_work():
        payment = lock(payment_id)
        attempt = PaymentAttempt.objects.select_for_update(no_key=True).get(pk=attempt_id)
        attempt.outcome = started.outcome
        attempt.provider_id = started.provider_id or attempt.provider_id
        attempt.request, attempt.response = dict(started.request), dict(started.response)
        attempt.save(update_fields=["outcome", "provider_id", "request", "response", "updated_at"])
        # The sweep may have called it unknown meanwhile; a late answer then still tells more.
        if payment.status in (Status.SUBMITTING, Status.UNKNOWN) and payment.status != _STATUS_OF[started.outcome]:
            payment.checkout_url = started.checkout_url
            payment.next_at = next_time(timezone.now(), 0)
            move(payment, _STATUS_OF[started.outcome], reason=started.reason, fields=("checkout_url",))


def _customer_phone(phone: str, *, required: bool) -> str:
    if not phone and not required:
        return ""
    if not phone:
        raise Invalid(code="required", errors=[FieldError("phone", "required", _("Ce champ est obligatoire."))])
    # A slip of the finger must not become somebody else's number: `077 12 34 5x` has eight digits, as old numbers had.
    number = to_e164(phone, region=settings.PHONE_REGION) if _PHONE.fullmatch(phone) else None
    if number is None or country_of(number) != settings.PHONE_REGION:
        raise InvalidPhone(errors=[FieldError("phone", InvalidPhone.code, InvalidPhone.detail)])
    return number


def _objection(payment: Payment) -> str:
    """Why a payment that was never sent must not be sent any more."""
    if payment.expires_at <= timezone.now():
        return "never_sent"
    try:
        get_provider(payment.provider)
        purposes.get(payment.purpose).quote(payment.user_id, payment.purpose_id)
    except DomainError as error:
        return error.code
    return ""


def _grace(patience: float) -> timedelta:
    """How long a process may take over a call of so many seconds before the sweep takes the payment over."""
    return timedelta(seconds=patience * 2 + 5)


def _network(payment: Payment) -> Network | None:
    return Network(payment.network) if payment.network else None


def _order(payment: Payment, attempt: PaymentAttempt) -> Order:
    user = payment.user
    return Order(
        reference=attempt.reference,
        amount=payment.amount,
        currency=payment.currency,
        phone=payment.phone,
        network=_network(payment),
        label=payment.label,
        first_name=user.first_name,
        last_name=user.last_name,
        email=user.email,
        callback_url=callback_url(payment.provider),
        return_url=settings.PUBLIC_URL,
    )

"""The attack list: what people send to a payment service to be given what they have not paid for.

Each is refused: nothing is granted, no payment succeeds, and an event says what was tried.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from accounts.models import CreditEntry, User
from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from audit.models import Event
from payments.enums import Status
from payments.models import CallbackMessage, Payment, PaymentAttempt
from payments.services import asking, callbacks
from payments.tests.factories import age_message, attempt_of, make_rate, refusals, start_payment
from payments.tests.gateway import Gateway, callback, callback_path, deliver

pytestmark = pytest.mark.django_db


class Attacker:
    """Somebody with an account, a payment that waits for their PIN, and every address that a customer can learn."""

    def __init__(self, simulators: Any, client: Any) -> None:
        self.client = client
        self.gateways = {name: Gateway(simulators, name) for name in ("mypayga", "singpay")}
        for gateway in self.gateways.values():
            gateway.set(decide_after=100_000)
        self.user = make_user(credits=0)
        self.payment = start_payment(self.user, make_rate())
        self.told = self.gateways["mypayga"].payment(attempt_of(self.payment).reference)

    def send(self, fields: Any, **options: Any) -> None:
        assert deliver(self.client, fields, **options).json() == {"message": "received"}
        callbacks.process_waiting()

    def get(self, provider: str, query: dict[str, str]) -> None:
        assert self.client.get(callback_path(provider), query).status_code == 405

    def at_singpay(self) -> Payment:
        payment = start_payment(self.user, make_rate(), provider="singpay")
        assert payment.status == Status.PENDING
        return payment


@pytest.fixture
def attacker(simulators: Any, settings: Any, api: Callable[..., Any]) -> Attacker:
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    return Attacker(simulators, api())


def unsigned_callback(attacker: Attacker) -> None:
    attacker.send(callback(attacker.told, hash=None))


def wrong_hash(attacker: Attacker) -> None:
    attacker.send(callback(attacker.told, hash="0" * 128))


def right_hash_with_another_amount(attacker: Attacker) -> None:
    attacker.send(callback(attacker.told, amount="1"))


def another_users_reference(attacker: Attacker) -> None:
    """One pays for oneself, and says that it was for a payment whose start was never answered."""
    victim = start_payment(make_user(credits=0), make_rate())
    attempt = attempt_of(victim)
    PaymentAttempt.objects.filter(pk=attempt.pk).update(provider_id="")
    Payment.objects.filter(pk=victim.pk).update(status=Status.UNKNOWN)
    mine = attacker.gateways["mypayga"].decide(attempt_of(attacker.payment).reference)
    attacker.send(callback(mine, unique_id=attempt.reference))
    victim.refresh_from_db()
    assert (victim.status, victim.reason) == (Status.HELD, "reference_mismatch")
    Payment.objects.filter(pk=attacker.payment.pk).update(status=Status.PENDING)


def replay_after_a_year(attacker: Attacker) -> None:
    fields = callback(attacker.told, order_status="400")
    attacker.send(fields)
    year = timedelta(days=365)
    CallbackMessage.objects.update(created_at=F("created_at") - year, verdict="settled", next_at=None)
    attacker.send(fields)


def get_on_the_callback(attacker: Attacker) -> None:
    attacker.get("mypayga", callback(attacker.told))


def unknown_reference(attacker: Attacker) -> None:
    attacker.send(callback(attacker.told, unique_id="f" * 32))


def singpay_redirect_without_payment(attacker: Attacker) -> None:
    """The page's success address is opened by hand: it is the site's, and means nothing; neither does our callback."""
    reference = attempt_of(attacker.at_singpay()).reference
    assert attacker.client.get("/", {"reference": reference, "status": "success"}).status_code < 500
    attacker.get("singpay", {"reference": reference, "status": "success"})


def singpay_callback_without_payment(attacker: Attacker) -> None:
    payment = attacker.at_singpay()
    transaction = {
        "id": attempt_of(payment).provider_id,
        "reference": attempt_of(payment).reference,
        "amount": str(payment.amount),
        "status": "Terminate",
        "result": "Success",
    }
    body = {"transaction": transaction, "status": {"code": "200", "success": True}}
    response = attacker.client.post(callback_path("singpay"), body, format="json")
    assert response.json() == {"message": "received"}
    callbacks.process_waiting()
    age_message(CallbackMessage.objects.get(), days=4)
    callbacks.process_waiting()


def amount_in_another_currency(attacker: Attacker) -> None:
    attacker.send(callback(attacker.told, currency="EUR"))


def gateway_paid_in_another_currency(attacker: Attacker) -> None:
    attacker.gateways["mypayga"].decide(attempt_of(attacker.payment).reference)
    attacker.gateways["mypayga"].says(currency="XOF")
    asking.ask(attacker.payment.pk)


def negative_amount(attacker: Attacker) -> None:
    attacker.send(callback(attacker.told, amount="-5000"))


def fractional_amount(attacker: Attacker) -> None:
    attacker.send(callback(attacker.told, amount="5000.5"))


# What is tried → the reason that the event gives; `held` for a payment that waits for staff.
ATTACKS: dict[Callable[[Attacker], None], str] = {
    unsigned_callback: "unsigned",
    wrong_hash: "wrong_signature",
    right_hash_with_another_amount: "amount_mismatch",
    another_users_reference: "held",
    replay_after_a_year: "replayed",
    get_on_the_callback: "get_on_callback",
    unknown_reference: "unknown_reference",
    singpay_redirect_without_payment: "get_on_callback",
    singpay_callback_without_payment: "never_confirmed",
    amount_in_another_currency: "currency_mismatch",
    gateway_paid_in_another_currency: "held",
    negative_amount: "amount_mismatch",
    fractional_amount: "amount_mismatch",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_attack_is_refused_and_leaves_an_event(attack: Callable[[Attacker], None], attacker: Attacker) -> None:
    attack(attacker)

    if ATTACKS[attack] == "held":
        assert Event.objects.filter(action="payment.held").count() == 1
    else:
        assert refusals() == [ATTACKS[attack]]
    assert not CreditEntry.objects.filter(kind="rate").exists()
    assert not Payment.objects.filter(status=Status.SUCCEEDED).exists()
    assert not User.objects.filter(account__credit__gt=0, pk=attacker.user.pk).exists()
    assert verify_ledger().findings == []

"""A gateway that says what it is told to: every branch of the interface, without a wire."""

from collections.abc import Callable
from typing import Any

from django.db import connection

from payments.enums import Network
from payments.providers.base import CallbackRefused, Claim, Order, Outcome, Report, Started

PATH = "payments.tests.scripted.Scripted"


class Scripted:
    """`script` is set by the test; calls are noted with whether a transaction was open during them."""

    name = "scripted"
    requires = frozenset({"phone", "network"})
    by_hand = False
    on_start: Callable[[Order], Started]
    on_ask: Callable[[str, str], Report | None]
    orders: list[Order]
    asked: list[str]
    in_transaction: list[bool]

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.on_start = lambda order: Started(Outcome.PENDING, provider_id=f"token-{order.reference}")
        self.on_ask = lambda reference, provider_id: Report(Outcome.PENDING, reference=reference)
        self.orders, self.asked, self.in_transaction = [], [], []

    def network_of(self, phone: str) -> Network | None:
        return Network.AIRTEL

    def patience(self, phone: str, network: Network | None) -> float:
        return 1.0

    def start(self, order: Order) -> Started:
        self.in_transaction.append(connection.in_atomic_block)
        self.orders.append(order)
        return self.on_start(order)

    def ask(self, *, reference: str, provider_id: str) -> Report | None:
        self.in_transaction.append(connection.in_atomic_block)
        self.asked.append(reference)
        return self.on_ask(reference, provider_id)

    def read_callback(self, body: bytes, content_type: str) -> Claim:
        """`reference amount currency token`, in plain text; the token may be missing."""
        try:
            reference, amount, currency, *token = body.decode().split()
        except ValueError as error:
            raise CallbackRefused("unreadable") from error
        return Claim(reference=reference, amount=int(amount), currency=currency, provider_id="".join(token))


def paid(payment: Any, **changes: Any) -> Report:
    """The report of a payment made in full."""
    attempt = payment.attempts.latest("id")
    values = {"reference": attempt.reference, "amount": payment.amount, "currency": payment.currency, **changes}
    return Report(Outcome.PAID, **values)

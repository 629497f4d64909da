"""What a payment gateway is to the rest of the house: five methods and four frozen dataclasses, no HTTP, no HTML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from payments.enums import Network


class Outcome(StrEnum):
    """`REFUSED`: the gateway said no. `UNKNOWN`: nobody can tell yet. `NOT_REACHED`: nothing was sent, or
    nothing has reached the customer, so that nobody can be charged.

    `NOT_FOUND`: asked, the gateway knows no such payment; it may still be on its way there.
    """

    PENDING = "pending"
    PAID = "paid"
    REFUSED = "refused"
    NOT_REACHED = "not_reached"
    UNKNOWN = "unknown"
    NOT_FOUND = "not_found"


@dataclass(frozen=True)
class Order:
    """What to ask the customer for: `amount` in whole units of `currency`, `phone` in E.164 or empty."""

    reference: str
    amount: int
    currency: str
    phone: str
    network: Network | None
    label: str
    first_name: str
    last_name: str
    email: str
    callback_url: str
    return_url: str


@dataclass(frozen=True)
class Started:
    """`provider_id` is the gateway's name for the attempt, if it gave one; `reason` a short code for a refusal."""

    outcome: Outcome
    provider_id: str = ""
    checkout_url: str = ""
    reason: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    response: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What the gateway says when asked. For `PAID`, `amount` and `currency` are what it was paid under `reference`.

    `objection` is a short code where it was paid otherwise than we asked in a way that only this gateway knows; staff
    then decide. `provider_id` is the gateway's name for it, where the start call never heard it.
    """

    outcome: Outcome
    reference: str = ""
    amount: int | None = None
    currency: str = ""
    reason: str = ""
    objection: str = ""
    provider_id: str = ""
    response: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """What a callback claims, once its signature fits: a hint whom to ask about, never proof."""

    reference: str
    amount: int | None
    currency: str
    provider_id: str = ""


class CallbackRefused(Exception):
    """The callback is not to be believed; `reason` is a short code."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Provider(Protocol):
    """`requires`: which of `phone` and `network` a payment cannot do without.

    `by_hand`: nobody is asked; somebody at the counter says that it was paid.
    """

    name: str
    by_hand: bool

    @property
    def requires(self) -> frozenset[str]: ...

    def network_of(self, phone: str) -> Network | None:
        """The network of a phone (E.164) as far as its prefix tells; None where this provider does not serve it."""

    def patience(self, phone: str, network: Network | None) -> float:
        """Seconds that `start` may take at most. More than a request may wait is left to the queue."""

    def start(self, order: Order) -> Started:
        """Ask the customer for the money, under a deadline. Never raises for what the network does."""

    def ask(self, *, reference: str, provider_id: str) -> Report | None:
        """What became of it; None where the gateway cannot be asked with what is known."""

    def read_callback(self, body: bytes, content_type: str) -> Claim:
        """Verify and read a callback. Raises `CallbackRefused`."""

"""What can be paid for: higher apps register a purpose in their `AppConfig.ready`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from accounts.models import User
from common.errors import Invalid
from payments.models import Payment


@dataclass(frozen=True)
class Quote:
    """What is to be paid: `amount` in whole units of `currency`; `terms` come back with the payment at granting."""

    amount: int
    currency: str
    label: str
    terms: Mapping[str, Any] = field(default_factory=dict)


class Purpose(Protocol):
    """`at_counter`: whether it may be paid over a counter, to somebody for whom `may_confirm` holds."""

    at_counter: bool

    def quote(self, user_id: int, purpose_id: str) -> Quote:
        """The price for this user. Raises a 404 for what is not theirs, a 409 for what cannot be paid (any more)."""

    def may_confirm(self, payment: Payment, user: User) -> bool:
        """Whether this user stands behind the counter where it is paid."""

    def opened(self, payment: Payment) -> None:
        """A payment was created, in its transaction: e.g. keep a hold while the customer types a PIN."""

    def can_grant(self, payment: Payment) -> bool:
        """Whether what was paid for is still to be had; locks it, inside the settling transaction."""

    def grant(self, payment: Payment) -> None:
        """Give what was paid for, inside the settling transaction. Called once, after `can_grant`."""

    def keeps(self, payment: Payment) -> bool:
        """Whether what was granted for this payment was not taken back since, so that its money may stay."""


_purposes: dict[str, Purpose] = {}


def register(name: str, purpose: Purpose) -> None:
    _purposes[name] = purpose


def get(name: str) -> Purpose:
    """Raises `Invalid` (400 `unknown_purpose`)."""
    if name not in _purposes:
        raise Invalid(code="unknown_purpose")
    return _purposes[name]


def names() -> list[str]:
    return sorted(_purposes)

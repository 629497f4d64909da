from typing import Any

from common.money import XAF
from common.strict_json import MalformedJson, loads
from payments.enums import Network
from payments.providers.base import CallbackRefused, Claim, Order, Outcome, Report, Started
from payments.providers.fields import text, whole_amount

# The last digit of the phone → what starting says, and what asking says (None: it cannot be asked).
BRANCHES: dict[str, tuple[Outcome, Outcome | None]] = {
    "0": (Outcome.PENDING, Outcome.PAID),
    "1": (Outcome.PENDING, Outcome.REFUSED),
    "2": (Outcome.PENDING, Outcome.PENDING),
    "3": (Outcome.PENDING, None),
    "4": (Outcome.PAID, Outcome.PAID),
    "5": (Outcome.REFUSED, None),
    "6": (Outcome.NOT_REACHED, None),
    "7": (Outcome.UNKNOWN, Outcome.PAID),
    "8": (Outcome.UNKNOWN, Outcome.NOT_FOUND),
    "9": (Outcome.UNKNOWN, Outcome.UNKNOWN),
}


class Dummy:
    """Takes no money and walks every branch of `Outcome`, as the phone's last digit says.

    It remembers nothing: what it will say is written into the id that it gives. Development and tests only.
    """

    name = "dummy"
    requires = frozenset({"phone"})
    by_hand = False

    def network_of(self, phone: str) -> Network | None:
        return None

    def patience(self, phone: str, network: Network | None) -> float:
        return 0.0

    def start(self, order: Order) -> Started:
        outcome, _later = BRANCHES[order.phone[-1]]
        named = outcome in (Outcome.PENDING, Outcome.PAID, Outcome.UNKNOWN)
        return Started(
            outcome,
            provider_id=f"{order.phone[-1]}-{order.amount}-{order.reference}" if named else "",
            reason={Outcome.REFUSED: "gateway_refused", Outcome.NOT_REACHED: "gateway_not_reached"}.get(outcome, ""),
        )

    def ask(self, *, reference: str, provider_id: str) -> Report | None:
        digit, _, rest = provider_id.partition("-")
        outcome = BRANCHES[digit][1] if digit in BRANCHES else None
        if outcome is None:
            return None
        reason = "declined" if outcome == Outcome.REFUSED else ""
        return Report(outcome, reference=reference, amount=int(rest.split("-")[0]), currency=XAF, reason=reason)

    def read_callback(self, body: bytes, content_type: str) -> Claim:
        """`{reference, amount}`, unsigned: it is asked for, like any other."""
        try:
            fields: Any = loads(body)
        except MalformedJson as error:
            raise CallbackRefused("unreadable") from error
        if not isinstance(fields, dict):
            raise CallbackRefused("unreadable")
        return Claim(reference=text(fields.get("reference")), amount=whole_amount(fields.get("amount")), currency=XAF)

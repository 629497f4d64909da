from payments.enums import Network
from payments.providers.base import CallbackRefused, Claim, Order, Outcome, Report, Started


class Counter:
    """Paid at the pharmacy. Nobody outside is asked: whoever takes the money there says so (`services.counter`)."""

    name = "counter"
    requires: frozenset[str] = frozenset()
    by_hand = True

    def network_of(self, phone: str) -> Network | None:
        return None

    def patience(self, phone: str, network: Network | None) -> float:
        return 0.0

    def start(self, order: Order) -> Started:
        return Started(Outcome.PENDING, request={"amount": order.amount, "reference": order.reference})

    def ask(self, *, reference: str, provider_id: str) -> Report | None:
        return None

    def read_callback(self, body: bytes, content_type: str) -> Claim:
        raise CallbackRefused("no_callbacks")

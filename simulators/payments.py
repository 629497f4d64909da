"""What the two mobile money gateways share: accepted payments, their outcome, their callback, the truth for tests."""

from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from .callbacks import Callback, Scheduler
from .config import SimulatorConfig
from .pages import hosted_page
from .phones import NATIONAL, OUTCOME_OF_BEHAVIOUR, Behaviour, Outcome, read_behaviour
from .service import Option, Service
from .wire import (
    Answer,
    BadRequest,
    Request,
    Router,
    answer_html,
    answer_json,
    answer_redirect,
    control_object,
    duration,
    not_found,
    whole_number,
)

MOST_COPIES = 1_000
DECIDE_AFTER = Option(0.3, None, "seconds from acceptance to outcome")


@dataclass(slots=True, eq=False)
class Payment:
    """A payment that the gateway accepted. `amount` is whole XAF; `token` is the gateway's own name for it."""

    reference: str
    token: str
    amount: int
    phone: str
    network: str
    callback_url: str
    success_url: str
    error_url: str
    path: str
    accepted_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    outcome: Outcome | None = None
    decided_at: datetime | None = None
    times_charged: int = 0

    def shown(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "token": self.token,
            "amount": self.amount,
            "currency": "XAF",
            "phone": self.phone,
            "network": self.network,
            "outcome": self.outcome or "pending",
            "times_charged": self.times_charged,
            "accepted_at": self.accepted_at.isoformat(timespec="milliseconds"),
            "decided_at": self.decided_at and self.decided_at.isoformat(timespec="milliseconds"),
        }


class PaymentService(Service):
    """A gateway. Subclasses turn calls into payments and payments into callbacks."""

    option_table: ClassVar[dict[str, Option]] = {"decide_after": DECIDE_AFTER}
    control_routes = Router(
        ("GET", r"/payments", "list_payments"),
        ("POST", r"/payments/(?P<reference>[^/]+)", "decide_now"),
        ("GET", r"/phones", "list_phones"),
        ("POST", r"/phones/(?P<phone>[^/]+)", "set_phone"),
        ("DELETE", r"/phones", "clear_phones"),
        ("POST", r"/redeliver/(?P<reference>[^/]+)", "redeliver"),
    )

    def __init__(self, config: SimulatorConfig, scheduler: Scheduler):
        super().__init__(config, scheduler)
        self.payments: dict[str, Payment] = {}
        self.by_token: dict[str, Payment] = {}
        self.phones: dict[str, Behaviour] = {}

    def default_options(self) -> dict[str, Any]:
        return super().default_options() | {"decide_after": self.config.decide_after}

    @abstractmethod
    def callback(self, payment: Payment) -> Callback | None:
        """The message about a decided payment, None where there is nowhere to send it."""

    @abstractmethod
    def forged_callback(self, payment: Payment) -> Callback:
        """The same from a stranger who claims that the payment was made."""

    def find(self, reference: str) -> Payment | None:
        return self.payments.get(reference) or self.by_token.get(reference)

    def accept(self, payment: Payment, *, waits_for_page: bool = False) -> None:
        """Books a payment; its payer's behaviour decides later, or the payer on the hosted page."""
        self.payments[payment.reference] = payment
        self.by_token[payment.token] = payment
        if waits_for_page:
            return
        behaviour = self.phones.get(payment.phone, Behaviour())
        delay = behaviour.delay(self.options["decide_after"])
        if delay is not None:
            outcome = OUTCOME_OF_BEHAVIOUR[behaviour.name]
            self.scheduler.call_later(delay, lambda: self._decide_pending(payment, outcome))

    def decide(self, payment: Payment, outcome: Outcome) -> None:
        """Gives a payment its outcome, also a late one after a failure, and sends the callback."""
        with self.lock:
            payment.outcome = outcome
            payment.decided_at = datetime.now(UTC)
            payment.times_charged += outcome is Outcome.PAID
            callback = self.callback(payment)
        if callback:
            self.outbox.send(callback, lambda: self.forged_callback(payment), path=payment.path)

    def _decide_pending(self, payment: Payment, outcome: Outcome) -> None:
        with self.lock:
            if payment.outcome is None and self.payments.get(payment.reference) is payment:
                self.decide(payment, outcome)

    def hosted_page(self, request: Request, token: str) -> Answer:
        """The page where a payer in a browser decides: GET shows it, POST `decision=pays|refuses` takes it."""
        payment = self.by_token.get(token)
        if payment is None:
            return not_found(request)
        if request.method == "POST":
            outcome = OUTCOME_OF_BEHAVIOUR.get(request.form().get("decision", ""))
            if outcome is None or payment.outcome is not None:
                return answer_html(409, self._page(payment), outcome="page: nothing to decide")
            self.decide(payment, outcome)
            url = payment.success_url if outcome is Outcome.PAID else payment.error_url
            return answer_redirect(url, outcome=f"page: {outcome}")
        return answer_html(200, self._page(payment))

    def _page(self, payment: Payment) -> str:
        return hosted_page(self.title, payment.reference, payment.amount, payment.outcome)

    def list_payments(self, request: Request) -> Answer:
        wanted = request.query.get("reference")
        payments = self.payments.values() if wanted is None else filter(None, [self.find(wanted)])
        return answer_json(200, {"payments": [payment.shown() for payment in payments]})

    def decide_now(self, request: Request, reference: str) -> Answer:
        """Control: an outcome by hand, for a pending payment or, as late money, after a failure."""
        data = control_object(request, allowed={"outcome"}, required={"outcome"})
        if data["outcome"] not in tuple(Outcome):
            raise BadRequest(f"outcome: one of {', '.join(Outcome)} is expected")
        payment = self.find(reference)
        if payment is None:
            return not_found(request)
        if payment.outcome is Outcome.PAID:
            return answer_json(409, {"error": "already_paid"})
        self.decide(payment, Outcome(data["outcome"]))
        return answer_json(200, payment.shown())

    def list_phones(self, request: Request) -> Answer:
        return answer_json(200, {"phones": {phone: behaviour.shown() for phone, behaviour in self.phones.items()}})

    def set_phone(self, request: Request, phone: str) -> Answer:
        if not NATIONAL.fullmatch(phone):
            raise BadRequest("phone: nine digits with a leading 0 are expected")
        behaviour = self.phones[phone] = read_behaviour(request)
        return answer_json(200, {"phone": phone, **behaviour.shown()})

    def clear_phones(self, request: Request) -> Answer:
        self.phones.clear()
        return answer_json(200, {"phones": {}})

    def redeliver(self, request: Request, reference: str) -> Answer:
        data = control_object(request, allowed={"times", "delay"})
        times = whole_number(data.get("times", 1), name="times", most=MOST_COPIES)
        delay = duration(data.get("delay", 0), name="delay")
        payment = self.find(reference)
        if payment is None:
            return not_found(request)
        if payment.outcome is None:
            return answer_json(409, {"error": "not_decided", "detail": "no callback has been made yet"})
        callback = self.callback(payment)
        if callback is None:
            return answer_json(409, {"error": "no_callback_url"})
        self.outbox.redeliver(callback, times=times, delay=delay)
        return answer_json(202, {"scheduled": times, "delay": delay})

    def reset(self) -> None:
        with self.lock:
            super().reset()
            self.payments.clear()
            self.by_token.clear()
            self.phones.clear()

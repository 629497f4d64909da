"""One reservation, its payments and whatever may happen to them, in random order, beside a model in plain Python.

The model knows what a customer was charged, what was asked for and what must follow; after every step the database
must say the same, and every franc that came in must have bought the reservation or be due back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts.enums import Role
from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from audit.models import Event
from common.errors import DomainError
from common.states import IllegalMove
from payments.enums import OPEN, Status, Verdict
from payments.exceptions import PaymentPending, RefundTooLarge
from payments.models import CallbackMessage, Payment, Refund
from payments.providers import get_provider
from payments.providers.base import Outcome, Report, Started
from payments.services import asking, callbacks, refunds, reviewing, starting
from payments.services.receiving import store_callback
from payments.tests.factories import AIRTEL, age, age_message, attempt_of
from reservations.models import Reservation, ReservationLine
from reservations.services import handling
from reservations.services.expiry import expire_overdue
from reservations.tests.factories import make_reservation

IN_FLIGHT = ("pending", "unknown")
STARTS = ["accepted", "accepted", "accepted", "unclear", "not accepted", "refused", "not reached", "killed"]


class Killed(BaseException):
    """The process died during a call."""


@dataclass
class Asked:
    """What the model knows of one payment; `charged` is the gateway's truth (None: the customer still thinks)."""

    row: Payment
    status: str = "created"
    accepted: bool = False
    token: bool = False
    charged: bool | None = None
    wrong: bool = False
    dismissed: bool = False
    blocks: bool = True
    bought: bool = False
    back: int = 0
    messages: list = field(default_factory=list)


def _created(asked):
    return asked.status == "created"


def _accepted(asked):
    return asked.accepted


def _undecided(asked):
    return asked.accepted and not asked.charged


def _in_flight(asked):
    return asked.status in IN_FLIGHT


def _held(asked):
    return asked.status == "held"


def _succeeded(asked):
    return asked.status == "succeeded"


ACTIONS: list[tuple[str, int, Callable]] = []


def action(weight, condition=None):
    """What may happen in one step, `weight` times as often as the rarest, while the condition holds of some payment.

    One rule draws among the actions: a rule for each would have Hypothesis leave half of them out of every run, and
    money needs several of them in turn to come in at all.
    """

    def register(method):
        ACTIONS.append((method.__name__, weight, condition))
        return method

    return register


class MoneyMachine(RuleBasedStateMachine):
    """See the module; the gateway is the scripted one, and answers out of the model."""

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.gateway = get_provider("scripted")
        self.gateway.reset()
        self.gateway.on_ask = self.answer
        self.staff = make_user(Role.STAFF)
        self.payments: list[Asked] = []
        self.starts = 0

    def teardown(self):
        try:
            assert verify_ledger().findings == []
        finally:
            self.gateway.reset()
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    @initialize()
    def reserve_and_ask(self):
        self.reservation = make_reservation()
        self.total = self.reservation.total
        self.kept, self.paid = True, False
        self.payments.append(Asked(self.create()))

    @rule(data=st.data())
    def step(self, data):
        possible = [
            name
            for name, weight, condition in ACTIONS
            if condition is None or any(condition(asked) for asked in self.payments)
            for _ in range(weight)
        ]
        getattr(self, data.draw(st.sampled_from(possible)))(data)

    # The gateway

    def answer(self, reference, provider_id):
        asked = next(each for each in self.payments if attempt_of(each.row).reference == reference)
        if not provider_id or not asked.accepted:
            return None if not provider_id else Report(Outcome.UNKNOWN)
        if self.down:
            return Report(Outcome.UNKNOWN)
        if asked.charged is None:
            return Report(Outcome.PENDING, reference=reference)
        if not asked.charged:
            return Report(Outcome.REFUSED, reference=reference, reason="declined")
        amount = asked.row.amount - asked.wrong
        return Report(Outcome.PAID, reference=reference, amount=amount, currency="XAF")

    down = False

    def heard(self, asked):
        """The model's version of an answer: what the gateway's truth makes of a payment that is asked about."""
        if self.down or not asked.token or not asked.accepted:
            return
        if asked.charged is None:
            if asked.status == "unknown":
                asked.status = "pending"
        elif not asked.charged:
            if asked.status in IN_FLIGHT:
                self.settle(asked, "failed")
        elif asked.status in (*IN_FLIGHT, "failed", "expired") and not (asked.wrong and asked.dismissed):
            self.settle(asked, "held" if asked.wrong else "succeeded")

    def settle(self, asked, status):
        asked.status, asked.blocks = status, False
        if status != "succeeded":
            return
        if self.kept and not self.paid:
            self.paid = asked.bought = True
        else:
            asked.back += self.total

    # What people and machines do

    def create(self):
        return starting.create_payment(
            self.reservation.user,
            purpose="reservation",
            purpose_id=str(self.reservation.public_id),
            provider="scripted",
            phone=AIRTEL,
        )

    def pick(self, data, condition):
        return data.draw(st.sampled_from([asked for asked in self.payments if condition(asked)]))

    @action(2)
    def ask_for_money(self, data):
        refusal = None
        if self.paid or not self.kept:
            refusal = DomainError
        elif any(asked.blocks and asked.row.expires_at > timezone.now() for asked in self.payments):
            refusal = PaymentPending
        if refusal or len(self.payments) == 4:
            if refusal:
                with pytest.raises(refusal), transaction.atomic():
                    self.create()
            return
        for asked in self.payments:
            asked.blocks = False
        self.payments.append(Asked(self.create()))

    @action(6, _created)
    def send_one(self, data):
        self.send(self.pick(data, _created), data.draw(st.sampled_from(STARTS)))

    def send(self, asked, how):

        def start(order):
            self.starts += 1
            asked.accepted = how in ("accepted", "unclear", "killed")
            if how == "killed":
                raise Killed
            outcome = {
                "accepted": Outcome.PENDING,
                "refused": Outcome.REFUSED,
                "not reached": Outcome.NOT_REACHED,
            }.get(how, Outcome.UNKNOWN)
            token = f"token-{order.reference}" if how == "accepted" else ""
            return Started(outcome, provider_id=token)

        self.gateway.on_start = start
        before = self.starts
        payable = self.kept and not self.paid and asked.row.expires_at > timezone.now()
        if not payable:
            starting.submit(asked.row.pk)
            assert self.starts == before, "nobody is asked for what is gone"
            asked.status, asked.blocks = "failed", False
            return
        if how == "killed":
            with pytest.raises(Killed):
                starting.submit(asked.row.pk)
            asked.status = "submitting"
            return
        starting.submit(asked.row.pk)
        assert self.starts == before + 1
        asked.token = how == "accepted"
        asked.status = {"accepted": "pending", "refused": "failed", "not reached": "failed"}.get(how, "unknown")
        asked.blocks = asked.status in OPEN and asked.blocks
        for message in list(asked.messages):
            self.processed(asked, message)

    @action(3, _undecided)
    def customer_decides(self, data):
        """Types the PIN, or not; money may also come late, after a refusal, and it may be another sum."""
        asked = self.pick(data, _undecided)
        asked.charged = data.draw(st.sampled_from([True, True, False]))
        asked.wrong = asked.charged and data.draw(st.sampled_from([False, False, True]))

    @action(3, _accepted)
    def callback(self, data):
        """A genuine or a lying callback, looked at while the gateway can be asked, or cannot."""
        asked = self.pick(data, _accepted)
        self.down = data.draw(st.sampled_from([False, False, True]))
        claimed = data.draw(st.sampled_from([0, 0, 0, 1]))
        reference = attempt_of(asked.row).reference
        stored = store_callback(
            "scripted",
            body=f"{reference} {asked.row.amount + claimed} XAF token-{reference}".encode(),
            content_type=f"copy {CallbackMessage.objects.count()}",
        )
        asked.messages.append((stored.pk, claimed))
        callbacks.process(stored.pk)
        self.processed(asked, asked.messages[-1])
        self.down = False

    def processed(self, asked, message):
        """The model's version of `process`; a message that is not through stays with the payment."""
        _, claimed = message
        if asked.status in ("created", "submitting"):
            return
        if asked.status == "succeeded":
            asked.messages.remove(message)
            return
        learns = not self.down and asked.accepted
        asked.token = asked.token or learns
        self.heard(asked)
        if claimed or (not self.down and asked.charged is not None):
            asked.messages.remove(message)

    @action(2, lambda asked: asked.messages)
    def sweep_messages(self, data):
        for message in CallbackMessage.objects.filter(verdict=Verdict.WAITING):
            age_message(message, hours=1)
        callbacks.process_waiting()
        for asked in self.payments:
            for message in list(asked.messages):
                self.processed(asked, message)

    @action(2, _accepted)
    def poll(self, data):
        asked = self.pick(data, _accepted)
        self.down = data.draw(st.sampled_from([False, False, True]))
        asking.ask(asked.row.pk)
        self.heard(asked)
        self.down = False

    @action(1, lambda asked: asked.status in ("submitting", *IN_FLIGHT))
    def sweep_payments(self, data):
        """Everything in flight is asked about; what was interrupted is in doubt."""
        Payment.objects.update(next_at=F("next_at") - timedelta(hours=2))
        asking.doubt_interrupted()
        for asked in self.payments:
            if asked.status == "submitting":
                asked.status = "unknown"
        Payment.objects.update(next_at=F("next_at") - timedelta(hours=2))
        asking.ask_due()
        for asked in self.payments:
            if asked.status in IN_FLIGHT:
                self.heard(asked)

    @action(1, lambda asked: asked.blocks)
    def fifteen_minutes_pass(self, data):
        asked = self.pick(data, lambda asked: asked.blocks)
        age(asked.row, minutes=15)
        asked.row.refresh_from_db()

    @action(1, _in_flight)
    def give_up(self, data):
        """Three days later."""
        Payment.objects.filter(status__in=IN_FLIGHT).update(created_at=timezone.now() - timedelta(hours=73))
        asking.expire_old()
        for asked in self.payments:
            if asked.status in IN_FLIGHT:
                self.settle(asked, "expired")

    @action(2, _held)
    def staff_decide(self, data):
        asked, accept = self.pick(data, _held), data.draw(st.booleans())
        (reviewing.accept_held if accept else reviewing.dismiss_held)(asked.row, by=self.staff)
        asked.dismissed = not accept
        self.settle(asked, "succeeded" if accept else "failed")

    @action(1)
    def end_reservation(self, data):
        if not self.kept:
            return
        how = data.draw(st.sampled_from(["cancel", "reject", "expire"]))
        self.reservation.refresh_from_db()
        if how == "cancel":
            handling.cancel(self.reservation, by=self.reservation.user)
        elif how == "reject":
            handling.reject(self.reservation, reason="rupture", by=self.staff)
        else:
            Reservation.objects.update(expires_at=timezone.now())
            ReservationLine.objects.update(held_until=timezone.now())
            assert expire_overdue() == 1
        self.kept = False
        for asked in self.payments:
            if asked.status == "succeeded":
                asked.back = self.total

    @action(1)
    def staff_may_not(self, data):
        """Decide what is not held, give back what never came."""
        asked = self.pick(data, lambda asked: True)
        for status, service in (("held", reviewing.accept_held), ("held", reviewing.dismiss_held)):
            if asked.status != status:
                with pytest.raises(IllegalMove), transaction.atomic():
                    service(asked.row, by=self.staff)
        if asked.status != "succeeded":
            with pytest.raises(IllegalMove), transaction.atomic():
                refunds.request_refund(asked.row, amount=1, reason="geste", by=self.staff)

    @action(1, _succeeded)
    def give_back(self, data):
        """Staff give a part back of what came in, for whatever reason."""
        asked, amount = self.pick(data, _succeeded), data.draw(st.integers(min_value=1, max_value=4_000))
        if amount > self.total - asked.back:
            with pytest.raises(RefundTooLarge), transaction.atomic():
                refunds.request_refund(asked.row, amount=amount, reason="geste", by=self.staff)
            return
        refunds.request_refund(asked.row, amount=amount, reason="geste", by=self.staff)
        asked.back += amount

    @action(1, lambda asked: asked.back)
    def carry_out_a_refund(self, data):
        waiting = list(Refund.objects.filter(status__in=["due", "requested"]).order_by("pk"))
        if not waiting:
            return
        refund, arrives = data.draw(st.sampled_from(waiting)), data.draw(st.booleans())
        refunds.approve(refund, by=self.staff)
        refunds.mark_sent(refund, external_reference=f"MP-{refund.pk}", by=self.staff)
        if arrives:
            refunds.mark_done(refund, by=self.staff)
        else:
            refunds.mark_failed(refund, by=self.staff)
            asked = next(asked for asked in self.payments if asked.row.pk == refund.payment_id)
            # What is owed is due again.
            asked.back -= refund.amount if asked.bought and self.kept else 0

    # What must be true after every step

    @invariant()
    def model_and_database_agree(self):
        rows = {row.pk: row for row in Payment.objects.all()}
        for asked in self.payments:
            row = rows[asked.row.pk]
            assert row.status == asked.status
            assert row.blocks == asked.blocks
            assert bool(attempt_of(row).provider_id) == asked.token
            live = sum(refund.amount for refund in row.refunds.exclude(status="failed"))
            assert live == asked.back
            waiting = CallbackMessage.objects.filter(verdict=Verdict.WAITING, attempt__payment=row)
            assert {message.pk for message in waiting} == {pk for pk, _ in asked.messages}
        assert len(rows) == len(self.payments)
        self.reservation.refresh_from_db()
        assert (self.reservation.paid_at is not None) == self.paid
        assert self.starts == len(self.gateway.orders)

    @invariant()
    def no_money_is_lost_doubled_or_invented(self):
        assert sum(asked.bought for asked in self.payments) == (1 if self.paid else 0)
        for row in Payment.objects.prefetch_related("refunds"):
            back = sum(refund.amount for refund in row.refunds.all() if refund.status != "failed")
            assert back <= row.amount
            if row.status != Status.SUCCEEDED:
                assert not row.refunds.all()
        paid = Event.objects.filter(action="reservation.paid").count()
        assert paid == (1 if self.paid else 0)
        succeeded = Event.objects.filter(action="payment.succeeded").count()
        assert succeeded == Payment.objects.filter(status=Status.SUCCEEDED).count()


def _run(examples, steps):
    run_state_machine_as_test(
        MoneyMachine,
        settings=hypothesis_settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=examples < 100,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )


@pytest.mark.django_db
def test_any_order_of_events_agrees_with_the_model(script):
    _run(50, 20)


@pytest.mark.soak
@pytest.mark.django_db
def test_any_order_of_events_agrees_with_the_model_for_long(script):
    _run(1_000, 30)

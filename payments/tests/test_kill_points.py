"""The process dies at a named boundary; the sweep of another one brings everything to a legal end.

A death is a `BaseException` that no handler of ours catches: what was committed stays, what was not is gone.
"""

from contextlib import contextmanager

import pytest
from django.db.models import F

from accounts.services.verification import verify_ledger
from common import idempotency
from common.idempotency import LEASE
from common.models import IdempotencyKey
from common.sweeping import sweep
from payments import rates
from payments.enums import Status, Verdict
from payments.models import CallbackMessage, Payment, PaymentAttempt, Refund
from payments.providers.mypayga import client as mypayga
from payments.services import callbacks, receiving, settling, starting
from payments.tasks import process_callback
from payments.tests.factories import (
    AIRTEL,
    CREDITS,
    age,
    age_message,
    attempt_of,
    books,
    events,
    refusals,
    start_payment,
)
from payments.tests.gateway import callback, deliver
from reservations import purpose as reservation_purpose
from reservations.models import Reservation
from reservations.tests.factories import make_reservation

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """SIGKILL, as far as Python code can tell."""


@pytest.fixture
def killed(monkeypatch):
    """`with killed(target, name):` the process dies as it calls that function; with `after=True` as that returns."""

    @contextmanager
    def killed(target, name, *, after=False):
        genuine = getattr(target, name)

        def dies(*args, **kwargs):
            if after:
                genuine(*args, **kwargs)
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(target, name, dies)
            with pytest.raises(Killed):
                yield

    return killed


@pytest.fixture
def ask(api, patient, rate):
    """POST /payments/ for the pack, under one and the same key."""

    def ask():
        body = {"purpose": "rate", "rate": rate.pk, "provider": "mypayga", "phone": AIRTEL}
        return api(patient).post("/api/v1/payments/", body, format="json", headers={"Idempotency-Key": "once"})

    return ask


def later(**duration):
    """So much time passes for everything that waits."""
    for payment in Payment.objects.all():
        age(payment, **duration)
    for message in CallbackMessage.objects.all():
        age_message(message, **duration)


def assert_legal_and_whole(patient, *, packs):
    """What the ledger, the payments and the events say is one story."""
    assert books(patient)["packs"] == packs
    succeeded = Payment.objects.filter(status=Status.SUCCEEDED)
    assert succeeded.count() == len(packs) + Refund.objects.count()
    assert events("payment.succeeded") == ["payment.succeeded"] * succeeded.count()
    assert events("credits.rate") == ["credits.rate"] * len(packs)
    assert verify_ledger().findings == []


def test_killed_before_the_intent_is_committed_nothing_was_begun(ask, killed, gateway):
    with killed(starting.payment_moved, "send"):
        ask()

    assert Payment.objects.count() == PaymentAttempt.objects.count() == IdempotencyKey.objects.count() == 0
    assert events("payment.") == []
    assert ask().json()["status"] == "pending"
    assert len(gateway.calls("payment")) == 1


def test_killed_between_intent_and_call_the_sweep_makes_the_call(ask, killed, gateway, patient):
    with killed(starting, "submit"):
        ask()
    assert Payment.objects.get().status == Status.CREATED
    assert gateway.calls("payment") == []
    assert ask().status_code == 409, "the same key still runs, as far as anybody can know"

    sweep()
    assert gateway.calls("payment") == [], "its process may still be about to"
    later(seconds=22)
    sweep()

    payment = Payment.objects.get()
    assert payment.status == Status.PENDING
    assert len(gateway.calls("payment")) == 1
    IdempotencyKey.objects.update(lease_until=F("lease_until") - LEASE)
    again = ask()
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.json()["id"] == str(payment.public_id)
    gateway.decide(attempt_of(payment).reference)
    later(seconds=10)
    sweep()
    assert_legal_and_whole(patient, packs=[CREDITS])


def test_killed_after_the_move_and_before_the_call_nobody_is_charged_by_a_guess(ask, killed, gateway, patient):
    with killed(starting, "release_connection"):
        ask()
    assert Payment.objects.get().status == Status.SUBMITTING

    for _ in range(4):
        later(minutes=30)
        sweep()
    assert (Payment.objects.get().status, Payment.objects.get().reason) == (Status.UNKNOWN, "interrupted")
    later(hours=72)
    sweep()

    assert Payment.objects.get().status == Status.EXPIRED
    assert gateway.payments() == []
    assert gateway.calls("payment") == []
    assert_legal_and_whole(patient, packs=[])


@pytest.mark.parametrize("customer", ["paid", "refused", None])
def test_killed_during_the_call_the_callback_tells_and_nobody_is_charged_twice(
    customer, ask, killed, gateway, patient, api
):
    with killed(mypayga, "post_payment", after=True):
        ask()
    payment = Payment.objects.get()
    assert (payment.status, attempt_of(payment).provider_id) == (Status.SUBMITTING, "")

    told = gateway.payment(attempt_of(payment).reference)
    if customer:
        told = gateway.decide(told["reference"], customer)
        deliver(api(), callback(told, order_status="200" if customer == "paid" else "400"))
        sweep()
        assert Payment.objects.get().status == Status.SUBMITTING, "its process may still be waiting for the answer"
    later(seconds=40)
    sweep()
    later(seconds=40)
    sweep()

    expected = {"paid": Status.SUCCEEDED, "refused": Status.FAILED, None: Status.UNKNOWN}[customer]
    assert Payment.objects.get().status == expected
    assert len(gateway.calls("payment")) == 1
    assert gateway.payment(told["reference"])["times_charged"] == (1 if customer == "paid" else 0)
    assert_legal_and_whole(patient, packs=[CREDITS] if customer == "paid" else [])


def test_killed_after_the_answer_and_before_the_write_it_is_the_same(ask, killed, gateway, patient, api):
    with killed(starting, "record_start"):
        ask()
    payment = Payment.objects.get()
    told = gateway.decide(attempt_of(payment).reference)
    later(seconds=22)
    sweep()
    assert Payment.objects.get().status == Status.UNKNOWN
    assert gateway.calls("verify") == []

    deliver(api(), callback(told))
    sweep()

    assert Payment.objects.get().status == Status.SUCCEEDED
    assert len(gateway.calls("payment")) == 1
    assert_legal_and_whole(patient, packs=[CREDITS])


def test_killed_after_the_write_and_before_the_parked_callbacks_the_sweep_looks_at_them(
    ask, killed, gateway, patient, api, monkeypatch
):
    """The callback came during the start and was parked; our process wrote the answer down, and died."""
    start = starting.get_provider("mypayga").start

    def start_and_be_called_back(order):
        started = start(order)
        deliver(api(), callback(gateway.decide(order.reference)))
        callbacks.process(CallbackMessage.objects.get().pk)
        return started

    monkeypatch.setattr(starting.get_provider("mypayga"), "start", start_and_be_called_back)
    with killed(starting, "settle_waiting"):
        ask()
    assert Payment.objects.get().status == Status.PENDING
    assert CallbackMessage.objects.get().verdict == Verdict.WAITING

    later(seconds=31)
    sweep()

    assert CallbackMessage.objects.get().verdict in (Verdict.SETTLED, Verdict.DUPLICATE)
    assert_legal_and_whole(patient, packs=[CREDITS])


def test_killed_before_the_answer_is_stored_with_the_key_the_intent_answers(ask, killed, gateway, patient):
    with killed(idempotency, "replace"):
        ask()
    assert Payment.objects.get().status == Status.PENDING
    assert ask().status_code == 409

    IdempotencyKey.objects.update(lease_until=F("lease_until") - LEASE)

    again = ask()
    assert (again.status_code, again.json()["id"]) == (202, str(Payment.objects.get().public_id))
    assert len(gateway.calls("payment")) == 1


@pytest.fixture
def fields(gateway, patient, rate):
    """The callback about a payment that the customer has made."""
    return callback(gateway.decide(attempt_of(start_payment(patient, rate)).reference))


def test_killed_before_the_callback_is_stored_it_is_not_acknowledged(fields, killed, api, patient):
    with killed(receiving.callback_received, "send"):
        deliver(api(), fields)
    assert CallbackMessage.objects.count() == 0
    assert events("callback.") == []

    later(seconds=10)
    sweep()
    assert_legal_and_whole(patient, packs=[CREDITS])
    deliver(api(), fields)
    sweep()
    assert CallbackMessage.objects.get().verdict == Verdict.DUPLICATE
    assert_legal_and_whole(patient, packs=[CREDITS])


CALLBACK_BOUNDARIES = {
    "before anything is read": (callbacks, "find_provider", False),
    "before the gateway is asked": (mypayga, "get_verify", False),
    "during the question": (mypayga, "get_verify", True),
    "after the answer, before the write": (callbacks, "settle", False),
    "under the payment's lock": (settling, "lock", True),
    "between the move and the grant": (settling, "move", True),
    "in the grant": (rates, "subscribe", False),
    "after the grant, before the commit": (rates, "subscribe", True),
    "after the commit, before the message is closed": (callbacks, "settle", True),
}


@pytest.mark.parametrize("boundary", CALLBACK_BOUNDARIES)
@pytest.mark.parametrize("redelivered", [False, True])
def test_killed_while_a_callback_is_settled_the_sweep_settles_it_once(
    redelivered, boundary, fields, killed, api, patient, gateway
):
    target, name, after = CALLBACK_BOUNDARIES[boundary]
    deliver(api(), fields)
    message = CallbackMessage.objects.get()

    with killed(target, name, after=after):
        process_callback.call(message.pk)

    committed = boundary.startswith("after the commit")
    assert books(patient)["packs"] == ([CREDITS] if committed else [])
    assert Payment.objects.get().status == (Status.SUCCEEDED if committed else Status.PENDING)
    message.refresh_from_db()
    assert message.verdict == Verdict.WAITING
    if redelivered:
        deliver(api(), fields)
        deliver(api(), fields | {"client_phone": ""})
    later(seconds=40)
    sweep()
    sweep()

    message.refresh_from_db()
    assert message.verdict in (Verdict.SETTLED, Verdict.DUPLICATE)
    assert refusals() == (["wrong_signature"] if redelivered else [])
    assert gateway.payments()[0]["times_charged"] == 1
    assert_legal_and_whole(patient, packs=[CREDITS])


RESERVATION_BOUNDARIES = {
    "after the lock": (reservation_purpose, "lock"),
    "between the mark and the hold": (reservation_purpose, "hold"),
    "before the event": (reservation_purpose.reservation_paid, "send"),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("boundary", RESERVATION_BOUNDARIES)
def test_killed_while_a_reservation_is_granted_it_is_paid_by_the_sweep(boundary, after, killed, gateway, patient):
    reservation = make_reservation(user=patient)
    payment = starting.create_payment(
        patient, purpose="reservation", purpose_id=str(reservation.public_id), provider="mypayga", phone=AIRTEL
    )
    starting.submit(payment.pk)
    gateway.decide(attempt_of(payment).reference)
    before = Reservation.objects.values().get()

    with killed(*RESERVATION_BOUNDARIES[boundary], after=after):
        settling.settle(
            attempt_of(payment),
            starting.get_provider("mypayga").ask(
                reference=attempt_of(payment).reference, provider_id=attempt_of(payment).provider_id
            ),
        )
    assert Reservation.objects.values().get() == before
    assert Payment.objects.get().status == Status.PENDING

    later(seconds=10)
    sweep()

    reservation.refresh_from_db()
    assert reservation.paid_at is not None
    assert [line.held_until for line in reservation.lines.all()] == [reservation.expires_at]
    assert events("reservation.paid") == ["reservation.paid"]
    assert Refund.objects.count() == 0


def test_killed_between_claim_and_question_the_sweep_asks_at_the_next_turn(killed, fields, patient):
    later(seconds=10)
    with killed(mypayga, "get_verify"):
        sweep()
    assert Payment.objects.get().asked == 1

    later(seconds=16)
    sweep()

    assert_legal_and_whole(patient, packs=[CREDITS])

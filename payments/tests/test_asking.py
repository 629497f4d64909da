"""The sweep: what was begun is moved on, asked about at the documented times, never charged twice, never forgotten."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import settings as project_settings
from django.utils import timezone

from common.sweeping import sweep
from payments.enums import Status
from payments.models import Payment, PaymentAttempt, Refund
from payments.providers.base import Outcome, Report, Started
from payments.providers.mypayga import client
from payments.services import asking
from payments.services.schedule import next_time
from payments.services.settling import settle
from payments.services.starting import create_payment, submit
from payments.tests.factories import (
    AIRTEL,
    CREDITS,
    age,
    attempt_of,
    books,
    events,
    make_payment,
    snapshot,
    start_payment,
)
from payments.tests.gateway import callback, deliver
from payments.tests.scripted import paid

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCHEDULE = [5, 15, 30, 60, 120, 300, 900]
HOUR = 3_600


def test_schedule_is_soon_at_first_and_hourly_later():
    waits = [(next_time(NOW, asked) - NOW).total_seconds() for asked in range(9)]

    assert waits == [*SCHEDULE, HOUR, HOUR]


def test_pending_payment_is_asked_about_on_schedule_until_it_is_given_up(script, patient, rate):
    """Three days of sweeps, a second before and at each moment that is due."""
    with time_machine.travel(NOW, tick=False) as clock:
        payment = create_payment(patient, purpose="rate", purpose_id=str(rate.pk), provider="scripted", phone=AIRTEL)
        submit(payment.pk)
        moment, hours = NOW, 0
        for wait in SCHEDULE + [HOUR] * 71:
            moment += timedelta(seconds=wait)
            clock.move_to(moment - timedelta(seconds=1))
            assert asking.ask_due() == 0
            clock.move_to(moment)
            assert asking.ask_due() == 1
            assert asking.ask_due() == 0
            hours += wait == HOUR
        assert len(script.asked) == len(SCHEDULE) + 71
        assert set(script.asked) == {attempt_of(payment).reference}

        clock.move_to(NOW + timedelta(hours=72))
        assert asking.expire_old() == 0
        clock.move_to(NOW + timedelta(hours=72, microseconds=1))
        assert asking.expire_old() == 1

        payment.refresh_from_db()
        assert (payment.status, payment.reason, payment.next_at) == (Status.EXPIRED, "no_answer", None)
        clock.move_to(NOW + timedelta(days=30))
        assert (asking.ask_due(), asking.expire_old()) == (0, 0)


def test_start_that_was_forgotten_is_made_once(gateway):
    payment = make_payment("created")

    assert asking.submit_forgotten() == 1
    assert asking.submit_forgotten() == 0

    payment.refresh_from_db()
    assert payment.status == Status.PENDING
    assert len(gateway.calls("payment")) == 1


def test_start_that_may_still_be_made_by_its_process_is_left_to_it(gateway, patient, rate):
    payment = create_payment(patient, purpose="rate", purpose_id=str(rate.pk), provider="mypayga", phone=AIRTEL)

    assert asking.submit_forgotten() == 0

    age(payment, seconds=2 * project_settings.PROVIDER_DEADLINE_SECONDS + 6)
    assert asking.submit_forgotten() == 1
    assert len(gateway.calls("payment")) == 1


def test_interrupted_start_is_in_doubt_and_never_charged_again(script, gateway, patient, rate, monkeypatch):
    """The process died during the call: the gateway has the payment, we do not know."""

    class Killed(BaseException):
        pass

    def dies_in_the_call(body, **options):
        post(body, **options)
        raise Killed

    post = client.post_payment
    monkeypatch.setattr(client, "post_payment", dies_in_the_call)
    payment = create_payment(patient, purpose="rate", purpose_id=str(rate.pk), provider="mypayga", phone=AIRTEL)
    with pytest.raises(Killed):
        submit(payment.pk)
    monkeypatch.undo()
    assert Payment.objects.get().status == Status.SUBMITTING
    assert asking.doubt_interrupted() == 0, "the process may still be waiting"

    age(payment, seconds=22)
    assert asking.doubt_interrupted() == 1
    for _ in range(3):
        age(payment, hours=1)
        sweep()

    payment.refresh_from_db()
    assert (payment.status, payment.reason) == (Status.UNKNOWN, "interrupted")
    assert len(gateway.payments()) == 1
    assert len(gateway.calls("payment")) == 1, "never charged again"
    assert gateway.calls("verify") == [], "without a token MyPayGa cannot be asked"


@pytest.mark.parametrize("outcome, status", [("paid", Status.SUCCEEDED), ("refused", Status.FAILED)])
def test_outcome_is_found_by_asking_when_the_callback_is_lost(outcome, status, gateway, patient, rate):
    payment = start_payment(patient, rate)
    gateway.fault("lost")
    gateway.decide(attempt_of(payment).reference, outcome)

    age(payment, seconds=6)
    assert asking.ask_due() == 1

    payment.refresh_from_db()
    assert (payment.status, payment.blocks, payment.next_at) == (status, False, None)
    assert books(patient)["packs"] == ([CREDITS] if outcome == "paid" else [])
    assert asking.ask_due() == 0


@pytest.mark.parametrize(
    "report, status",
    [
        (Report(Outcome.PENDING), Status.PENDING),
        (Report(Outcome.UNKNOWN), Status.UNKNOWN),
        (Report(Outcome.NOT_REACHED), Status.UNKNOWN),
        (None, Status.UNKNOWN),
        (Report(Outcome.REFUSED, reason="declined"), Status.FAILED),
        ("paid", Status.SUCCEEDED),
    ],
)
def test_payment_in_doubt_is_asked_about(report, status, script):
    payment = make_payment("unknown", provider="scripted", token="t")
    script.on_ask = lambda reference, provider_id: paid(payment) if report == "paid" else report

    assert asking.ask_due() == 1

    payment.refresh_from_db()
    assert (payment.status, payment.asked) == (status, 1)


def test_time_out_during_the_start_then_a_token_by_callback_then_success_by_asking(gateway, patient, rate, api):
    gateway.fault("reset_after_accept")
    payment = start_payment(patient, rate)
    gateway.heal()
    deliver(api(), callback(gateway.payment(attempt_of(payment).reference), order_status="202"))
    sweep()
    payment.refresh_from_db()
    assert payment.status == Status.PENDING

    gateway.decide(attempt_of(payment).reference)
    age(payment, seconds=6)
    sweep()

    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED
    assert books(patient)["packs"] == [CREDITS]
    assert gateway.payment(attempt_of(payment).reference)["times_charged"] == 1


@pytest.mark.parametrize("late", [Status.FAILED, Status.EXPIRED])
def test_late_success_found_by_asking_is_granted_once(late, script):
    payment = make_payment(late, provider="scripted", token="t")
    script.on_ask = lambda reference, provider_id: paid(payment)

    asking.ask(payment.pk)
    asking.ask(payment.pk)

    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED
    assert books(payment.user)["packs"] == [CREDITS]
    assert events("credits.rate") == ["credits.rate"]


@pytest.mark.parametrize("status", ["created", "submitting", "succeeded", "failed", "expired", "held"])
def test_only_what_is_in_flight_is_asked_about(status, script):
    make_payment(status, provider="scripted", token="t")

    assert asking.ask_due() == 0
    assert script.asked == []


def test_asking_what_cannot_be_asked_waits(gateway):
    """Without its token MyPayGa cannot be asked: the payment waits for a callback, or staff, until it is given up."""
    payment = make_payment("unknown")

    assert asking.ask_due() == 1

    payment.refresh_from_db()
    assert payment.status == Status.UNKNOWN
    assert (payment.next_at - payment.updated_at).total_seconds() == pytest.approx(15, abs=1)
    assert gateway.calls("verify") == []
    age(payment, hours=73)
    assert asking.expire_old() == 1
    assert Refund.objects.count() == 0


def test_payment_of_a_gateway_that_is_gone_waits_and_fails_no_sweep(script, settings):
    payment = make_payment(Status.PENDING, provider="scripted")
    settings.PAYMENT_PROVIDERS = {n: path for n, path in settings.PAYMENT_PROVIDERS.items() if n != "scripted"}

    assert asking.ask_due() == 1

    payment.refresh_from_db()
    assert (payment.status, payment.asked, script.asked) == (Status.PENDING, 1, [])
    assert payment.next_at > timezone.now()


def test_one_payment_that_cannot_be_asked_about_does_not_stop_the_others(script, broken):
    failing = make_payment(provider=broken, token="a")
    age(failing, seconds=5)
    payment = make_payment(provider="scripted", token="b")
    script.on_ask = lambda reference, provider_id: paid(payment)

    with pytest.raises(ExceptionGroup, match="1 of 2 failed"):
        asking.ask_due()

    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED
    assert Payment.objects.get(pk=failing.pk).status == Status.PENDING


def test_sweep_tells_of_what_failed_and_goes_on(script, broken):
    make_payment(provider=broken, token="a")
    forgotten = make_payment("created", provider="scripted")

    moved = sweep()

    assert (moved["payments_to_ask"], moved["payments_to_submit"]) == (-1, 1)
    forgotten.refresh_from_db()
    assert forgotten.status == Status.PENDING


def test_sweep_with_nothing_due_changes_nothing(script, gateway):
    for status in Status:
        payment = make_payment(status, provider="scripted", token=status)
        age(payment, seconds=-60)
    before = snapshot(Payment, PaymentAttempt)

    moved = sweep()

    assert {name: count for name, count in moved.items() if name.startswith("payment")} == {
        "payments_to_submit": 0,
        "payments_in_doubt": 0,
        "payment_callbacks": 0,
        "payments_to_ask": 0,
        "payments_to_expire": 0,
    }
    assert snapshot(Payment, PaymentAttempt) == before
    assert (script.orders, script.asked) == ([], [])


def test_late_answer_of_a_start_that_was_given_up_as_interrupted_still_tells(script, patient, rate):
    payment = create_payment(patient, purpose="rate", purpose_id=str(rate.pk), provider="scripted", phone=AIRTEL)

    def slow(order):
        age(payment, seconds=22)
        assert asking.doubt_interrupted() == 1
        return Started(Outcome.PENDING, provider_id="late")

    script.on_start = slow
    submit(payment.pk)

    payment.refresh_from_db()
    assert (payment.status, payment.reason) == (Status.PENDING, "")
    assert attempt_of(payment).provider_id == "late"
    assert events("payment.") == [
        "payment.created",
        "payment.submitting",
        "payment.unknown",
        "payment.pending",
    ]


def test_sweep_takes_a_batch_at_a_time(script, monkeypatch):
    for number in range(3):
        make_payment(provider="scripted", token=f"t{number}")
    monkeypatch.setattr(asking, "BATCH", 2)

    assert (asking.ask_due(), asking.ask_due(), asking.ask_due()) == (2, 1, 0)


OF_ANOTHER = {
    "an earlier attempt was never received": (0, Report(Outcome.NOT_FOUND, reason="never_received")),
    "an earlier attempt was refused": (0, Report(Outcome.REFUSED, reason="declined")),
    "another payment was refused": (1, Report(Outcome.REFUSED, reference="f" * 32, reason="declined")),
    "another payment is pending": (1, Report(Outcome.PENDING, reference="f" * 32)),
}


@pytest.mark.parametrize("case", OF_ANOTHER)
def test_what_is_said_of_another_attempt_or_payment_changes_nothing(case, script, patient, rate):
    number, report = OF_ANOTHER[case]
    script.on_start = lambda order: Started(Outcome.UNKNOWN)
    payment = start_payment(patient, rate, provider="scripted")
    PaymentAttempt.objects.create(payment=payment, provider="scripted", reference="a" * 32)
    age(payment, minutes=16)

    settle(payment.attempts.order_by("pk")[number], report)

    payment.refresh_from_db()
    assert (payment.status, payment.next_at is not None) == (Status.UNKNOWN, True), "it is still asked about"

"""The tables of moves, every pair of them, and what each service makes of every status."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Event
from common.states import IllegalMove
from payments.enums import MOVES, OPEN, REFUND_MOVES, RefundStatus, Status
from payments.models import Payment, PaymentAttempt, Refund
from payments.providers.base import Outcome, Report, Started
from payments.services import asking, refunds, reviewing, starting
from payments.services.moves import lock, move
from payments.services.settling import settle
from payments.tests.factories import attempt_of, books, events, make_payment, make_refund, snapshot
from payments.tests.scripted import paid

pytestmark = pytest.mark.django_db

CREATED, SUBMITTING, PENDING, UNKNOWN = "created", "submitting", "pending", "unknown"
SUCCEEDED, FAILED, EXPIRED, HELD = "succeeded", "failed", "expired", "held"

# Written from the design, not from the code.
ALLOWED = {
    CREATED: {SUBMITTING},
    SUBMITTING: {PENDING, UNKNOWN, SUCCEEDED, FAILED},
    PENDING: {SUCCEEDED, FAILED, EXPIRED, HELD},
    UNKNOWN: {PENDING, SUCCEEDED, FAILED, EXPIRED, HELD},
    FAILED: {SUCCEEDED, HELD},
    EXPIRED: {SUCCEEDED, HELD},
    HELD: {SUCCEEDED, FAILED},
    SUCCEEDED: set(),
}
REFUNDS_ALLOWED = {
    "requested": {"approved"},
    "due": {"approved"},
    "approved": {"sent"},
    "sent": {"done", "failed"},
    "done": set(),
    "failed": set(),
}


def _pairs(states):
    return [(old, new) for old in states for new in states]


def test_table_of_payments_is_the_designs():
    assert {str(old): {str(new) for new in Status if MOVES.allows(old, new)} for old in Status} == ALLOWED


def test_table_of_refunds_is_the_designs():
    table = {str(old): {str(new) for new in RefundStatus if REFUND_MOVES.allows(old, new)} for old in RefundStatus}
    assert table == REFUNDS_ALLOWED


@pytest.mark.parametrize("old, new", _pairs(Status))
def test_move_does_what_the_table_allows_and_nothing_else(old, new):
    payment = make_payment(old)
    before, events_before = snapshot(Payment, PaymentAttempt), len(events())

    if new not in ALLOWED[old]:
        with pytest.raises(IllegalMove):
            move(lock(payment.pk), new)
        assert snapshot(Payment, PaymentAttempt) == before
        assert len(events()) == events_before
        return

    move(lock(payment.pk), new, reason="why")

    payment = Payment.objects.get(pk=payment.pk)
    assert (payment.status, payment.reason) == (new, "why")
    assert payment.blocks == (new in OPEN and old in OPEN)
    assert (payment.next_at is not None) == (new in OPEN)
    assert (payment.settled_at is not None) == (new == SUCCEEDED)
    event = Event.objects.latest("id")
    assert (event.action, event.entity, event.entity_id) == (f"payment.{new}", "payment", str(payment.public_id))
    assert (event.changes["old"], event.changes["new"], event.amount) == (old, new, payment.amount)
    assert len(events()) == events_before + 1


# What a report of the gateway makes of a payment in each status.
SETTLED = {
    "paid": {
        CREATED: CREATED,
        SUBMITTING: SUCCEEDED,
        PENDING: SUCCEEDED,
        UNKNOWN: SUCCEEDED,
        FAILED: SUCCEEDED,
        EXPIRED: SUCCEEDED,
        HELD: HELD,
        SUCCEEDED: SUCCEEDED,
    },
    "paid too little": {
        CREATED: CREATED,
        SUBMITTING: SUBMITTING,
        PENDING: HELD,
        UNKNOWN: HELD,
        FAILED: HELD,
        EXPIRED: HELD,
        HELD: HELD,
        SUCCEEDED: SUCCEEDED,
    },
    "refused": {**{status: status for status in ALLOWED}, PENDING: FAILED, UNKNOWN: FAILED},
    "not reached": {status: status for status in ALLOWED},
    "pending": {**{status: status for status in ALLOWED}, UNKNOWN: PENDING},
    "unknown": {status: status for status in ALLOWED},
}


def _report(name, payment):
    return {
        "paid": paid(payment),
        "paid too little": paid(payment, amount=payment.amount - 1),
        "refused": Report(Outcome.REFUSED, reason="declined"),
        "not reached": Report(Outcome.NOT_REACHED, reason="gateway_not_reached"),
        "pending": Report(Outcome.PENDING),
        "unknown": Report(Outcome.UNKNOWN),
        "not found": Report(Outcome.NOT_FOUND, reason="never_received"),
    }[name]


@pytest.mark.parametrize("name, status, expected", [(n, s, e) for n, row in SETTLED.items() for s, e in row.items()])
def test_settle_brings_each_status_where_the_report_says(name, status, expected):
    payment = make_payment(status)
    before, events_before = snapshot(Payment), len(events())

    settle(attempt_of(payment), _report(name, payment))

    payment.refresh_from_db()
    assert payment.status == expected
    granted = expected == SUCCEEDED and status != SUCCEEDED
    assert books(payment.user)["packs"] == ([60] if granted else [])
    assert Refund.objects.count() == 0
    if expected == status:
        assert snapshot(Payment) == before
        assert len(events()) == events_before


@pytest.mark.parametrize("status", Status)
def test_submit_sends_only_what_was_created(status, script):
    payment = make_payment(status, provider="scripted")
    before = snapshot(Payment, PaymentAttempt)

    starting.submit(payment.pk)

    if status == CREATED:
        assert [order.amount for order in script.orders] == [5_000]
        assert Payment.objects.get().status == PENDING
    else:
        assert script.orders == []
        assert snapshot(Payment, PaymentAttempt) == before


STARTED = {
    Outcome.PENDING: PENDING,
    Outcome.PAID: PENDING,
    Outcome.UNKNOWN: UNKNOWN,
    Outcome.REFUSED: FAILED,
    Outcome.NOT_REACHED: FAILED,
    Outcome.NOT_FOUND: UNKNOWN,
}


@pytest.mark.parametrize("outcome, status", [(outcome, status) for outcome in Outcome for status in Status])
def test_answer_of_the_start_counts_only_while_it_is_awaited(outcome, status):
    payment = make_payment(status)
    attempt = attempt_of(payment)

    starting.record_start(payment.pk, attempt.pk, Started(outcome, provider_id="token-1"))

    awaited = status in (SUBMITTING, UNKNOWN)
    assert Payment.objects.get().status == (STARTED[outcome] if awaited else status)
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.provider_id) == (outcome, "token-1")


@pytest.mark.parametrize("status", Status)
def test_doubt_falls_on_interrupted_payments_only(status):
    payment = make_payment(status)
    before = snapshot(Payment)

    assert asking.doubt_interrupted() == (1 if status == SUBMITTING else 0)

    if status == SUBMITTING:
        payment.refresh_from_db()
        assert (payment.status, payment.reason) == (UNKNOWN, "interrupted")
    else:
        assert snapshot(Payment) == before


@pytest.mark.parametrize("status", Status)
def test_old_payments_expire_only_while_they_are_in_flight(status):
    payment = make_payment(status)
    Payment.objects.update(created_at=timezone.now() - timedelta(hours=72, seconds=1))
    before = snapshot(Payment)

    assert asking.expire_old() == (1 if status in (PENDING, UNKNOWN) else 0)

    if status in (PENDING, UNKNOWN):
        payment.refresh_from_db()
        assert (payment.status, payment.reason, payment.blocks) == (EXPIRED, "no_answer", False)
    else:
        assert snapshot(Payment) == before


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("decision, expected", [("accept_held", SUCCEEDED), ("dismiss_held", FAILED)])
def test_staff_decide_about_held_payments_only(decision, expected, status, staff):
    payment = make_payment(status)
    before, events_before = snapshot(Payment), len(events())

    if status != HELD:
        with pytest.raises(IllegalMove):
            getattr(reviewing, decision)(payment, by=staff)
        assert snapshot(Payment) == before
        assert len(events()) == events_before
        return

    getattr(reviewing, decision)(payment, by=staff)

    assert Payment.objects.get().status == expected
    assert books(payment.user)["packs"] == ([60] if expected == SUCCEEDED else [])


REFUND_SERVICES = {
    "approved": lambda refund, by: refunds.approve(refund, by=by),
    "sent": lambda refund, by: refunds.mark_sent(refund, external_reference="GW-77", by=by),
    "done": lambda refund, by: refunds.mark_done(refund, by=by),
    "failed": lambda refund, by: refunds.mark_failed(refund, by=by),
}


@pytest.mark.parametrize("new", REFUND_SERVICES)
@pytest.mark.parametrize("old", RefundStatus)
def test_refund_moves_as_the_table_allows_and_nothing_else(old, new, staff):
    refund = make_refund(old)
    before, events_before = snapshot(Refund, Payment), len(events())

    if new not in REFUNDS_ALLOWED[old]:
        with pytest.raises(IllegalMove):
            REFUND_SERVICES[new](refund, staff)
        assert snapshot(Refund, Payment) == before
        assert len(events()) == events_before
        return

    REFUND_SERVICES[new](refund, staff)

    refund.refresh_from_db()
    assert refund.status == new
    assert (refund.approved_by == staff) == (new == "approved")
    if new == "sent":
        assert refund.external_reference == "GW-77"
    event = Event.objects.filter(entity="refund", entity_id=str(refund.public_id)).latest("id")
    assert (event.action, event.amount) == (f"refund.{new}", 1_000)
    # What is owed and came back is due again.
    assert Refund.objects.filter(status="due").exclude(pk=refund.pk).count() == (new == "failed")


@pytest.mark.parametrize("new", ["requested", "due"])
@pytest.mark.parametrize("old", RefundStatus)
def test_refund_never_becomes_new_again(old, new, staff):
    refund = make_refund(old)

    with pytest.raises(IllegalMove):
        refunds._move(refund, RefundStatus(new), by=staff)

    refund.refresh_from_db()
    assert refund.status == old

"""Money above the amount takes two people; a payment paid twice is paid back once; what providers take."""

import uuid

import pytest
from django.db import IntegrityError, transaction

from accounts.enums import Duty, Role
from accounts.exceptions import ApprovalPending, OwnApproval
from accounts.models import Approval
from accounts.services import approvals
from accounts.services.duties import set_groups
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from common.errors import Forbidden, Invalid
from common.states import IllegalMove
from common.tests.rows import contents
from payments.enums import RefundStatus, Status
from payments.exceptions import AmountOutOfRange, ExternalReferenceTaken, RefundTooLarge
from payments.models import Payment, PaymentAttempt, Refund
from payments.providers.base import Outcome, Report, Started
from payments.services import callbacks, refunds, reviewing, settling, starting
from payments.services.receiving import store_callback
from payments.tests.factories import AIRTEL, CREDITS, PRICE, events, make_payment, make_rate, make_refund, start_payment
from payments.tests.scripted import paid
from reservations.enums import PaymentStatus
from reservations.selectors import payment_statuses
from reservations.services import handling
from reservations.tests.factories import make_reservation, pay
from tests.threads import run_together

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limit(settings):
    settings.TWO_EYES_XAF = 1_000


@pytest.fixture
def colleague():
    return make_user(Role.STAFF)


def bought():
    """A pack that was paid and given."""
    payment = make_payment(Status.PENDING)
    attempt = payment.attempts.get()
    return settling.settle(attempt, paid(payment))


def request(payment, amount, by, reason="geste"):
    return refunds.request_refund(payment, amount=amount, reason=reason, by=by)


def states():
    return list(Refund.objects.order_by("id").values_list("status", "amount"))


def test_small_refund_is_requested_and_approved_by_one_person(staff):
    refund = request(bought(), 1_000, staff)

    assert refunds.approve(refund, by=staff).status == "approved"
    assert Approval.objects.count() == 0


def test_large_refund_is_requested_once_a_second_person_agrees(staff, colleague):
    payment = bought()
    approval = request(payment, 1_001, staff)

    assert (approval.kind, approval.amount, approval.currency) == ("refund.request", 1_001, "XAF")
    assert (approval.beneficiary, states()) == (payment.user, [])
    with pytest.raises(OwnApproval), transaction.atomic():
        approvals.approve(approval, by=staff)
    approvals.approve(approval, by=colleague)

    refund = Refund.objects.get()
    assert (refund.status, refund.requested_by, refund.approved_by) == ("approved", staff, colleague)
    assert events("refund.", "approval.") == [
        "approval.requested",
        "refund.requested",
        "refund.approved",
        "approval.approved",
    ]
    assert verify_ledger().findings == []


def test_refused_refund_leaves_nothing_behind(staff, colleague):
    payment = bought()
    approvals.refuse(request(payment, PRICE, staff), by=colleague)

    assert states() == []
    assert request(payment, PRICE, colleague).status == "requested"


def test_many_small_refunds_are_one_large_one(staff):
    payment = bought()
    request(payment, 600, staff)

    assert isinstance(request(payment, 401, staff), Approval)
    with pytest.raises(ApprovalPending), transaction.atomic():
        request(payment, 500, staff)


def test_refund_called_failed_and_sent_again_and_again_takes_a_second_person(staff):
    """Nobody but who sent it says that a transfer came back: what left before counts towards the amount."""
    payment = bought()
    for number in range(2):
        refund = refunds.approve(request(payment, 500, staff), by=staff)
        refunds.mark_sent(refund, external_reference=f"MP-{number}", by=staff)
        refunds.mark_failed(refund, by=staff)

    assert isinstance(request(payment, 500, staff), Approval)
    assert states() == [("failed", 500)] * 2


def test_due_refund_after_failed_ones_takes_a_second_person(staff):
    payment = bought()
    make_refund(RefundStatus.FAILED, payment, amount=600)

    assert isinstance(refunds.approve(make_refund(RefundStatus.DUE, payment, amount=600), by=staff), Approval)


def test_two_who_request_and_approve_are_two_already(staff, colleague, settings):
    settings.TWO_EYES_XAF = 5_000
    refund = request(bought(), 5_000, staff)
    settings.TWO_EYES_XAF = 1_000

    assert isinstance(refunds.approve(refund, by=staff), Approval)
    assert refunds.approve(refund, by=colleague).status == "approved"


def test_large_due_refund_takes_two_people(staff, colleague):
    refund = make_refund(RefundStatus.DUE, bought(), amount=PRICE)
    approval = refunds.approve(refund, by=staff)

    assert (approval.kind, states()) == ("refund.approve", [("due", PRICE)])
    approvals.approve(approval, by=colleague)
    refund.refresh_from_db()
    assert (refund.status, refund.approved_by) == ("approved", colleague)


def test_payer_never_decides_alone_about_their_own_money(colleague):
    staff = make_user(Role.STAFF)
    payment = make_payment(Status.SUCCEEDED, user=staff)

    approval = request(payment, 1, staff)

    assert isinstance(approval, Approval)
    assert isinstance(refunds.approve(make_refund(RefundStatus.DUE, payment, amount=1), by=colleague), Refund)


def test_approval_looks_again_at_what_is_left(staff, colleague):
    payment = bought()
    approval = request(payment, PRICE, staff)
    make_refund(RefundStatus.DUE, payment, amount=1)
    before = contents()

    with pytest.raises(RefundTooLarge), transaction.atomic():
        approvals.approve(approval, by=colleague)

    assert contents() == before


@pytest.mark.parametrize("decide, status", [(reviewing.accept_held, "succeeded"), (reviewing.dismiss_held, "failed")])
def test_large_held_payment_takes_two_people_and_a_reason(decide, status, staff, colleague):
    payment = make_payment(Status.HELD)
    with pytest.raises(Invalid), transaction.atomic():
        decide(payment, by=staff)

    approval = decide(payment, by=staff, reason="relevé vérifié")
    payment.refresh_from_db()
    assert (payment.status, balance(payment.user)) == ("held", 10)
    approvals.approve(approval, by=colleague)

    payment.refresh_from_db()
    assert payment.status == status
    assert balance(payment.user) == 10 + (CREDITS if status == "succeeded" else 0)
    assert verify_ledger().findings == []


def test_held_payment_that_was_decided_meanwhile_is_not_decided_again(staff, colleague, settings):
    payment = make_payment(Status.HELD)
    approval = reviewing.accept_held(payment, by=staff, reason="vu")
    settings.TWO_EYES_XAF = PRICE
    reviewing.dismiss_held(payment, by=staff)
    before = contents()

    with pytest.raises(IllegalMove), transaction.atomic():
        approvals.approve(approval, by=colleague)

    assert contents() == before


def test_request_that_somebody_decides_without_is_refused_and_keeps_no_other_out(staff, colleague, settings):
    payment = bought()
    refund = make_refund(RefundStatus.DUE, payment, amount=1_500)
    waiting = refunds.approve(refund, by=staff)
    settings.TWO_EYES_XAF = 2_000

    refunds.approve(refund, by=colleague)

    waiting.refresh_from_db()
    assert (waiting.status, waiting.decided_by, waiting.note) == (
        "refused",
        colleague,
        "Décidé entre-temps sans cette demande.",
    )
    assert states() == [("approved", 1_500)]
    settings.TWO_EYES_XAF = 1_000
    assert isinstance(request(payment, 1_200, staff), Approval)


def test_own_request_that_is_decided_without_is_withdrawn(staff, settings):
    refund = make_refund(RefundStatus.DUE, bought(), amount=1_500)
    waiting = refunds.approve(refund, by=staff)
    settings.TWO_EYES_XAF = 2_000

    refunds.approve(refund, by=staff)

    waiting.refresh_from_db()
    assert (waiting.status, waiting.decided_by, states()) == ("withdrawn", staff, [("approved", 1_500)])


def test_request_about_another_refund_goes_on_waiting(staff, colleague, settings):
    payment = bought()
    one, other = (make_refund(RefundStatus.DUE, payment, amount=amount) for amount in (1_500, 400))
    waiting = refunds.approve(one, by=staff)
    settings.TWO_EYES_XAF = PRICE

    refunds.approve(other, by=colleague)

    waiting.refresh_from_db()
    assert (waiting.status, states()) == ("requested", [("due", 1_500), ("approved", 400)])


@pytest.mark.parametrize("decide, status", [(reviewing.accept_held, "succeeded"), (reviewing.dismiss_held, "failed")])
def test_held_payment_that_somebody_decides_alone_leaves_no_request_behind(decide, status, staff, colleague, settings):
    payment = make_payment(Status.HELD)
    waiting = reviewing.accept_held(payment, by=staff, reason="vu")
    settings.TWO_EYES_XAF = PRICE

    decide(payment, by=colleague)

    waiting.refresh_from_db()
    payment.refresh_from_db()
    assert (waiting.status, waiting.decided_by, payment.status) == ("refused", colleague, status)


def post(api, user, path, body=None):
    return api(user).post(path, body, format="json", headers={"Idempotency-Key": uuid.uuid4().hex})


def test_large_refund_over_the_api_waits(staff, colleague, api):
    payment = bought()
    body = {"payment": str(payment.public_id), "amount": 1_001, "reason": "geste"}
    asked = post(api, staff, "/api/v1/refunds/", body)

    assert (asked.status_code, asked.json()["kind"], asked.json()["subject"]) == (
        202,
        "refund.request",
        f"payment:{payment.public_id}",
    )
    path = f"/api/v1/approvals/{asked.json()['id']}/approve/"
    assert post(api, staff, path).json()["code"] == "own_approval"
    assert post(api, colleague, path).json()["status"] == "approved"
    assert states() == [("approved", 1_001)]


def test_reference_of_a_gateway_belongs_to_one_refund(staff):
    first, second, elsewhere = (make_refund(RefundStatus.APPROVED) for _ in range(3))
    Refund.objects.filter(pk=elsewhere.pk).update(provider="singpay")
    refunds.mark_sent(first, external_reference="MP-1", by=staff)
    before = contents()

    with pytest.raises(ExternalReferenceTaken), transaction.atomic():
        refunds.mark_sent(second, external_reference=" MP-1", by=staff)

    assert contents() == before
    assert refunds.mark_sent(elsewhere, external_reference="MP-1", by=staff).status == "sent"


@pytest.mark.django_db(transaction=True)
def test_one_reference_noted_by_many_at_once_is_noted_once():
    staff = make_user(Role.STAFF)
    many = [make_refund(RefundStatus.APPROVED) for _ in range(5)]

    results = run_together(5, lambda n: refunds.mark_sent(many[n], external_reference="MP-1", by=staff))

    assert sum(isinstance(result, Refund) for result in results) == 1
    assert sum(isinstance(result, ExternalReferenceTaken) for result in results) == 4


def status_of(reservation):
    reservation.refresh_from_db()
    return payment_statuses([reservation])[reservation.public_id]


def test_cancelled_reservation_owes_until_the_money_is_back(staff, settings):
    settings.TWO_EYES_XAF = 10**9
    reservation = make_reservation()
    pay(reservation)
    assert status_of(reservation) == PaymentStatus.PAID
    handling.cancel(reservation, by=reservation.user)
    refund = Refund.objects.get()

    for step in (
        lambda: refunds.approve(refund, by=staff),
        lambda: refunds.mark_sent(refund, external_reference="MP-1", by=staff),
    ):
        assert status_of(reservation) == PaymentStatus.REFUND_DUE
        step()
    assert status_of(reservation) == PaymentStatus.REFUND_DUE
    refunds.mark_done(refund, by=staff)

    assert status_of(reservation) == PaymentStatus.UNPAID


def test_partly_refunded_reservation_that_is_kept_stays_paid(staff):
    reservation = make_reservation()
    request(pay(reservation), 100, staff)

    assert status_of(reservation) == PaymentStatus.PAID


def two_attempts(script, settings):
    """A payment whose first attempt seemed not to reach the gateway, and whose second one waits for the customer."""
    settings.PAYMENT_ATTEMPTS = 2
    answers = iter([Started(Outcome.NOT_REACHED, reason="gateway_not_reached")])
    genuine = script.on_start
    script.on_start = lambda order: next(answers, None) or genuine(order)
    return start_payment(make_user(credits=0), make_rate(), provider="scripted")


def test_gateway_that_is_not_reached_is_tried_again_under_another_reference(script, settings):
    payment = two_attempts(script, settings)

    first, second = payment.attempts.order_by("id")
    assert (payment.status, first.outcome, second.outcome) == ("pending", "not_reached", "pending")
    assert [order.reference for order in script.orders] == [first.reference, second.reference]
    assert first.reference != second.reference


def test_it_is_not_tried_more_often_than_set(script, settings):
    settings.PAYMENT_ATTEMPTS = 3
    script.on_start = lambda order: Started(Outcome.NOT_REACHED, reason="gateway_not_reached")
    payment = start_payment(make_user(), make_rate(), provider="scripted")

    assert (payment.status, payment.attempts.count(), len(script.orders)) == ("failed", 3, 3)
    assert payment.reason == "gateway_not_reached"


def report(attempt, payment, **changes):
    values = {"reference": attempt.reference, "amount": payment.amount, "currency": payment.currency, **changes}
    return Report(Outcome.PAID, **values)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_both_attempts_paid_one_grants_and_the_other_is_due_back_once(order, script, settings):
    payment = two_attempts(script, settings)
    attempts = list(payment.attempts.order_by("id"))

    for _ in range(2):
        for number in order:
            settling.settle(attempts[number], report(attempts[number], payment))

    assert balance(payment.user) == CREDITS
    assert [(r.status, r.amount, r.reason) for r in Refund.objects.all()] == [("due", PRICE, "paid_twice")]
    winner, loser = (PaymentAttempt.objects.get(pk=attempts[number].pk) for number in order)
    assert (winner.is_surplus, loser.is_surplus) == (False, True)
    assert events("payment.succeeded", "refund.") == ["payment.succeeded", "refund.due"]
    assert verify_ledger().findings == []


def held_beside_a_paid_attempt(script, settings):
    """The first attempt was paid too little, which holds the payment; the second one was paid in full."""
    settings.TWO_EYES_XAF = PRICE
    payment = two_attempts(script, settings)
    first, second = payment.attempts.order_by("id")
    assert settling.settle(first, report(first, payment, amount=1)).status == "held"
    for _ in range(2):
        assert settling.settle(second, report(second, payment)).status == "held"
    assert (balance(payment.user), states()) == (0, [])
    return payment


def test_other_attempt_that_is_paid_while_held_is_due_back_where_staff_accept(script, settings, staff):
    payment = held_beside_a_paid_attempt(script, settings)

    reviewing.accept_held(payment, by=staff)

    assert balance(payment.user) == CREDITS
    assert [(r.status, r.amount, r.reason) for r in Refund.objects.all()] == [("due", PRICE, "paid_twice")]
    assert list(payment.attempts.order_by("id").values_list("is_surplus", flat=True)) == [False, True]
    assert verify_ledger().findings == []


def test_other_attempt_that_is_paid_while_held_is_granted_where_staff_dismiss(script, settings, staff):
    payment = held_beside_a_paid_attempt(script, settings)

    reviewing.dismiss_held(payment, by=staff)

    payment.refresh_from_db()
    assert (payment.status, balance(payment.user), states()) == ("succeeded", CREDITS, [])
    first, second = payment.attempts.order_by("id")
    assert (first.paid_at, second.paid_at is not None, second.is_surplus) == (None, True, False)
    assert verify_ledger().findings == []


def test_what_staff_have_dismissed_is_not_held_again(script, staff, settings):
    settings.TWO_EYES_XAF = PRICE
    payment = make_payment(Status.PENDING, provider="scripted", token="t")
    wrong = paid(payment, amount=1)
    settling.settle(payment.attempts.get(), wrong)
    reviewing.dismiss_held(payment, by=staff)

    assert settling.settle(payment.attempts.get(), wrong).status == "failed"
    assert settling.settle(payment.attempts.get(), paid(payment)).status == "succeeded"


def test_callback_about_the_other_attempt_of_a_settled_payment_is_asked_about(script, settings):
    payment = two_attempts(script, settings)
    first, second = payment.attempts.order_by("id")
    settling.settle(second, report(second, payment))
    script.on_ask = lambda reference, provider_id: report(first, payment)
    PaymentAttempt.objects.filter(pk=first.pk).update(provider_id="found")

    message = store_callback("scripted", body=f"{first.reference} {PRICE} XAF found".encode(), content_type="")
    callbacks.process(message.pk)

    assert states() == [("due", PRICE)]


def test_earlier_attempt_that_was_refused_does_not_fail_the_open_one(script, settings):
    payment = two_attempts(script, settings)
    first = payment.attempts.order_by("id")[0]

    settling.settle(first, Report(Outcome.REFUSED, reference=first.reference, reason="declined"))

    payment.refresh_from_db()
    assert payment.status == "pending"


def test_database_knows_one_paid_attempt_per_payment(script, settings):
    payment = two_attempts(script, settings)

    with pytest.raises(IntegrityError), transaction.atomic():
        payment.attempts.update(paid_at=payment.created_at)


@pytest.mark.django_db(transaction=True)
def test_both_attempts_reported_by_many_at_once_come_to_the_same(script, settings):
    payment = two_attempts(script, settings)
    attempts = list(payment.attempts.order_by("id"))

    results = run_together(10, lambda n: settling.settle(attempts[n % 2], report(attempts[n % 2], payment)))

    assert [result for result in results if isinstance(result, Exception)] == []
    assert balance(payment.user) == CREDITS
    assert states() == [("due", PRICE)]


@pytest.mark.parametrize("least, most, fits", [(PRICE, PRICE, True), (PRICE + 1, 10**6, False), (1, PRICE - 1, False)])
def test_provider_takes_amounts_within_its_limits(least, most, fits, script, settings, patient, rate):
    settings.PAYMENT_LIMITS = {"scripted": (least, most)}

    def ask():
        return starting.create_payment(
            patient, purpose="rate", purpose_id=str(rate.pk), provider="scripted", phone=AIRTEL
        )

    if fits:
        assert ask().amount == PRICE
        return
    with pytest.raises(AmountOutOfRange) as refusal, transaction.atomic():
        ask()
    assert refusal.value.errors[0].code == "amount_out_of_range"
    assert Payment.objects.count() == 0


def test_a_cashier_decides_alone_up_to_their_own_limit(settings):
    settings.TWO_EYES_XAF, settings.CASHIER_LIMIT_XAF = 1_000, 300
    cashier = make_user(Role.STAFF)
    set_groups(cashier, Role.STAFF, [Duty.CASHIER])
    payment = bought()

    assert isinstance(request(payment, 300, cashier), Refund)
    waits = request(payment, 1, cashier)

    assert isinstance(waits, Approval)
    assert states() == [("requested", 300)]
    other = make_user(Role.STAFF)
    set_groups(other, Role.STAFF, [Duty.CASHIER])
    with pytest.raises(Forbidden):
        approvals.approve(waits, by=other)
    approvals.approve(waits, by=make_user(Role.STAFF))
    assert states() == [("requested", 300), ("approved", 1)]


def test_a_high_limit_of_cashiers_is_no_higher_than_everybodys(settings):
    settings.CASHIER_LIMIT_XAF = 5_000
    cashier = make_user(Role.STAFF)
    set_groups(cashier, Role.STAFF, [Duty.CASHIER])

    assert isinstance(request(bought(), 1_001, cashier), Approval)
    assert states() == []

"""Money becomes something: a pack of credits, a reservation that is kept; or it is due back. Exactly one of these."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.enums import Role
from accounts.models import Account, Rate
from accounts.services.anonymisation import anonymise_user
from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from audit.models import Event
from payments.enums import RefundStatus, Status
from payments.models import Payment, Refund
from payments.services import refunds as refunding
from payments.services import reviewing
from payments.services.asking import expire_old
from payments.services.refunds import request_refund
from payments.services.settling import settle
from payments.services.starting import create_payment, submit
from payments.tests.factories import (
    AIRTEL,
    CREDITS,
    PRICE,
    age,
    attempt_of,
    books,
    events,
    make_payment,
    start_payment,
)
from payments.tests.scripted import paid
from reservations.enums import Status as Kept
from reservations.models import Reservation, ReservationLine
from reservations.services import handling
from reservations.services.expiry import expire_overdue
from reservations.services.moves import move
from reservations.tests.factories import make_pharmacist, make_reservation, make_stock

pytestmark = pytest.mark.django_db


def succeed(payment):
    """The gateway says that the customer has paid in full."""
    settle(attempt_of(payment), paid(payment))
    payment.refresh_from_db()
    assert (payment.status, payment.settled_at is not None) == (Status.SUCCEEDED, True)
    return payment


def refunds():
    return list(Refund.objects.values_list("payment_id", "status", "amount", "reason"))


@pytest.fixture
def bought(script, patient, rate):
    """A pack that the patient was asked to pay."""
    return start_payment(patient, rate, provider="scripted")


@pytest.fixture
def reservation(patient):
    return make_reservation(user=patient, stock=make_stock(price=1_500, quantity=10), quantity=2)


@pytest.fixture
def asked(script, patient, reservation):
    """The payment that the patient was asked for the reservation."""
    return pay_for(reservation)


def pay_for(reservation):
    payment = create_payment(
        reservation.user,
        purpose="reservation",
        purpose_id=str(reservation.public_id),
        provider="scripted",
        phone=AIRTEL,
    )
    return submit(payment.pk)


def test_pack_gives_its_credits(bought, patient, rate):
    before = timezone.now()

    succeed(bought)

    assert books(patient) == {"credits": 10 + CREDITS, "packs": [CREDITS], "rate": rate.pk}
    assert before <= Account.objects.get(user=patient).subscribed_at <= timezone.now()
    entry = Account.objects.get(user=patient).entries.get(kind="rate")
    assert (entry.reference, entry.balance_after, entry.label) == (
        f"payment:{bought.public_id}",
        10 + CREDITS,
        rate.label,
    )
    assert refunds() == []
    assert verify_ledger().findings == []


@pytest.mark.parametrize(
    "changes", [{"credits": 1}, {"credits": 10**6}, {"price": 1}, {"price": 10**9}, {"is_active": False}]
)
def test_pack_gives_exactly_what_was_quoted_whatever_it_says_now(changes, bought, patient, rate):
    Rate.objects.update(**changes)

    succeed(bought)

    assert books(patient) == {"credits": 10 + CREDITS, "packs": [CREDITS], "rate": rate.pk}
    assert refunds() == []


def test_pack_that_was_deleted_is_money_due_back(bought, patient, rate):
    rate.delete()

    succeed(bought)

    assert bought.reason == "nothing_to_grant"
    assert books(patient) == {"credits": 10, "packs": [], "rate": None}
    assert refunds() == [(bought.pk, RefundStatus.DUE, PRICE, "nothing_to_grant")]
    assert events("refund.", "payment.succeeded") == ["payment.succeeded", "refund.due"]


def test_pack_is_given_to_a_disabled_account_too_because_it_was_paid(bought, patient):
    Account.objects.filter(user=patient).update(is_active=False)

    succeed(bought)

    assert books(patient)["packs"] == [CREDITS]


def test_pack_paid_twice_is_given_twice(script, patient, rate):
    first = start_payment(patient, rate, provider="scripted")
    age(first, minutes=16)
    second = start_payment(patient, rate, provider="scripted")

    succeed(first)
    succeed(second)
    settle(attempt_of(first), paid(first))

    assert books(patient) == {"credits": 10 + 2 * CREDITS, "packs": [CREDITS, CREDITS], "rate": rate.pk}
    assert refunds() == []


def test_grant_and_success_are_written_together_or_not_at_all(bought, patient, monkeypatch):
    def fails(self, payment):
        raise RuntimeError

    monkeypatch.setattr("payments.rates.RatePurpose.grant", fails)
    with pytest.raises(RuntimeError):
        settle(attempt_of(bought), paid(bought))

    bought.refresh_from_db()
    assert (bought.status, bought.settled_at) == (Status.PENDING, None)
    assert books(patient)["packs"] == []
    assert "payment.succeeded" not in events()

    monkeypatch.undo()
    succeed(bought)
    assert books(patient)["packs"] == [CREDITS]


def test_change_and_event_are_written_together_or_not_at_all(bought, patient, monkeypatch):
    def fails(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr("audit.receivers.payments.record", fails)
    with pytest.raises(RuntimeError):
        settle(attempt_of(bought), paid(bought))
    monkeypatch.undo()

    bought.refresh_from_db()
    assert bought.status == Status.PENDING
    assert books(patient)["packs"] == []


def test_asking_for_money_keeps_the_boxes_at_least_as_long_as_the_payment_blocks(script, patient, reservation):
    Reservation.objects.update(expires_at=timezone.now() + timedelta(minutes=5))
    ReservationLine.objects.update(held_until=timezone.now() + timedelta(minutes=5))

    payment = pay_for(reservation)

    reservation.refresh_from_db()
    assert reservation.expires_at == payment.expires_at
    assert [line.held_until for line in reservation.lines.all()] == [payment.expires_at]
    assert expire_overdue() == 0


def test_asking_for_money_never_shortens_the_hold(script, patient, reservation):
    before = reservation.expires_at

    pay_for(reservation)

    reservation.refresh_from_db()
    assert reservation.expires_at == before


def test_sweep_does_not_expire_a_reservation_while_its_payment_is_open(script, reservation):
    """It was about to end when the patient began to pay; fourteen minutes later it is still kept."""
    Reservation.objects.update(expires_at=timezone.now() + timedelta(seconds=5))
    payment = pay_for(reservation)
    past = timedelta(minutes=14)
    Reservation.objects.update(expires_at=Reservation.objects.get().expires_at - past)
    age(payment, minutes=14)

    assert expire_overdue() == 0

    reservation.refresh_from_db()
    assert reservation.status == Kept.CONFIRMED
    succeed(payment)
    reservation.refresh_from_db()
    assert reservation.paid_at is not None


@pytest.mark.parametrize("status", [Kept.CONFIRMED, Kept.READY])
def test_paying_keeps_the_boxes_for_two_days(status, asked, reservation):
    Reservation.objects.update(status=status)
    before = timezone.now()

    succeed(asked)

    reservation.refresh_from_db()
    assert reservation.status == status
    assert before <= reservation.paid_at <= timezone.now()
    assert reservation.expires_at == reservation.paid_at + timedelta(hours=48)
    assert [line.held_until for line in reservation.lines.all()] == [reservation.expires_at]
    assert refunds() == []
    event = Event.objects.get(action="reservation.paid")
    assert (event.amount, event.changes) == (3_000, {"payment": str(asked.public_id)})


@pytest.mark.parametrize("status", [Kept.COLLECTED, Kept.REJECTED, Kept.CANCELLED, Kept.EXPIRED])
def test_reservation_that_has_ended_is_money_due_back(status, asked, reservation):
    Reservation.objects.update(status=status, paid_at=timezone.now() if status == Kept.COLLECTED else None)
    before = Reservation.objects.values().get()

    succeed(asked)

    assert asked.reason == "nothing_to_grant"
    assert refunds() == [(asked.pk, RefundStatus.DUE, 3_000, "nothing_to_grant")]
    assert Reservation.objects.values().get() == before


def test_reservation_whose_time_is_up_before_the_sweep_has_seen_it_is_money_due_back(asked, reservation):
    """Its boxes may be somebody else's already."""
    Reservation.objects.update(expires_at=timezone.now())

    succeed(asked)

    assert refunds() == [(asked.pk, RefundStatus.DUE, 3_000, "nothing_to_grant")]
    assert Reservation.objects.get().paid_at is None


def test_reservation_that_is_gone_is_money_due_back(asked, reservation):
    ReservationLine.objects.all().delete()
    Reservation.objects.all().delete()

    succeed(asked)

    assert refunds() == [(asked.pk, RefundStatus.DUE, 3_000, "nothing_to_grant")]


def test_reservation_paid_otherwise_meanwhile_is_money_due_back_once(script, asked, reservation):
    age(asked, minutes=16)
    second = pay_for(reservation)
    succeed(second)

    succeed(asked)
    settle(attempt_of(asked), paid(asked))
    settle(attempt_of(second), paid(second))

    assert refunds() == [(asked.pk, RefundStatus.DUE, 3_000, "nothing_to_grant")]
    assert events("reservation.paid") == ["reservation.paid"]


@pytest.mark.parametrize("late", [Status.FAILED, Status.EXPIRED])
def test_late_money_for_a_reservation_that_is_still_kept_pays_it(late, asked, reservation):
    Payment.objects.update(status=late, blocks=False, next_at=None)

    succeed(asked)

    reservation.refresh_from_db()
    assert reservation.paid_at is not None
    assert refunds() == []


@pytest.mark.parametrize("late", [Status.FAILED, Status.EXPIRED])
def test_late_money_for_a_reservation_that_has_expired_is_due_back(late, asked, reservation):
    Payment.objects.update(status=late, blocks=False, next_at=None)
    Reservation.objects.update(expires_at=timezone.now())
    assert expire_overdue() == 1

    succeed(asked)

    assert refunds() == [(asked.pk, RefundStatus.DUE, 3_000, "nothing_to_grant")]


@pytest.mark.parametrize("target", [Kept.CANCELLED, Kept.REJECTED, Kept.EXPIRED])
@pytest.mark.parametrize("old", [Kept.CONFIRMED, Kept.READY])
def test_paid_reservation_that_ends_early_is_money_due_back(old, target, asked, reservation, patient):
    succeed(asked)
    reservation.refresh_from_db()
    reservation.status = old
    reservation.save()

    move(reservation, target, by=patient)

    assert refunds() == [(asked.pk, RefundStatus.DUE, 3_000, f"reservation_{target}")]
    asked.refresh_from_db()
    assert asked.status == Status.SUCCEEDED, "success never reverts"


def test_cancelling_gives_back_only_what_is_left(asked, reservation, patient, staff):
    succeed(asked)
    request_refund(asked, amount=1_000, reason="une boîte abîmée", by=staff)
    reservation.refresh_from_db()

    handling.cancel(reservation, by=patient)

    assert [(status, amount) for _, status, amount, _ in refunds()] == [("requested", 1_000), ("due", 2_000)]


def test_cancelling_after_everything_was_given_back_owes_nothing_more(asked, reservation, patient, staff):
    succeed(asked)
    request_refund(asked, amount=3_000, reason="geste commercial", by=staff)
    reservation.refresh_from_db()

    handling.cancel(reservation, by=patient)

    assert [(status, amount) for _, status, amount, _ in refunds()] == [("requested", 3_000)]


def test_unpaid_reservation_that_ends_owes_nothing(asked, reservation, patient):
    handling.cancel(reservation, by=patient)

    assert refunds() == []
    succeed(asked)
    assert refunds() == [(asked.pk, RefundStatus.DUE, 3_000, "nothing_to_grant")]


def test_collected_reservation_owes_nothing(asked, reservation):
    succeed(asked)
    pharmacist = make_pharmacist(reservation.pharmacy)
    reservation.refresh_from_db()
    handling.mark_ready(reservation, by=pharmacist)
    handling.collect(reservation, pickup_code=reservation.pickup_code, by=pharmacist)

    assert refunds() == []


def test_held_payment_that_staff_accept_is_granted(staff):
    payment = make_payment(Status.HELD)

    reviewing.accept_held(payment, by=staff)

    payment.refresh_from_db()
    assert (payment.status, payment.reason) == (Status.SUCCEEDED, "")
    assert books(payment.user)["packs"] == [CREDITS]


def test_held_payment_that_staff_accept_for_nothing_is_due_back(staff, rate):
    payment = make_payment(Status.HELD, rate=rate)
    rate.delete()

    reviewing.accept_held(payment, by=staff)

    assert refunds() == [(payment.pk, RefundStatus.DUE, PRICE, "nothing_to_grant")]


def test_held_payment_that_staff_dismiss_gives_nothing_but_money_may_still_come(staff):
    payment = make_payment(Status.HELD)

    reviewing.dismiss_held(payment, by=staff)
    payment.refresh_from_db()
    assert (payment.status, payment.reason) == (Status.FAILED, "dismissed_by_staff")
    assert (books(payment.user)["packs"], refunds()) == ([], [])

    succeed(payment)
    assert books(payment.user)["packs"] == [CREDITS]


def test_late_money_of_an_erased_person_is_due_back(script, bought):
    """Nobody is left to use the credits: they would be money kept for nothing."""
    user = bought.user
    age(bought, days=4)
    expire_old()
    anonymise_user(user, by=make_user(Role.ADMIN))

    succeed(bought)

    assert books(user)["packs"] == []
    assert refunds() == [(bought.pk, "due", PRICE, "nothing_to_grant")]
    assert verify_ledger().findings == []


@pytest.mark.parametrize("ends_before", [True, False])
def test_transfer_that_comes_back_after_a_cancellation_leaves_all_of_it_due(
    ends_before, script, patient, reservation, staff
):
    payment = create_payment(
        patient, purpose="reservation", purpose_id=str(reservation.public_id), provider="scripted", phone=AIRTEL
    )
    succeed(submit(payment.pk))
    given = request_refund(payment, amount=1_000, reason="geste", by=staff)
    if ends_before:
        handling.cancel(reservation, by=patient)
    refunding.approve(given, by=staff)
    refunding.mark_sent(given, external_reference="MP-1", by=staff)
    refunding.mark_failed(given, by=staff)
    if not ends_before:
        assert [status for _, status, _, _ in refunds()] == ["failed"]
        handling.cancel(reservation, by=patient)

    live = Refund.objects.exclude(status="failed")
    assert [refund.status for refund in live] == ["due"] * (2 if ends_before else 1)
    assert sum(refund.amount for refund in live) == payment.amount
    assert verify_ledger().findings == []

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import balance, make_user
from audit.models import Event
from common import sweeping
from common.tests.rows import contents
from payments.models import Refund
from reservations.enums import Status
from reservations.models import Reservation, ReservationLine
from reservations.services import expiry
from reservations.services.expiry import expire_overdue
from reservations.tests.factories import make_reservation, make_stock, pay, set_reserve_price

pytestmark = pytest.mark.django_db


def _overdue(status=Status.CONFIRMED, **fields):
    reservation = make_reservation(status=status, **fields)
    Reservation.objects.filter(pk=reservation.pk).update(expires_at=timezone.now())
    return reservation


@pytest.mark.parametrize("status, credits", [(Status.REQUESTED, 10), (Status.CONFIRMED, 7), (Status.READY, 7)])
def test_overdue_reservation_expires(status, credits):
    set_reserve_price(3)
    patient = make_user(credits=10)
    _overdue(status, user=patient)

    assert expire_overdue() == 1

    assert Reservation.objects.get().status == "expired"
    assert ReservationLine.objects.get().held_until is None
    assert balance(patient) == credits
    assert not Refund.objects.exists()
    assert expire_overdue() == 0


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.READY])
def test_money_of_what_was_paid_and_not_fetched_is_due(status):
    payment = pay(_overdue(status))

    assert expire_overdue() == 1
    assert list(Refund.objects.values_list("payment_id", "amount", "status", "reason")) == [
        (payment.pk, payment.amount, "due", "reservation_expired")
    ]


@pytest.mark.parametrize("status", [Status.COLLECTED, Status.REJECTED, Status.CANCELLED, Status.EXPIRED])
def test_what_has_ended_stays_as_it_ended(status):
    _overdue(status)
    before = contents()

    assert expire_overdue() == 0
    assert contents() == before


def test_what_has_time_left_stays():
    make_reservation()
    before = contents()

    assert expire_overdue() == 0
    assert contents() == before


def test_what_was_prolonged_since_it_was_found_stays(monkeypatch):
    reservation = _overdue()
    lock = expiry.lock

    def prolonged_meanwhile(pk):
        Reservation.objects.filter(pk=pk).update(expires_at=timezone.now() + timedelta(minutes=15))
        return lock(pk)

    monkeypatch.setattr(expiry, "lock", prolonged_meanwhile)

    assert expire_overdue() == 0
    assert Reservation.objects.get(pk=reservation.pk).status == "confirmed"


def test_oldest_first_a_batch_at_a_time(monkeypatch):
    monkeypatch.setattr(expiry, "BATCH", 2)
    stock = make_stock(quantity=100)
    made = [make_reservation(stock=stock) for _ in range(3)]
    for age, reservation in enumerate(made):
        Reservation.objects.filter(pk=reservation.pk).update(expires_at=timezone.now() - timedelta(hours=1 + age))

    assert expire_overdue() == 2
    assert Reservation.objects.get(status="confirmed") == made[0]
    assert expire_overdue() == 1


def test_one_that_cannot_expire_does_not_keep_the_others_from_it(monkeypatch):
    stock = make_stock(quantity=100)
    broken, fine = _overdue(stock=stock), _overdue(stock=stock)
    Reservation.objects.filter(pk=broken.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    move = expiry.move

    def fail_for_one(reservation, *args, **kwargs):
        if reservation.pk == broken.pk:
            raise RuntimeError("broken")
        move(reservation, *args, **kwargs)

    monkeypatch.setattr(expiry, "move", fail_for_one)

    with pytest.RaisesGroup(RuntimeError):
        expire_overdue()
    assert Reservation.objects.get(pk=fine.pk).status == "expired"
    assert Reservation.objects.get(pk=broken.pk).status == "confirmed"


def test_sweep_is_the_actor():
    _overdue()

    assert sweeping.sweep()["reservations_to_expire"] == 1
    event = Event.objects.get(action="reservation.expired")
    assert (event.actor_kind, event.actor_id) == ("task", "sweep:reservations_to_expire")
    assert event.request_id

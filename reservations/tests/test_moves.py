"""The table of moves, every pair of states, with everything that follows from a move."""

import itertools

import pytest
from django.db import IntegrityError, transaction

from accounts.models import CreditEntry
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from audit.models import Event
from catalog.models import Stock
from common.states import IllegalMove
from common.tests.rows import contents
from common.unit_of_work import unit_of_work
from payments.models import Refund
from reservations.enums import MOVES, Status
from reservations.models import Reservation, ReservationLine
from reservations.selectors import held_units, payment_statuses
from reservations.services.moves import lock, move
from reservations.tests.factories import make_reservation, make_stock, pay, set_reserve_price

pytestmark = pytest.mark.django_db

S = Status
# The design's table, written down a second time.
LEGAL = {
    (S.REQUESTED, S.CONFIRMED),
    (S.REQUESTED, S.REJECTED),
    (S.REQUESTED, S.CANCELLED),
    (S.REQUESTED, S.EXPIRED),
    (S.CONFIRMED, S.READY),
    (S.CONFIRMED, S.REJECTED),
    (S.CONFIRMED, S.CANCELLED),
    (S.CONFIRMED, S.EXPIRED),
    (S.READY, S.COLLECTED),
    (S.READY, S.REJECTED),
    (S.READY, S.CANCELLED),
    (S.READY, S.EXPIRED),
}
CREDITS_COME_BACK = {
    (S.REQUESTED, S.REJECTED),
    (S.CONFIRMED, S.REJECTED),
    (S.READY, S.REJECTED),
    (S.REQUESTED, S.CANCELLED),
    (S.CONFIRMED, S.CANCELLED),
    (S.REQUESTED, S.EXPIRED),
}
KEEPS_HOLDING = {(S.REQUESTED, S.CONFIRMED), (S.CONFIRMED, S.READY)}
MONEY_IS_DUE = {pair for pair in LEGAL if pair[1] in (S.REJECTED, S.CANCELLED, S.EXPIRED)}
PAIRS = list(itertools.product(Status, Status))
# Without money nobody gets to `collected`: the database refuses it.
CASES = [(*pair, False) for pair in PAIRS if S.COLLECTED not in pair] + [(*pair, True) for pair in PAIRS]


def test_table_is_the_designs():
    assert {pair for pair in PAIRS if MOVES.allows(*pair)} == LEGAL


def _move(reservation, status, *, by=None, reason=""):
    with unit_of_work():
        move(lock(reservation.pk), status, by=by, reason=reason)


@pytest.mark.parametrize("old, new, paid", CASES)
def test_every_pair_of_states(old, new, paid):
    set_reserve_price(3)
    patient = make_user(credits=10)
    stock = make_stock(quantity=10)
    reservation = make_reservation(user=patient, stock=stock, quantity=2, status=old)
    payment = pay(reservation) if paid else None
    before, events = contents(), Event.objects.count()

    if (old, new) not in LEGAL:
        with pytest.raises(IllegalMove):
            _move(reservation, new)
        assert contents() == before
        return

    _move(reservation, new, by=patient, reason="Rupture")

    moved = Reservation.objects.get()
    assert (moved.status, moved.reason) == (new, "Rupture")
    line = ReservationLine.objects.get()
    assert line.held_until == (reservation.expires_at if (old, new) in KEEPS_HOLDING else None)
    assert held_units([stock.pk]) == ({stock.pk: 2} if (old, new) in KEEPS_HOLDING else {})
    assert Stock.objects.get().quantity == 10

    returned = CreditEntry.objects.filter(kind="refund")
    if (old, new) in CREDITS_COME_BACK:
        entry = returned.get()
        assert (entry.amount, entry.balance_after, entry.created_by) == (3, 10, patient)
        assert entry.reference == f"reservation:{reservation.public_id}"
        assert balance(patient) == 10
    else:
        assert not returned.exists()
        assert balance(patient) == 7
    assert verify_ledger().findings == []

    refunds = list(Refund.objects.values_list("payment_id", "amount", "status", "reason"))
    if paid and (old, new) in MONEY_IS_DUE:
        assert refunds == [(payment.pk, 3000, "due", f"reservation_{new}")]
        assert payment_statuses([moved])[moved.public_id] == "refund_due"
    else:
        assert refunds == []
        assert payment_statuses([moved])[moved.public_id] == ("paid" if paid else "unpaid")

    event = Event.objects.get(action=f"reservation.{new}", entity_id=reservation.public_id, changes__old=old)
    assert event.changes == {"old": old, "new": new, "total": 3000}
    expected = 1 + ((old, new) in CREDITS_COME_BACK) + (paid and (old, new) in MONEY_IS_DUE)
    assert Event.objects.count() == events + expected


def test_reason_can_be_erased_with_the_person():
    """Somebody typed it: it may say anything about anybody."""
    reservation = make_reservation()
    _move(reservation, S.REJECTED, reason="Mme Obame est allergique")

    event = Event.objects.get(action="reservation.rejected")
    assert "reason" not in event.changes
    assert event.personal.values == {"reason": "Mme Obame est allergique"}


def test_reason_is_cut_to_what_its_column_holds():
    reservation = make_reservation()
    _move(reservation, S.REJECTED, reason="x" * 300)

    assert Reservation.objects.get().reason == "x" * 200


def test_free_reservation_returns_no_credits():
    reservation = make_reservation()
    _move(reservation, S.CANCELLED)

    assert not CreditEntry.objects.filter(kind="refund").exists()


def test_credits_come_back_at_the_price_they_were_charged():
    price = set_reserve_price(3)
    patient = make_user(credits=10)
    reservation = make_reservation(user=patient)
    price.credits = 1
    price.save()

    _move(reservation, S.CANCELLED)
    assert balance(patient) == 10


def test_only_what_is_left_of_the_payment_is_due():
    reservation = make_reservation()
    payment = pay(reservation)
    Refund.objects.create(payment=payment, amount=1000, status="requested", reason="geste")

    _move(reservation, S.CANCELLED)
    assert list(Refund.objects.order_by("id").values_list("amount", "status")) == [(1000, "requested"), (2000, "due")]


def test_database_refuses_collected_without_payment():
    reservation = make_reservation(status=S.READY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Reservation.objects.filter(pk=reservation.pk).update(status=S.COLLECTED)


@pytest.mark.parametrize(
    "model, fields",
    [
        (Reservation, {"status": "stolen"}),
        (ReservationLine, {"quantity": 0}),
    ],
)
def test_database_refuses_the_impossible(model, fields):
    make_reservation()
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(**fields)


def test_change_and_event_succeed_or_fail_together(monkeypatch):
    set_reserve_price(3)
    reservation = make_reservation(user=make_user(credits=10))
    pay(reservation)
    before = contents()

    def fail(*args, **kwargs):
        raise RuntimeError("no event")

    monkeypatch.setattr("audit.receivers.reservations.record", fail)
    with pytest.raises(RuntimeError):
        _move(reservation, S.CANCELLED)

    assert contents() == before

"""Many at one shelf. A race test counts only if it fails with the lock taken away: first it is."""

import random
import threading
import time
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from accounts.models import Account, CreditEntry
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from catalog.models import Stock
from common import sql
from common.errors import DomainError
from common.unit_of_work import unit_of_work
from payments.models import Payment, Refund
from payments.services.refunds import create_due_refund
from reservations.enums import Status
from reservations.exceptions import InsufficientStock
from reservations.models import Reservation, ReservationLine
from reservations.purpose import ReservationPurpose
from reservations.selectors import held_units
from reservations.services import handling, reserving
from reservations.services.expiry import expire_overdue
from reservations.services.reserving import reserve
from reservations.tests.factories import (
    basket,
    make_pharmacist,
    make_pharmacy,
    make_reservation,
    make_stock,
    pay,
    set_reserve_price,
)
from tests.threads import run_together, waiting_for_a_lock

pytestmark = pytest.mark.django_db(transaction=True)

POSTGRES = connection.vendor == "postgresql"
needs_several_writers = pytest.mark.skipif(not POSTGRES, reason="SQLite has one writer: nothing races")
PEOPLE = 50 if POSTGRES else 14
BOXES = 10


def _reserve_together(api, stock):
    """What so many patients were answered who each wanted one box of ten at the same moment."""
    clients = [api(make_user(credits=2)) for _ in range(PEOPLE)]

    def post(number):
        return clients[number].post(
            "/api/v1/reservations/", basket(stock, 1), format="json", headers={"Idempotency-Key": f"{number}"}
        )

    answers = run_together(PEOPLE, post)
    return [(answer.status_code, answer.json().get("code")) for answer in answers]


@needs_several_writers
def test_without_the_lock_fifty_get_the_last_ten_boxes(api, monkeypatch):
    set_reserve_price(2)
    stock = make_stock(quantity=BOXES)
    everybody_has_looked = threading.Barrier(PEOPLE)
    look = reserving._lock_stock

    def look_and_wait(*args):
        seen = look(*args)
        everybody_has_looked.wait(timeout=60)
        return seen

    monkeypatch.setattr(sql, "for_update", lambda of="": "")
    monkeypatch.setattr(reserving, "_lock_stock", look_and_wait)

    assert _reserve_together(api, stock) == [(201, None)] * 50
    assert held_units([stock.pk]) == {stock.pk: 50}


def test_last_ten_boxes_are_reserved_ten_times(api):
    set_reserve_price(2)
    stock = make_stock(quantity=BOXES)

    answers = _reserve_together(api, stock)

    assert answers.count((201, None)) == BOXES
    assert answers.count((409, "insufficient_stock")) == PEOPLE - BOXES
    assert held_units([stock.pk]) == {stock.pk: BOXES}
    assert Stock.objects.get().quantity == BOXES
    assert Reservation.objects.count() == ReservationLine.objects.count() == BOXES
    assert CreditEntry.objects.filter(kind="spend").count() == BOXES
    assert sorted(Account.objects.filter(user__reservations__isnull=False).values_list("credit", flat=True)) == [0] * 10
    assert set(Account.objects.filter(user__reservations__isnull=True).values_list("credit", flat=True)) == {2}
    assert verify_ledger().findings == []


def test_baskets_in_opposite_orders_do_not_lock_each_other_out():
    pharmacy = make_pharmacy()
    stocks = [make_stock(pharmacy, quantity=1000) for _ in range(5)]
    users = [make_user() for _ in range(16)]

    def work(number):
        lines = [(stock.product_code, 1) for stock in (stocks if number % 2 else reversed(stocks))]
        return reserve(users[number], pharmacy_code=pharmacy.code, basket=lines, by=users[number]).reservation.pk

    results = run_together(16, work)

    assert len({result for result in results if isinstance(result, int)}) == 16, results
    assert held_units([stock.pk for stock in stocks]) == dict.fromkeys([stock.pk for stock in stocks], 16)


def test_one_patient_with_credits_for_three(api):
    set_reserve_price(2)
    stock = make_stock(quantity=100)
    patient = make_user(credits=6)
    clients = [api(patient) for _ in range(12)]

    def post(number):
        return clients[number].post(
            "/api/v1/reservations/", basket(stock, 1), format="json", headers={"Idempotency-Key": f"{number}"}
        )

    statuses = [answer.status_code for answer in run_together(12, post)]

    assert (statuses.count(201), statuses.count(402)) == (3, 9)
    assert balance(patient) == 0
    assert held_units([stock.pk]) == {stock.pk: 3}
    assert verify_ledger().findings == []


@pytest.mark.parametrize("action", ["cancel", "collect"])
def test_reservation_ends_once(action):
    set_reserve_price(2)
    stock = make_stock(quantity=10)
    patient = make_user(credits=2)
    pharmacist = make_pharmacist(stock.pharmacy)
    reservation = make_reservation(user=patient, stock=stock, quantity=2, status=Status.READY)
    pay(reservation)

    def work(number):
        # Everybody looked at it while it was ready.
        if action == "collect" or number % 2:
            return handling.collect(reservation, pickup_code=reservation.pickup_code, by=pharmacist).status
        return handling.cancel(reservation, by=patient).status

    results = run_together(12, work)

    (ended,) = [result for result in results if isinstance(result, str)]
    assert {getattr(result, "code", None) for result in results} - {None} == {"illegal_move"}
    assert Reservation.objects.get().status == ended
    assert Stock.objects.get().quantity == (8 if ended == "collected" else 10)
    assert verify_ledger().findings == []


def test_two_sweeps_at_once_expire_each_reservation_once():
    set_reserve_price(2)
    for _ in range(6):
        make_reservation(user=make_user(credits=2), status=Status.REQUESTED)
    Reservation.objects.update(expires_at=timezone.now())

    results = run_together(4, lambda _: expire_overdue())

    assert sum(results) == 6, results
    assert CreditEntry.objects.filter(kind="refund").count() == 6
    assert verify_ledger().findings == []


@needs_several_writers
def test_hold_prolonged_in_its_last_moment_is_not_sold_again(monkeypatch):
    """She begins to pay a moment before her hold ends; somebody else looks at the shelf a moment after."""
    stock = make_stock(quantity=2)
    reservation = make_reservation(stock=stock, quantity=2)
    ends = reservation.expires_at
    payment = Payment(
        user=reservation.user, purpose="reservation", purpose_id=str(reservation.public_id), expires_at=ends
    )
    payment.expires_at = ends + timedelta(minutes=15)
    other = make_user()
    monkeypatch.setattr(reserving, "timezone", SimpleNamespace(now=lambda: ends + timedelta(seconds=1)))
    prolonged, may_commit = threading.Event(), threading.Event()

    def begin_to_pay():
        with unit_of_work():
            ReservationPurpose().opened(payment)
            prolonged.set()
            assert may_commit.wait(30)

    def look_at_the_shelf():
        assert prolonged.wait(30)
        return reserve(other, pharmacy_code=stock.pharmacy.code, basket=[(stock.product_code, 1)], by=other)

    def let_go():
        """Once the other one has an answer, or waits for the lock."""
        assert prolonged.wait(30)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not (Reservation.objects.count() > 1 or waiting_for_a_lock()):
            time.sleep(0.01)
        may_commit.set()

    _, answer, _ = run_together(3, lambda number: (begin_to_pay, look_at_the_shelf, let_go)[number]())

    assert isinstance(answer, InsufficientStock), answer
    assert held_units([stock.pk]) == {stock.pk: 2}


@unit_of_work()
def _settle(reservation):
    """Money that comes in, as the settling transaction takes it."""
    payment = pay(reservation, marked=False)
    if ReservationPurpose().can_grant(payment):
        ReservationPurpose().grant(payment)
    else:
        create_due_refund(payment, reason="nothing_to_grant")


@pytest.mark.parametrize("seed", range(2))
def test_random_histories_add_up(seed):
    """Many hands at two shelves for a while: nothing is sold twice, no credit is lost, every end is final."""
    set_reserve_price(1)
    pharmacy = make_pharmacy()
    stocks = [make_stock(pharmacy, quantity=12), make_stock(pharmacy, quantity=5)]
    pharmacist = make_pharmacist(pharmacy)
    patients = [make_user(credits=6) for _ in range(8 if POSTGRES else 4)]

    def live(number):
        chance, patient = random.Random(f"{seed}:{number}"), patients[number]
        for _ in range(12):
            with suppress(DomainError):
                wanted = [(stock.product_code, chance.randint(1, 2)) for stock in chance.sample(stocks, 2)]
                reserve(patient, pharmacy_code=pharmacy.code, basket=wanted, by=patient)
            mine = Reservation.objects.filter(user=patient).order_by("?").first()
            if mine is None:
                continue
            for step in chance.choice([["cancel"], ["reject"], ["ready", "pay", "collect"], ["pay", "ready"]]):
                with suppress(DomainError):
                    if step == "cancel":
                        handling.cancel(mine, by=patient)
                    elif step == "reject":
                        handling.reject(mine, reason="x", by=pharmacist)
                    elif step == "ready":
                        handling.mark_ready(mine, by=pharmacist)
                    elif step == "pay":
                        _settle(mine)
                    else:
                        handling.collect(mine, pickup_code=mine.pickup_code, by=pharmacist)

    assert run_together(len(patients), live) == [None] * len(patients)

    held = held_units([stock.pk for stock in stocks])
    for stock, start in zip(stocks, (12, 5), strict=True):
        collected = sum(
            ReservationLine.objects.filter(stock=stock, reservation__status="collected").values_list(
                "quantity", flat=True
            )
        )
        left = Stock.objects.get(pk=stock.pk).quantity
        assert left == start - collected
        assert 0 <= held.get(stock.pk, 0) <= left
    assert verify_ledger().findings == []
    # Every franc was either kept for boxes that are held or handed out, or is due back.
    kept = Reservation.objects.filter(paid_at__isnull=False, status__in=("confirmed", "ready", "collected"))
    came_in = Payment.objects.aggregate(sum=Sum("amount"))["sum"] or 0
    assert came_in == sum(row.total for row in kept) + (Refund.objects.aggregate(sum=Sum("amount"))["sum"] or 0)
    active = Reservation.objects.filter(status__in=("confirmed", "ready")).values_list("pk", flat=True)
    holding = ReservationLine.objects.filter(held_until__isnull=False).values_list("reservation_id", flat=True)
    assert set(holding) == set(active)

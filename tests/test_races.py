"""Many at once, with real threads, through the real views. Each race is first shown without what prevents it."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from audit.models import Event
from common import sql
from payments.models import CallbackMessage, Payment
from payments.services import callbacks
from payments.tests.factories import make_rate, start_payment
from payments.tests.gateway import Gateway, callback, deliver
from reservations.models import Reservation, ReservationLine
from reservations.selectors import held_units
from reservations.services import reserving
from reservations.tests.factories import make_stock
from tests.threads import run_together

pytestmark = pytest.mark.django_db(transaction=True)

BOXES, PEOPLE = 10, 50


def reserve_at_once(api: Callable[..., Any], stock: Any, people: int = PEOPLE) -> list[int]:
    """The status codes of so many patients who each want one box at the same moment."""
    clients = [api(make_user(credits=5)) for _ in range(people)]
    body = {"pharmacy": stock.pharmacy.code, "lines": [{"product": stock.product_code, "quantity": 1}]}

    def one(number: int) -> int:
        key = uuid.uuid4().hex
        while True:
            answer = clients[number].post("/api/v1/reservations/", body, format="json", HTTP_IDEMPOTENCY_KEY=key)
            # Waited too long for a lock: told so, and asked to come again.
            if answer.json().get("code") != "busy":
                return int(answer.status_code)

    return run_together(people, one)


def test_last_boxes_are_sold_once(api: Callable[..., Any]) -> None:
    stock = make_stock(quantity=BOXES)
    statuses = reserve_at_once(api, stock)
    assert sorted(statuses) == [201] * BOXES + [409] * (PEOPLE - BOXES)
    assert held_units([stock.pk]) == {stock.pk: BOXES}
    assert Reservation.objects.count() == ReservationLine.objects.count() == BOXES
    assert Event.objects.filter(action="reservation.confirmed").count() == BOXES
    assert verify_ledger().findings == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: there is no lock to take away")
def test_last_boxes_are_oversold_without_the_lock(api: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the lock is for: two who looked at the same shelf both take the last box."""
    stock = make_stock(quantity=1)
    both_looked = threading.Barrier(2)
    check = reserving._check_lines

    def check_after_both_looked(*arguments: Any) -> None:
        both_looked.wait(timeout=10)
        check(*arguments)

    monkeypatch.setattr(sql, "for_update", lambda of="": "")
    monkeypatch.setattr(reserving, "_check_lines", check_after_both_looked)
    assert reserve_at_once(api, stock, people=2) == [201, 201]
    assert held_units([stock.pk]) == {stock.pk: 2}


@pytest.mark.parametrize("order_status", ["200", 200, "0", 0])
def test_one_callback_delivered_twenty_times_grants_once(
    api: Callable[..., Any], simulators: Any, settings: Any, order_status: Any
) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    gateway = Gateway(simulators)
    gateway.set(decide_after=100_000)
    patient, rate = make_user(credits=0), make_rate(credits=30)
    payment = start_payment(patient, rate)
    reference = payment.attempts.get().reference
    gateway.decide(reference)
    message = callback(gateway.payment(reference), order_status=order_status)

    def one(number: int) -> int:
        status = int(deliver(api(), message).status_code)
        for pk in CallbackMessage.objects.values_list("pk", flat=True):
            callbacks.process(pk)
        return status

    assert run_together(20, one) == [200] * 20
    assert balance(patient) == 30
    assert Payment.objects.get().status == "succeeded"
    assert CallbackMessage.objects.count() == 1
    assert Event.objects.filter(action="payment.succeeded").count() == 1
    assert Event.objects.filter(action="credits.rate").count() == 1

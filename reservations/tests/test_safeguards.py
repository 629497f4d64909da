"""What a reservation must not become: given away, seen by strangers, kept for nothing, added up across currencies."""

import logging
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.messages import get_messages
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.enums import Role
from accounts.services import ledger
from accounts.services.roles import change_role
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from catalog.exceptions import StockHeld
from catalog.models import Stock
from catalog.services.stock import delete_stock
from common.unit_of_work import unit_of_work
from payments.services import refunds
from payments.services.moves import move
from payments.services.starting import create_payment
from reservations.enums import Status
from reservations.exceptions import PaymentRequired
from reservations.models import Reservation
from reservations.selectors import held_units
from reservations.services import handling
from reservations.tests.factories import make_pharmacist, make_reservation, make_stock, pay

pytestmark = pytest.mark.django_db


def test_boxes_are_not_handed_over_once_the_money_is_given_back() -> None:
    reservation = make_reservation(status=Status.READY)
    payment = pay(reservation)
    staff = make_user(Role.STAFF)
    refunds.request_refund(payment, amount=payment.amount, reason="doubt", by=staff)
    with pytest.raises(PaymentRequired):
        handling.collect(reservation, pickup_code=reservation.pickup_code, by=staff)
    assert Reservation.objects.get().status == Status.READY
    assert reservation.lines.get().stock.quantity == 10


def test_boxes_are_handed_over_after_a_partial_refund() -> None:
    reservation = make_reservation(status=Status.READY)
    payment = pay(reservation)
    staff = make_user(Role.STAFF)
    refunds.request_refund(payment, amount=payment.amount - 1, reason="discount", by=staff)
    handling.collect(reservation, pickup_code=reservation.pickup_code, by=staff)
    assert Reservation.objects.get().status == Status.COLLECTED


def test_former_pharmacist_sees_and_moves_nothing_of_the_pharmacy(api) -> None:
    reservation = make_reservation()
    former = make_pharmacist(reservation.pharmacy)
    change_role(former, Role.PATIENT, by=make_user(Role.ADMIN))
    former.refresh_from_db()
    client = api(former)
    assert client.get("/api/v1/reservations/").json()["results"] == []
    answer = client.post(f"/api/v1/reservations/{reservation.public_id}/reject/", {"reason": "x"}, format="json")
    assert answer.status_code == 404
    assert Reservation.objects.get().status == Status.CONFIRMED


def test_basket_of_two_currencies_is_refused(api) -> None:
    francs = make_stock()
    euros = make_stock(francs.pharmacy)
    type(euros).objects.filter(pk=euros.pk).update(currency="EUR")
    lines = [{"product": stock.product_code, "quantity": 1} for stock in (francs, euros)]
    body = {"pharmacy": francs.pharmacy.code, "lines": lines}
    answer = api(make_user()).post("/api/v1/reservations/", body, format="json", HTTP_IDEMPOTENCY_KEY="k")
    assert (answer.status_code, answer.json()["code"]) == (409, "mixed_currencies")
    assert Reservation.objects.count() == 0


def test_one_payment_after_the_other_does_not_keep_the_boxes_for_ever(simulators) -> None:
    reservation = make_reservation()
    made_long_ago = timezone.now() - settings.HOLD_UNPAID - settings.PAYMENT_BLOCKS + timedelta(minutes=5)
    Reservation.objects.update(created_at=made_long_ago, expires_at=timezone.now() + timedelta(minutes=1))
    latest = made_long_ago + settings.HOLD_UNPAID + settings.PAYMENT_BLOCKS
    for _refused_phone in range(2):
        payment = create_payment(
            reservation.user,
            purpose="reservation",
            purpose_id=str(reservation.public_id),
            provider="mypayga",
            phone="077 12 34 56",
        )
        move(payment, "submitting")
        move(payment, "failed")
        assert Reservation.objects.get().expires_at == latest


def test_what_is_written_below_a_savepoint_goes_with_it() -> None:
    user = make_user(credits=5)

    def spend_and_fail() -> None:
        with transaction.atomic():
            ledger.spend(user.pk, 3, reference="tried", by=user)
            raise ValueError("no")

    with unit_of_work():
        with pytest.raises(ValueError, match="no"):
            spend_and_fail()
        ledger.spend(user.pk, 1, reference="done", by=user)
    assert balance(user) == 4
    assert verify_ledger().findings == []


def test_secret_of_a_callback_address_is_not_logged(client, caplog) -> None:
    with caplog.at_level(logging.INFO, logger="common.requests"):
        client.post(
            f"/api/v1/payments/callbacks/mypayga/{settings.PAYMENTS_CALLBACK_TOKEN}/", b"{}", "application/json"
        )
    assert [record.path for record in caplog.records] == ["/api/v1/payments/callbacks/mypayga/***/"]


def test_stock_that_somebody_holds_is_not_deleted() -> None:
    reservation = make_reservation(quantity=2)
    stock = reservation.lines.get().stock
    with pytest.raises(StockHeld):
        delete_stock(stock, by=make_user(Role.ADMIN))
    assert held_units([stock.pk]) == {stock.pk: 2}

    handling.cancel(reservation, by=reservation.user)
    delete_stock(stock, by=make_user(Role.ADMIN))
    assert not Stock.objects.exists()
    assert reservation.lines.get().stock is None


def test_admin_says_why_stock_is_not_deleted(client) -> None:
    stock = make_reservation().lines.get().stock
    client.force_login(make_user(Role.ADMIN))
    answer = client.post(reverse("admin:catalog_stock_delete", args=[stock.pk]), {"post": "yes"})
    assert answer.url == reverse("admin:catalog_stock_change", args=[stock.pk])
    assert "Des réservations retiennent des boîtes" in str(*get_messages(answer.wsgi_request))
    assert Stock.objects.get() == stock

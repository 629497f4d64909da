"""Everybody at once: one grant, one charge, and money that ends either granted or due back.

A race test counts only if it fails with the guard taken away: where it stands, that is shown first.
"""

import random
import threading
import time
import uuid

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from common.errors import DomainError
from common.states import IllegalMove
from payments.enums import Status, Verdict
from payments.exceptions import PaymentPending, RefundTooLarge
from payments.models import CallbackMessage, Payment, Refund
from payments.services import asking, callbacks, refunds, reviewing, settling, starting
from payments.services.receiving import store_callback
from payments.tests.factories import (
    AIRTEL,
    CREDITS,
    PRICE,
    age,
    attempt_of,
    books,
    events,
    make_payment,
    make_rate,
    start_payment,
)
from payments.tests.gateway import callback, deliver
from payments.tests.scripted import paid
from reservations import purpose as reservation_purpose
from reservations.enums import ACTIVE
from reservations.exceptions import NotPayable
from reservations.models import Reservation
from reservations.services import handling
from reservations.services.expiry import expire_overdue
from reservations.tests.factories import make_reservation, make_stock
from tests.threads import run_together, waiting_for_a_lock

pytestmark = pytest.mark.django_db(transaction=True)

needs_several_writers = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer: nothing races"
)
THREADS = 20


def asked_for(reservation, provider="scripted"):
    """A payment for the reservation that the gateway has accepted."""
    payment = starting.create_payment(
        reservation.user,
        purpose="reservation",
        purpose_id=str(reservation.public_id),
        provider=provider,
        phone=AIRTEL,
    )
    return starting.submit(payment.pk)


def settle_paid(payment):
    """What a callback and a poll both come to."""
    return settling.settle(attempt_of(payment), paid(payment))


def balance_of(reservation):
    """(paid for and kept, francs that came in, francs due back): what a reservation and its money came to."""
    reservation.refresh_from_db()
    public_id = str(reservation.public_id)
    payments = Payment.objects.filter(purpose_id=public_id, status=Status.SUCCEEDED)
    owed = Refund.objects.filter(payment__purpose_id=public_id).exclude(status="failed")
    kept = reservation.paid_at is not None and reservation.status in ACTIVE
    return kept, sum(payment.amount for payment in payments), sum(refund.amount for refund in owed)


def assert_granted_or_due_back(reservation):
    """Every franc that came in bought the reservation, or is due back: never both, never neither."""
    kept, received, owed = balance_of(reservation)
    assert owed == received - (reservation.total if kept else 0), (kept, received, owed)


def errors_in(results, *expected):
    """What went wrong, beyond what is an answer."""
    return [result for result in results if isinstance(result, Exception) and not isinstance(result, expected)]


@needs_several_writers
def test_without_the_payments_lock_one_payment_is_granted_and_due_back_at_once(script, monkeypatch):
    reservation = make_reservation()
    payment = asked_for(reservation)
    everybody_has_read = threading.Barrier(2)

    def unlocked(payment_id):
        payment = Payment.objects.get(pk=payment_id)
        everybody_has_read.wait(timeout=30)
        return payment

    monkeypatch.setattr(settling, "lock", unlocked)
    assert errors_in(run_together(2, lambda _: settle_paid(payment))) == []

    assert events("payment.succeeded") == ["payment.succeeded"] * 2
    assert balance_of(reservation) == (True, 3_000, 3_000), "both: the boxes and the money"


def test_same_callback_twenty_times_at_once_grants_once(api, gateway, script):
    user, rate = make_user(credits=0), make_rate()
    payment = start_payment(user, rate)
    told = gateway.decide(attempt_of(payment).reference)

    def receive(number):
        answer = deliver(api(), callback(told))
        callbacks.process(CallbackMessage.objects.get().pk)
        return answer.status_code, answer.json()

    assert run_together(THREADS, receive) == [(200, {"message": "received"})] * THREADS

    # Who finds the payment settled may close the message before the one who settled it does.
    assert CallbackMessage.objects.get().verdict in (Verdict.SETTLED, Verdict.DUPLICATE)
    assert books(user) == {"credits": CREDITS, "packs": [CREDITS], "rate": rate.pk}
    assert events("payment.succeeded", "credits.rate") == ["payment.succeeded", "credits.rate"]
    assert events("callback.") == ["callback.received"]
    assert Refund.objects.count() == 0
    assert verify_ledger().findings == []


def _callback_rounds(api, gateway, rounds):
    """50 threads deliver one and the same callback and look at it, so many times over: one grant each time."""
    rate = make_rate()
    for _ in range(rounds):
        user = make_user(credits=0)
        payment = start_payment(user, rate)
        told = gateway.decide(attempt_of(payment).reference)
        clients = [api() for _ in range(50)]

        def receive(number, told=told, clients=clients, payment=payment):
            status = deliver(clients[number], callback(told)).status_code
            for pk in CallbackMessage.objects.filter(attempt=None).values_list("pk", flat=True):
                callbacks.process(pk)
            return status

        assert run_together(50, receive) == [200] * 50

        assert books(user) == {"credits": CREDITS, "packs": [CREDITS], "rate": rate.pk}
    assert events("payment.succeeded") == ["payment.succeeded"] * rounds
    assert CallbackMessage.objects.count() == rounds
    assert Refund.objects.count() == 0
    assert verify_ledger().findings == []


@needs_several_writers
def test_same_callback_in_fifty_threads_grants_once_in_every_round(api, gateway):
    _callback_rounds(api, gateway, 5)


@pytest.mark.soak
@needs_several_writers
def test_same_callback_in_fifty_threads_grants_once_in_every_round_for_long(api, gateway):
    _callback_rounds(api, gateway, 100)


@needs_several_writers
def test_without_the_message_being_unique_and_the_payments_lock_the_same_callback_is_granted_again(script, monkeypatch):
    """What keeps a repeat from being a second grant: both guards away, one message becomes two grants' worth."""
    reservation = make_reservation()
    payment = asked_for(reservation)
    everybody_has_read = threading.Barrier(5)

    def unlocked(payment_id):
        payment = Payment.objects.get(pk=payment_id)
        everybody_has_read.wait(timeout=30)
        return payment

    monkeypatch.setattr(settling, "lock", unlocked)
    script.on_ask = lambda reference, provider_id: paid(payment)
    bodies = [
        CallbackMessage.objects.create(
            provider="scripted",
            digest=str(number),
            body=f"{attempt_of(payment).reference} {payment.amount} XAF".encode(),
            next_at=timezone.now(),
        ).pk
        for number in range(5)
    ]

    assert errors_in(run_together(5, lambda number: callbacks.process(bodies[number]))) == []

    assert events("payment.succeeded") == ["payment.succeeded"] * 5


@pytest.mark.parametrize("purpose", ["rate", "reservation"])
def test_twenty_different_callbacks_about_one_payment_grant_once(purpose, api, gateway):
    user = make_user(credits=0)
    reservation = make_reservation(user=user)
    payment = start_payment(user, make_rate()) if purpose == "rate" else asked_for(reservation, "mypayga")
    told = gateway.decide(attempt_of(payment).reference)

    def receive(number):
        answer = deliver(api(), callback(told, message=f"copie {number}"))
        asking.ask(payment.pk)
        callbacks.process_waiting()
        return answer.status_code

    assert run_together(THREADS, receive) == [200] * THREADS

    callbacks.process_waiting()
    assert CallbackMessage.objects.count() == THREADS
    assert not CallbackMessage.objects.exclude(verdict__in=[Verdict.SETTLED, Verdict.DUPLICATE]).exists()
    granted = ["credits.rate"] if purpose == "rate" else ["reservation.paid"]
    assert events("payment.succeeded", "credits.rate", "reservation.paid") == ["payment.succeeded", *granted]
    assert books(user)["packs"] == ([CREDITS] if purpose == "rate" else [])
    assert Refund.objects.count() == 0
    assert gateway.payments()[0]["times_charged"] == 1


def post_payment(api, user, rate, key):
    body = {"purpose": "rate", "rate": rate.pk, "provider": "mypayga", "phone": AIRTEL}
    answer = api(user).post("/api/v1/payments/", body, format="json", headers={"Idempotency-Key": key})
    return answer.status_code, answer.json().get("code"), answer.json().get("id")


def test_same_key_twenty_times_at_once_asks_the_customer_once(api, gateway):
    user, rate = make_user(), make_rate()

    results = run_together(THREADS, lambda _: post_payment(api, user, rate, "once"))

    payment = Payment.objects.get()
    assert payment.status == Status.PENDING
    assert len(gateway.calls("payment")) == 1
    answered = {result for result in results if result[0] == 202}
    assert answered == {(202, None, str(payment.public_id))}
    assert {result for result in results if result[0] != 202} <= {(409, "idempotency_key_in_use", None)}
    assert events("payment.") == ["payment.created", "payment.submitting", "payment.pending"]
    assert post_payment(api, user, rate, "once") == (202, None, str(payment.public_id))


def test_twenty_keys_for_one_purpose_make_one_payment(api, gateway):
    user, rate = make_user(), make_rate()

    results = run_together(THREADS, lambda _: post_payment(api, user, rate, uuid.uuid4().hex))

    payment = Payment.objects.get()
    assert sorted(result[:2] for result in results) == [(202, None)] + [(409, "payment_pending")] * (THREADS - 1)
    assert len(gateway.calls("payment")) == 1
    assert events("payment.") == ["payment.created", "payment.submitting", "payment.pending"]
    assert payment.attempts.count() == 1


def test_two_people_who_pay_at_once_for_one_reservation_after_its_block_pay_once(script):
    """Two payments are open, because the first no longer blocks; both customers type their PIN at the same moment."""
    reservation = make_reservation()
    first = asked_for(reservation)
    age(first, minutes=16)
    second = asked_for(reservation)

    results = run_together(4, lambda number: settle_paid([first, second][number % 2]))

    assert errors_in(results) == []
    assert balance_of(reservation) == (True, 6_000, 3_000)
    assert events("reservation.paid") == ["reservation.paid"]
    assert events("refund.") == ["refund.due"]


def test_sweeps_at_once_ask_once(script):
    for number in range(6):
        make_payment(provider="scripted", token=f"t{number}")

    results = run_together(4, lambda _: asking.ask_due())

    assert errors_in(results) == []
    assert sum(results) == 6
    assert len(script.asked) == len(set(script.asked)) == 6


def test_sweeps_at_once_send_a_forgotten_payment_once(script):
    for _ in range(6):
        make_payment("created", provider="scripted")

    results = run_together(4, lambda _: asking.submit_forgotten())

    assert errors_in(results) == []
    assert sorted(order.reference for order in script.orders) == sorted(
        attempt_of(payment).reference for payment in Payment.objects.all()
    )
    assert {payment.status for payment in Payment.objects.all()} == {Status.PENDING}


def test_sweeps_at_once_look_at_a_message_once(script):
    payments = [make_payment(provider="scripted", token=f"t{number}") for number in range(6)]
    for payment in payments:
        CallbackMessage.objects.create(
            provider="scripted",
            digest=attempt_of(payment).reference,
            body=f"{attempt_of(payment).reference} {PRICE} XAF".encode(),
            next_at=timezone.now(),
        )

    results = run_together(4, lambda _: callbacks.process_waiting())

    assert errors_in(results) == []
    assert sum(results) == 6
    assert len(script.asked) == len(set(script.asked)) == 6


def test_sweeps_at_once_doubt_and_expire_once():
    for status in ("submitting", "pending"):
        for _ in range(4):
            age(make_payment(status), hours=73)

    results = run_together(4, lambda number: (asking.doubt_interrupted, asking.expire_old)[number % 2]())

    assert errors_in(results) == []
    asking.expire_old()
    assert {payment.status for payment in Payment.objects.all()} == {Status.EXPIRED}
    assert events("payment.unknown") == ["payment.unknown"] * 4
    assert events("payment.expired") == ["payment.expired"] * 8


@needs_several_writers
def test_without_the_payments_lock_more_is_given_back_than_came_in(monkeypatch):
    payment, staff = make_payment(Status.SUCCEEDED), make_user()
    everybody_has_summed = threading.Barrier(10)
    summed = refunds._given_back

    def given_back(payment):
        total = summed(payment)
        everybody_has_summed.wait(timeout=30)
        return total

    monkeypatch.setattr(refunds, "_given_back", given_back)
    monkeypatch.setattr(Payment.objects, "select_for_update", lambda **kwargs: Payment.objects.all())

    run_together(10, lambda _: refunds.request_refund(payment, amount=1_000, reason="r", by=staff))

    assert sum(refund.amount for refund in Refund.objects.all()) == 10_000


def test_no_more_is_given_back_than_came_in():
    payment, staff = make_payment(Status.SUCCEEDED), make_user()

    results = run_together(10, lambda _: refunds.request_refund(payment, amount=1_000, reason="r", by=staff))

    assert errors_in(results, RefundTooLarge) == []
    assert [refund.amount for refund in Refund.objects.all()] == [1_000] * 5
    assert events("refund.") == ["refund.requested"] * 5


def test_staff_who_decide_differently_at_once_decide_once():
    staff = make_user()
    for _ in range(5):
        payment = make_payment(Status.HELD)

        def decide(number, payment=payment):
            return (reviewing.accept_held, reviewing.dismiss_held)[number % 2](payment, by=staff)

        results = run_together(4, decide)

        assert errors_in(results, IllegalMove) == []
        assert len(errors_in(results)) == 3
        payment.refresh_from_db()
        assert books(payment.user)["packs"] == ([CREDITS] if payment.status == Status.SUCCEEDED else [])


def _cancel_between_question_and_grant(reservation, payment, monkeypatch):
    """Settle, and have the patient cancel in between: the settling goes on once the cancel is done, or waits."""
    pids, outcome = [], []

    def cancel():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.append(cursor.fetchone()[0])
        try:
            outcome.append(handling.cancel(Reservation.objects.get(pk=reservation.pk), by=reservation.user))
        finally:
            connections.close_all()

    can_grant = reservation_purpose.ReservationPurpose.can_grant

    def then_cancelled(self, payment):
        answer = can_grant(self, payment)
        thread.start()
        deadline = time.monotonic() + 30
        while thread.is_alive() and not waiting_for_a_lock().intersection(pids):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return answer

    thread = threading.Thread(target=cancel)
    monkeypatch.setattr(reservation_purpose.ReservationPurpose, "can_grant", then_cancelled)
    settle_paid(payment)
    thread.join(timeout=30)
    assert [reservation.status for reservation in outcome] == ["cancelled"]


@needs_several_writers
def test_without_the_reservations_lock_paid_money_is_lost(script, monkeypatch):
    reservation = make_reservation()
    payment = asked_for(reservation)
    monkeypatch.setattr(reservation_purpose, "lock", lambda pk: Reservation.objects.get(pk=pk))

    _cancel_between_question_and_grant(reservation, payment, monkeypatch)

    assert balance_of(reservation) == (False, 3_000, 0), "neither: no boxes, and no money back"


@needs_several_writers
def test_cancelling_between_question_and_grant_waits_and_makes_the_money_due_back(script, monkeypatch):
    reservation = make_reservation()
    payment = asked_for(reservation)

    _cancel_between_question_and_grant(reservation, payment, monkeypatch)

    assert balance_of(reservation) == (False, 3_000, 3_000)
    assert events("reservation.paid", "reservation.cancelled", "refund.") == [
        "reservation.paid",
        "refund.due",
        "reservation.cancelled",
    ]


def _one_round(script, stock, chance):
    """A reservation with one or two payments; customers, patient, pharmacy, staff and sweep all act at once.

    Whether it was kept in the end.
    """
    staff = make_user("staff")
    reservation = make_reservation(stock=stock, quantity=1)
    payments = [asked_for(reservation)]
    if chance.random() < 0.5:
        age(payments[0], minutes=16)
        payments.append(asked_for(reservation))
    if chance.random() < 0.3:
        Payment.objects.filter(pk=payments[0].pk).update(status=Status.HELD, blocks=False, next_at=None)
    if chance.random() < 0.3:
        Reservation.objects.filter(pk=reservation.pk).update(expires_at=timezone.now())
    works = [lambda payment=payment: settle_paid(payment) for payment in payments * 2]
    works += [
        lambda: handling.cancel(Reservation.objects.get(pk=reservation.pk), by=reservation.user),
        lambda: handling.reject(Reservation.objects.get(pk=reservation.pk), reason="rupture", by=staff),
        lambda: handling.mark_ready(Reservation.objects.get(pk=reservation.pk), by=staff),
        expire_overdue,
        lambda: reviewing.accept_held(payments[0], by=staff),
        lambda: asked_for(reservation),
    ]
    works = chance.sample(works, k=6)

    results = run_together(len(works), lambda number: works[number]())

    assert errors_in(results, DomainError) == []
    assert_granted_or_due_back(reservation)
    return balance_of(reservation)[0]


def _rounds(script, count, seed):
    chance, stock = random.Random(seed), make_stock(quantity=10_000)
    kept = [_one_round(script, stock, chance) for _ in range(count)]
    assert verify_ledger().findings == []
    return kept


def test_whoever_comes_first_money_is_granted_or_due_back(script):
    _rounds(script, 12, seed=1)


@pytest.mark.soak
@needs_several_writers
def test_whoever_comes_first_money_is_granted_or_due_back_for_long(script):
    kept = _rounds(script, 500, seed=2)
    assert {True, False} == set(kept)


def test_settling_and_ending_at_once_never_deadlock(script):
    """The order of locks is payment, then reservation; who ends a reservation locks only payments that are settled."""
    stock = make_stock(quantity=10_000)
    for _ in range(25 if connection.vendor == "postgresql" else 5):
        reservation = make_reservation(stock=stock, quantity=1)
        payment = asked_for(reservation)
        Reservation.objects.filter(pk=reservation.pk).update(expires_at=timezone.now() + settings.PAYMENT_BLOCKS)

        def work(number, reservation=reservation, payment=payment):
            if number % 2:
                return handling.cancel(Reservation.objects.get(pk=reservation.pk), by=reservation.user)
            return settle_paid(payment)

        results = run_together(4, work)

        assert errors_in(results, IllegalMove) == []
        assert_granted_or_due_back(reservation)


def test_starting_to_pay_while_the_reservation_is_cancelled_is_refused_unsent_or_due_back(script):
    stock = make_stock(quantity=10_000)
    for _ in range(5):
        reservation = make_reservation(stock=stock, quantity=1)

        def work(number, reservation=reservation):
            if number == 0:
                return handling.cancel(Reservation.objects.get(pk=reservation.pk), by=reservation.user)
            return asked_for(reservation)

        results = run_together(3, work)

        assert errors_in(results, NotPayable, PaymentPending) == []
        reservation.refresh_from_db()
        assert (reservation.status, reservation.paid_at) == ("cancelled", None)
        for payment in Payment.objects.filter(purpose_id=str(reservation.public_id), status=Status.PENDING):
            settle_paid(payment)
        assert_granted_or_due_back(reservation)


def test_no_transaction_is_open_while_a_gateway_is_called(script, api):
    """A waiting gateway must hold no lock and no connection."""
    user, rate = make_user(), make_rate()
    body = {"purpose": "rate", "rate": rate.pk, "provider": "scripted", "phone": AIRTEL}
    shown = api(user).post("/api/v1/payments/", body, format="json", headers={"Idempotency-Key": "k"}).json()
    payment = Payment.objects.get()
    api(user).post(f"/api/v1/payments/{shown['id']}/refresh/")
    api(user).post(f"/api/v1/payments/{shown['id']}/refresh/", headers={"Idempotency-Key": "r"})
    asking.ask(payment.pk)
    age(payment, seconds=30)
    asking.ask_due()
    make_payment("created", provider="scripted")
    asking.submit_forgotten()
    CallbackMessage.objects.create(
        provider="scripted",
        digest="d",
        body=f"{attempt_of(payment).reference} {PRICE} XAF".encode(),
        next_at=timezone.now(),
    )
    callbacks.process_waiting()

    assert len(script.orders) == 2
    assert len(script.asked) == 5
    assert script.in_transaction == [False] * 7


def test_connection_is_given_back_while_a_gateway_is_called(script):
    open_connections = []
    script.on_ask = lambda reference, provider_id: open_connections.append(connection.connection)
    payment = make_payment(provider="scripted", token="t")

    asking.ask(payment.pk)

    assert open_connections == [None]


def test_stored_callback_and_duplicate_leave_the_transaction_usable():
    """The unique violation of a repeat happens inside a savepoint: what surrounds it goes on."""
    with transaction.atomic():
        assert store_callback("mypayga", body=b"{}", content_type="") is not None
        assert store_callback("mypayga", body=b"{}", content_type="") is None
        assert CallbackMessage.objects.count() == 1
    assert CallbackMessage.objects.count() == 1

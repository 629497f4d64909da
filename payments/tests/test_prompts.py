"""Prompts that light up somebody's phone: so many an hour to a phone, so many from one user."""

import threading
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts.tests.factories import make_user
from common.errors import RateLimited
from common.models import IdempotencyKey, RateCounter
from common.tests.rows import contents
from payments.enums import Status
from payments.models import Payment
from payments.services import prompts, starting
from payments.tests.factories import AIRTEL, make_payment, make_rate
from reservations.tests.factories import make_reservation
from tests.threads import run_together

pytestmark = pytest.mark.django_db

PATH = "/api/v1/payments/"
MOOV = "066 12 34 56"
NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.PAYMENT_PROMPTS_PER_PHONE, settings.PAYMENT_PROMPTS_PER_USER = 2, 3


@pytest.fixture
def ask(api, script):
    """`ask(user)`: POST /payments/ for a pack of their own, so that no other payment stands in the way."""

    def ask(user, *, phone=AIRTEL, key=None, rate=None, client=None):
        body = {"purpose": "rate", "rate": (rate or make_rate()).pk, "provider": "scripted", "phone": phone}
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return (client or api(user)).post(PATH, body, format="json", headers=headers)

    return ask


def limited(answer):
    assert answer.status_code == 429, answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "rate_limited"
    return int(answer.headers["Retry-After"])


def test_phone_is_asked_so_often_an_hour_by_all_together(ask, script, patient):
    with time_machine.travel(NOON, tick=False) as clock:
        assert [ask(user).status_code for user in (patient, make_user())] == [202, 202]
        clock.shift(timedelta(minutes=20))
        stranger, rate = make_user(), make_rate()
        before = contents()

        assert limited(ask(stranger, rate=rate)) == 40 * 60

        assert contents() == before
        assert len(script.orders) == 2
        clock.shift(timedelta(minutes=40))
        assert ask(stranger).status_code == 202


def test_user_asks_so_often_an_hour_whatever_the_phone(ask, script, patient):
    with time_machine.travel(NOON, tick=False) as clock:
        assert [ask(patient, phone=f"077 12 34 5{number}").status_code for number in range(3)] == [202] * 3
        rate = make_rate()
        before = contents()

        assert limited(ask(patient, phone=MOOV, rate=rate)) == 3600

        assert contents() == before
        assert ask(make_user(), phone=MOOV).status_code == 202
        assert ask(make_user(), phone=MOOV).status_code == 202, "what was refused has not been counted for the phone"
        clock.shift(timedelta(hours=1))
        assert ask(patient, phone=AIRTEL).status_code == 202


def test_whoever_has_paid_from_a_phone_is_not_kept_out_by_strangers(ask, patient):
    make_payment(Status.SUCCEEDED, user=patient, phone="+24177123456")
    stranger = make_user()
    assert [ask(stranger).status_code for _again in range(2)] == [202, 202]

    assert [ask(patient).status_code for _again in range(2)] == [202, 202]
    limited(ask(patient))
    limited(ask(stranger))


def test_repeat_of_a_key_counts_once_and_is_answered_beyond_the_limit(ask, api, patient):
    rate, client = make_rate(), api(patient)
    first = ask(patient, key="once", rate=rate, client=client)
    assert ask(patient).status_code == 202
    limited(ask(patient))

    again = ask(patient, key="once", rate=rate, client=client)

    assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (202, first.json(), "true")
    assert sorted(RateCounter.objects.values_list("scope", "used")) == [("prompt:phone", 2), ("prompt:user", 2)]


def test_limited_answer_is_not_kept_under_its_key(ask, patient):
    with time_machine.travel(NOON, tick=False) as clock:
        rate = make_rate()
        assert [ask(make_user()).status_code for _again in range(2)] == [202, 202]
        limited(ask(patient, key="later", rate=rate))
        assert not IdempotencyKey.objects.filter(key="later").exists()
        clock.shift(timedelta(hours=1))

        assert ask(patient, key="later", rate=rate).status_code == 202


def test_request_that_is_refused_lights_up_nothing_and_does_not_count(ask, patient):
    rate = make_rate()
    assert ask(patient, rate=rate).status_code == 202
    assert [ask(patient, rate=rate).json()["code"] for _again in range(5)] == ["payment_pending"] * 5

    assert sorted(RateCounter.objects.values_list("scope", "used")) == [("prompt:phone", 1), ("prompt:user", 1)]


def test_payment_over_the_counter_lights_up_nothing(patient):
    for _again in range(4):
        reservation = make_reservation(user=patient)
        starting.create_payment(
            patient, purpose="reservation", purpose_id=str(reservation.public_id), provider="counter", phone=AIRTEL
        )

    assert RateCounter.objects.count() == 0


def pay_together(count):
    """So many people want to pay from one phone at the same moment, each for a pack of their own."""
    users, packs = [make_user() for _each in range(count)], [make_rate() for _each in range(count)]

    def pay(number):
        return starting.create_payment(
            users[number], purpose="rate", purpose_id=str(packs[number].pk), provider="scripted", phone=AIRTEL
        )

    results = run_together(count, pay)
    return sorted(type(each).__name__ for each in results)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races")
@pytest.mark.django_db(transaction=True)
def test_all_at_once_light_up_a_phone_as_often_as_it_may_be(script, monkeypatch):
    everybody_looked = threading.Barrier(4)

    def look_only(*claims):
        asked = Payment.objects.filter(phone="+24177123456").count()
        everybody_looked.wait(timeout=30)
        if asked >= 2:
            raise RateLimited(retry_after=1)

    with monkeypatch.context() as patched:
        patched.setattr(prompts.limits, "take", look_only)
        assert pay_together(4) == ["Payment"] * 4
    Payment.objects.all().update(phone="+24166123456")

    assert pay_together(8) == ["Payment"] * 2 + ["RateLimited"] * 6
    assert Payment.objects.filter(phone="+24177123456").count() == 2


@pytest.mark.parametrize(
    "paid", [{"provider": "counter"}, {"checkout_url": "https://gateway.invalid/pay"}], ids=["counter", "page"]
)
def test_money_that_came_without_a_prompt_makes_no_phone_ones_own(ask, patient, paid):
    make_payment(Status.SUCCEEDED, user=patient, phone="+24177123456", **paid)

    with time_machine.travel(NOON, tick=False):
        assert [ask(make_user()).status_code for _each in range(2)] == [202, 202]
        limited(ask(patient))

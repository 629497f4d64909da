"""Idempotency-Key: the same request of the same user has one effect and one answer."""

import threading
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from accounts.models import Account, CreditEntry
from accounts.services import ledger
from accounts.tests.factories import balance, make_user, set_credits
from catalog.models import Stock
from common import sweeping
from common.api.idempotency import CallOutside, idempotent
from common.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from common.idempotency import KEPT, LEASE, fingerprint, purge_expired_keys, validate_key
from common.models import IdempotencyKey
from common.tests.rows import contents
from reservations.models import Reservation
from reservations.tests.factories import basket, make_stock, set_reserve_price
from tests.threads import run_together

pytestmark = pytest.mark.django_db

URL = "/api/v1/reservations/"
REPLAYED = "Idempotent-Replayed"


@pytest.fixture
def patient():
    return make_user(credits=10)


@pytest.fixture
def stock():
    return make_stock(quantity=10)


@pytest.fixture
def post(api, patient):
    client = api(patient)

    def send(body, key="key-1", *, client=client, url=URL):
        headers = {} if key is None else {"Idempotency-Key": key}
        return client.post(url, body, format="json", headers=headers)

    return send


class Work:
    """A view whose work the test decides: how often it ran is how often it had an effect."""

    def __init__(self, work, *, required=True):
        self.ran = 0
        outer = self

        class View(APIView):
            authentication_classes = []
            permission_classes = []

            @idempotent(required=required)
            def post(self, request):
                outer.ran += 1
                return work(request)

        self.view = View.as_view()

    def __call__(self, user, key="key-1", body=None, path="/things/"):
        headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
        request = APIRequestFactory().post(path, body or {}, format="json", **headers)
        force_authenticate(request, user)
        return self.view(request).render()


def _raise(error):
    def work(request):
        raise error

    return work


# The key itself


def test_key_is_required(post, stock):
    before = contents()
    response = post(basket(stock), None)

    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_required")
    assert contents() == before
    assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("key", ["k" * 256, "two words", "tab\there", "é", " "])
def test_key_of_other_characters_is_refused(post, stock, key):
    before = contents()
    response = post(basket(stock), key)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_idempotency_key")
    assert contents() == before


@pytest.mark.parametrize("key", ["k", "k" * 255, "!~{}\"'\\;--", "33faa737-8715-48ee-87f4-390c1207a8ad"])
def test_key_of_visible_characters(key):
    assert validate_key(key) == key


def test_empty_key_is_none(post, stock):
    assert post(basket(stock), "").json()["code"] == "idempotency_key_required"


# Repeats


def test_repeat_gets_the_same_answer_and_has_no_effect(post, stock, patient):
    set_reserve_price(2)
    first = post(basket(stock))
    after = contents()

    again = post(basket(stock))

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"] == "application/json"
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert contents() == after
    assert balance(patient) == 8


def test_repeat_is_the_same_however_its_json_is_written(post, stock, api, patient):
    first = post(basket(stock))
    reordered = (
        f'{{ "lines" : [ {{"quantity":1, "product": "{stock.product_code}"}} ],\n "pharmacy":"{stock.pharmacy.code}"}}'
    )
    again = api(patient).generic(
        "POST", URL.rstrip("/"), reordered, content_type="application/json", headers={"Idempotency-Key": "key-1"}
    )

    assert again.headers[REPLAYED] == "true"
    assert again.content == first.content


def test_repeat_survives_a_new_token(post, stock, api, patient):
    post(basket(stock))

    assert post(basket(stock), client=api(patient)).headers[REPLAYED] == "true"


def test_another_body_under_the_same_key_is_refused(post, stock, patient):
    set_reserve_price(2)
    post(basket(stock, 1))
    after = contents()

    for body in (basket(stock, 2), {**basket(stock, 1), "x": 1}, {}, []):
        response = post(body)
        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
        assert REPLAYED not in response.headers
    assert contents() == after
    assert post(basket(stock, 1)).headers[REPLAYED] == "true"


def test_another_path_under_the_same_key_is_refused(post, stock):
    made = post(basket(stock)).json()
    after = contents()

    response = post({}, url=f"{URL}{made['id']}/cancel/")

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert contents() == after


def test_same_key_of_another_user_is_another_key(post, stock, api):
    first = post(basket(stock))
    second = post(basket(stock), client=api(make_user()))

    assert (first.status_code, second.status_code) == (201, 201)
    assert REPLAYED not in second.headers
    assert first.json()["id"] != second.json()["id"]
    assert Reservation.objects.count() == 2


def test_true_and_1_are_different_bodies():
    assert fingerprint("POST", "/a", {"x": True}) != fingerprint("POST", "/a", {"x": 1})
    assert fingerprint("POST", "/a", {"x": "1"}) != fingerprint("POST", "/a", {"x": 1})
    assert fingerprint("POST", "/a", {"x": 1.0}) != fingerprint("POST", "/a", {"x": 1})
    assert fingerprint("POST", "/a/", {"x": 1, "y": 2}) == fingerprint("POST", "/a", {"y": 2, "x": 1})
    assert fingerprint("POST", "/a", {}) != fingerprint("PUT", "/a", {})
    assert fingerprint("POST", "/a", [1, 2]) != fingerprint("POST", "/a", [2, 1])


# Refusals


@pytest.mark.parametrize(
    "error", [Invalid(code="bad"), NotFound(code="gone"), DomainError(code="odd")], ids=["400", "404", "400-odd"]
)
def test_refusal_that_the_request_decides_is_remembered(patient, error):
    work = Work(_raise(error))
    first, again = work(patient), work(patient)

    assert first.status_code == again.status_code == error.status
    assert again.headers[REPLAYED] == "true"
    assert REPLAYED not in first.headers
    assert again.data == first.data
    assert again.headers["Content-Type"] == first.headers["Content-Type"] == "application/problem+json"
    assert IdempotencyKey.objects.get().status == error.status


def test_invalid_body_is_replayed_over_http(post, stock):
    first = post(basket(stock, 0))
    again = post(basket(stock, 0))

    assert first.status_code == again.status_code == 400
    assert again.headers[REPLAYED] == "true"
    assert again.content == first.content
    assert post(basket(stock, 1)).json()["code"] == "idempotency_key_reused"


class Payable(DomainError):
    status = 402
    code = "payable"


class TooMany(DomainError):
    status = 429
    code = "too_many"


@pytest.mark.parametrize(
    "error, status",
    [
        (Conflict(), 409),
        (Payable(), 402),
        (Forbidden(), 403),
        (TooMany(), 429),
        (ZeroDivisionError(), 500),
    ],
)
def test_refusal_that_may_change_is_not_remembered(patient, error, status):
    outcomes = [error, None]

    def work(request):
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return Response({"done": True}, status=201)

    view = Work(work)

    assert view(patient).status_code == status
    assert not IdempotencyKey.objects.exists()
    assert view(patient).status_code == 201
    assert view(patient).headers[REPLAYED] == "true"


def test_conflict_now_success_later(post, stock):
    Stock.objects.update(quantity=0)
    assert post(basket(stock)).status_code == 409
    Stock.objects.update(quantity=1)

    response = post(basket(stock))
    assert response.status_code == 201
    assert REPLAYED not in response.headers


def test_too_few_credits_now_success_later(post, stock, patient):
    set_reserve_price(11)
    assert post(basket(stock)).status_code == 402
    set_credits(patient, 11)

    assert post(basket(stock)).status_code == 201


def test_disabled_account_now_success_later(post, stock, patient):
    Account.objects.update(is_active=False)
    assert post(basket(stock)).status_code == 403
    Account.objects.update(is_active=True)

    assert post(basket(stock)).status_code == 201


def test_answer_stands_though_the_world_has_moved_on(post, stock, patient):
    """The repeat would be refused if it were tried again: it is told what happened, not what would happen."""
    set_reserve_price(10)
    first = post(basket(stock, 10))
    Account.objects.update(is_active=False)

    again = post(basket(stock, 10))
    assert again.status_code == 201
    assert again.content == first.content


def test_effect_and_answer_are_one(patient, monkeypatch):
    def work(request):
        ledger.spend(request.user.pk, 3, reference="work")
        return Response({"at": object()})

    view = Work(work)
    before = contents()

    assert view(patient).status_code == 500
    assert contents() == before
    assert not IdempotencyKey.objects.exists()


# Where the key is merely honoured


def test_honoured_but_not_required(patient):
    view = Work(lambda request: Response({"n": view.ran}), required=False)

    assert [view(patient, None).data["n"] for _ in range(2)] == [1, 2]
    assert not IdempotencyKey.objects.exists()
    assert [view(patient).data["n"] for _ in range(2)] == [3, 3]


def test_without_a_key_it_is_still_one_transaction(patient):
    def work(request):
        ledger.spend(request.user.pk, 3, reference="work")
        raise Conflict

    before = contents()
    assert Work(work, required=False)(patient, None).status_code == 409
    assert contents() == before


# Work that calls another service


class Killed(BaseException):
    """The process dies here."""


def _outside(finish):
    def work(request):
        ledger.spend(request.user.pk, 1, reference=f"intent:{uuid.uuid4()}")
        return CallOutside(provisional=Response({"state": "created"}, status=202), finish=finish)

    return Work(work)


def test_final_answer_replaces_the_provisional_one(patient):
    view = _outside(lambda: Response({"state": "done"}, status=202))

    assert view(patient).data == {"state": "done"}
    again = view(patient)
    assert (again.status_code, again.data) == (202, {"state": "done"})
    assert again.headers[REPLAYED] == "true"
    assert balance(patient) == 9
    assert IdempotencyKey.objects.get().lease_until is None


def test_intent_is_committed_before_the_call(patient):
    seen = []

    def finish():
        row = IdempotencyKey.objects.get()
        seen.append((balance(patient), row.status, row.lease_until > timezone.now()))
        return Response({})

    _outside(finish)(patient)

    assert seen == [(9, 202, True)]


def test_process_killed_between_intent_and_answer(patient):
    def die():
        raise Killed

    view = _outside(die)
    with pytest.raises(Killed):
        view(patient)
    assert balance(patient) == 9
    after = contents()

    waiting = view(patient)
    assert (waiting.status_code, waiting.data["code"]) == (409, "idempotency_key_in_use")
    assert waiting.headers["Retry-After"] == "1"

    with time_machine.travel(timezone.now() + LEASE + timedelta(seconds=1)):
        again = view(patient)
    assert (again.status_code, again.data) == (202, {"state": "created"})
    assert again.headers[REPLAYED] == "true"
    assert contents() == after


def test_other_body_during_the_lease_is_refused_as_ever(patient):
    view = _outside(lambda: Response({}))
    view(patient)
    IdempotencyKey.objects.update(lease_until=timezone.now() + LEASE)

    assert view(patient, body={"x": 1}).data["code"] == "idempotency_key_reused"
    assert balance(patient) == 9


def test_call_that_breaks_leaves_the_intent_and_its_lease(patient):
    def fail():
        raise RuntimeError

    view = _outside(fail)

    assert view(patient).status_code == 500
    assert balance(patient) == 9
    assert view(patient).data["code"] == "idempotency_key_in_use"
    assert balance(patient) == 9


def test_call_without_a_key(patient):
    view = Work(
        lambda request: CallOutside(provisional=Response({"n": 1}), finish=lambda: Response({"n": 2})), required=False
    )
    assert view(patient, None).data == {"n": 2}


# What is kept, and for how long


def test_stored_answer_cannot_be_read_in_the_database(post, stock):
    response = post(basket(stock))

    row = IdempotencyKey.objects.get()
    raw = bytes(row.answer) + bytes(row.fingerprint) + row.key.encode()
    for secret in (stock.product_code, response.json()["pickup_code"], response.json()["id"], "confirmed"):
        assert secret.encode() not in raw
    assert len(row.fingerprint) == 32


def test_stored_answer_survives_the_rotation_of_keys(post, stock, settings):
    settings.ENCRYPTION_KEYS = ["old"]
    first = post(basket(stock))
    settings.ENCRYPTION_KEYS = ["new", "old"]

    assert post(basket(stock)).content == first.content


def test_keys_are_forgotten_after_seven_days(post, stock):
    post(basket(stock), "old")
    post(basket(stock), "young")
    IdempotencyKey.objects.filter(key="old").update(created_at=timezone.now() - KEPT - timedelta(seconds=1))
    IdempotencyKey.objects.filter(key="young").update(created_at=timezone.now() - KEPT + timedelta(minutes=1))

    assert timedelta(days=7) == KEPT
    assert sweeping.sweep()["idempotency_keys"] == 1
    assert IdempotencyKey.objects.get().key == "young"
    assert purge_expired_keys() == 0
    assert Reservation.objects.count() == 2


# Many at once


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_have_one_effect(api):
    threads = 20 if connection.vendor == "postgresql" else 8
    set_reserve_price(2)
    stock, patient = make_stock(quantity=100), make_user(credits=10)
    clients = [api(patient) for _ in range(threads)]

    answers = run_together(
        threads,
        lambda number: clients[number].post(
            URL, basket(stock, 3), format="json", headers={"Idempotency-Key": "the-same"}
        ),
    )

    assert {answer.status_code for answer in answers} == {201}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert [REPLAYED in answer.headers for answer in answers].count(False) == 1
    assert Reservation.objects.count() == 1
    assert CreditEntry.objects.filter(kind="spend").count() == 1
    assert balance(patient) == 8
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_different_bodies_at_once_under_one_key_have_one_effect(api):
    threads = 12 if connection.vendor == "postgresql" else 6
    stock, patient = make_stock(quantity=100), make_user()
    clients = [api(patient) for _ in range(threads)]

    answers = run_together(
        threads,
        lambda number: clients[number].post(
            URL, basket(stock, number + 1), format="json", headers={"Idempotency-Key": "the-same"}
        ),
    )

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) == 1
    assert statuses.count(422) == threads - 1
    assert Reservation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_call_outside_is_made_once_by_twenty_at_once():
    threads = 20 if connection.vendor == "postgresql" else 8
    patient = make_user(credits=50)
    calls = []
    everybody_else_was_answered = threading.Event()
    answered = threading.Semaphore(0)

    def finish():
        calls.append(1)
        assert everybody_else_was_answered.wait(30)
        return Response({"state": "done"}, status=202)

    view = _outside(finish)

    def ask(number):
        answer = view(patient)
        answered.release()
        return answer

    def release():
        for _ in range(threads - 1):
            assert answered.acquire(timeout=30)
        everybody_else_was_answered.set()

    releaser = threading.Thread(target=release)
    releaser.start()
    answers = run_together(threads, ask)
    releaser.join()

    assert len(calls) == 1
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * (threads - 1)
    assert balance(patient) == 49
    assert view(patient).data == {"state": "done"}


@pytest.mark.django_db(transaction=True)
def test_process_that_dies_before_its_commit_leaves_nothing():
    patient = make_user(credits=10)
    before = contents()

    def work(request):
        ledger.spend(request.user.pk, 3, reference="work")
        raise Killed

    with pytest.raises(Killed):
        Work(work)(patient)

    assert contents() == before
    assert not IdempotencyKey.objects.exists()

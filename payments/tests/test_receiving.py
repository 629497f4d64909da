"""The address where gateways call: what is stored, what is answered, what is refused."""

import hashlib
import json

import pytest
from django_tasks_db.models import DBTaskResult

from audit.models import Event
from payments.models import CallbackMessage, Payment, Refund
from payments.tests.factories import age_message, books, events, make_payment, refusals, snapshot
from payments.tests.gateway import FORM, callback_path, deliver

pytestmark = pytest.mark.django_db

RECEIVED = {"message": "received"}

# NUL, bytes that are no UTF-8, broken and hostile JSON: whatever a stranger with the address may send.
GARBAGE = {
    "nothing": b"",
    "nul": b"\x00",
    "nul inside": b'{"unique_id": "\x00"}',
    "escaped nul": b'{"unique_id": "\\u0000", "hash": "a"}',
    "surrogate": b'{"unique_id": "\\ud800", "hash": "a"}',
    "no utf-8": b"\xff\xfe\xfa",
    "half": b'{"unique_id": "1',
    "a list": b"[1, 2]",
    "a number": b"1e400",
    "twice the same key": b'{"hash": "a", "hash": "b"}',
    "deep": b"[" * 1_100 + b"]" * 1_100,
    "long number": b'{"amount": ' + b"9" * 5_000 + b"}",
}


def test_callback_is_stored_as_it_came_and_queued(client):
    body = b'{"unique_id": "a",  "order_status": 0}'

    answer = deliver(client, body)

    assert (answer.status_code, answer.json()) == (200, RECEIVED)
    message = CallbackMessage.objects.get()
    assert (message.provider, bytes(message.body), message.content_type) == ("mypayga", body, "application/json")
    assert message.digest == hashlib.sha256(b"application/json\n" + body).hexdigest()
    assert (message.verdict, message.attempt) == ("waiting", None)
    assert DBTaskResult.objects.get().args_kwargs == {"args": [message.pk], "kwargs": {}}
    received = Event.objects.get(action="callback.received")
    assert (received.actor_kind, received.actor_id) == ("gateway", "mypayga")
    assert received.entity_id == str(message.pk)


def test_same_callback_again_is_answered_alike_and_stored_once(client):
    for _ in range(3):
        answer = deliver(client, b'{"unique_id": "a"}')
        assert (answer.status_code, answer.json()) == (200, RECEIVED)

    assert CallbackMessage.objects.count() == 1
    assert DBTaskResult.objects.count() == 1
    assert events("callback.") == ["callback.received"]


def test_other_content_type_is_another_message(client):
    deliver(client, b"a=1", content_type=FORM)
    deliver(client, b"a=1")

    assert CallbackMessage.objects.count() == 2


def test_replay_after_a_year_is_noted_and_changes_nothing(client):
    deliver(client, b'{"unique_id": "a"}')
    message = CallbackMessage.objects.get()
    age_message(message, days=365)
    before = snapshot(CallbackMessage)

    answer = deliver(client, b'{"unique_id": "a"}')

    assert (answer.status_code, answer.json()) == (200, RECEIVED)
    assert snapshot(CallbackMessage) == before
    assert refusals() == ["replayed"]
    assert Event.objects.get(action="callback.refused").entity_id == str(message.pk)


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("content_type", ["application/json", FORM, "text/plain", "", "a/b/c; =", "x" * 300])
def test_garbage_is_stored(name, content_type, client):
    answer = deliver(client, GARBAGE[name], content_type=content_type)

    assert (answer.status_code, answer.json()) == (200, RECEIVED)
    message = CallbackMessage.objects.get()
    assert bytes(message.body) == GARBAGE[name]
    # Django's client, like everybody, sends no type with no body.
    assert message.content_type == (content_type[:100] if GARBAGE[name] else "")


@pytest.mark.parametrize("accept", ["text/html", "text/plain", "nonsense", "application/xml;q=0.1"])
def test_gateway_may_accept_what_it_likes(accept, client):
    answer = client.generic("POST", callback_path(), b"{}", content_type="application/json", headers={"Accept": accept})

    assert (answer.status_code, answer.json()) == (200, RECEIVED)
    assert CallbackMessage.objects.count() == 1


def test_largest_body_is_stored_and_one_byte_more_is_not(client):
    largest = b"x" * 256 * 1024

    assert deliver(client, largest).status_code == 200
    answer = deliver(client, largest + b"x")

    assert answer.status_code == 413
    assert answer.json()["code"] == "payload_too_large"
    assert [len(message.body) for message in CallbackMessage.objects.all()] == [256 * 1024]
    assert refusals() == ["too_large"]


@pytest.mark.parametrize(
    "provider, secret",
    [("mypayga", "wrong"), ("mypayga", "é"), ("mypayga", "development-only"), ("paypal", None), ("MyPayGa", None)],
)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_unknown_provider_or_secret_is_not_found_and_leaves_no_trace(method, provider, secret, client):
    answer = client.generic(method, callback_path(provider, secret), b"{}", content_type="application/json")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert CallbackMessage.objects.count() == 0
    assert DBTaskResult.objects.count() == 0
    assert events() == []


@pytest.mark.parametrize("query", ["", "?order_status=200&unique_id=a&hash=b"])
def test_get_is_refused_with_an_event(query, client):
    answer = client.get(callback_path() + query)

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]
    assert CallbackMessage.objects.count() == 0
    assert refusals() == ["get_on_callback"]
    event = Event.objects.get()
    assert (event.actor_kind, event.actor_id, event.entity) == ("gateway", "mypayga", "callback")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused(method, client):
    assert client.generic(method, callback_path(), b"{}", content_type="application/json").status_code == 405
    assert CallbackMessage.objects.count() == 0


def test_callback_needs_no_sign_in_and_grants_nothing_by_itself(client):
    payment = make_payment(token="token-1")
    before = snapshot(Payment, Refund)

    deliver(client, json.dumps({"unique_id": payment.attempts.get().reference, "order_status": "200"}).encode())

    assert snapshot(Payment, Refund) == before
    assert books(payment.user)["packs"] == []


def test_message_and_its_task_are_written_together_or_not_at_all(client, monkeypatch):
    class Queue:
        def enqueue(self, message_id):
            raise RuntimeError

    monkeypatch.setattr("payments.services.receiving.process_callback", Queue())
    client.raise_request_exception = False

    assert deliver(client, b"{}").status_code == 500

    assert CallbackMessage.objects.count() == 0
    assert events() == []

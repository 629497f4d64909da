"""Which calls a request makes itself, and which are left to the queue."""

import pytest
from django_tasks_db.models import DBTaskResult

from common.sweeping import sweep
from payments.enums import Status
from payments.models import Payment
from payments.providers.singpay import client
from payments.tasks import submit_payment
from payments.tests.factories import AIRTEL, age, events, make_payment

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(api, patient, rate):
    def post(**details):
        body = {"purpose": "rate", "rate": rate.pk, "provider": "singpay", **details}
        return api(patient).post("/api/v1/payments/", body, format="json", headers={"Idempotency-Key": "once"})

    return post


def queued():
    return list(DBTaskResult.objects.values_list("queue_name", "task_path"))


def test_prompt_is_pushed_by_the_request_itself(post, singpay_gateway):
    assert post(phone=AIRTEL).json()["status"] == "pending"
    assert len(singpay_gateway.calls("74/paiement")) == 1
    assert queued() == []


def test_page_is_fetched_by_the_slow_queue(post, singpay_gateway, api, patient):
    told = post().json()

    assert (told["status"], told["checkout_url"], told["phone"]) == ("created", None, None)
    assert singpay_gateway.calls("ext") == []
    assert queued() == [("slow", "payments.tasks.submit_payment")]

    submit_payment.call(Payment.objects.get().pk)
    submit_payment.call(Payment.objects.get().pk)

    told = api(patient).get(f"/api/v1/payments/{told['id']}/").json()
    assert told["status"] == "pending"
    assert "/singpay/page/" in told["checkout_url"]
    assert len(singpay_gateway.calls("ext")) == 1
    assert post().json()["id"] == told["id"], "the same key has the same payment"


def test_page_whose_task_was_lost_is_fetched_by_the_sweep(post, singpay_gateway):
    post()
    sweep()
    assert singpay_gateway.calls("ext") == [], "the queue may still be about to"
    age(Payment.objects.get(), seconds=22)

    sweep()

    assert Payment.objects.get().status == Status.PENDING
    assert len(singpay_gateway.calls("ext")) == 1


def test_slow_call_is_given_the_time_it_may_take_before_it_is_in_doubt(singpay_gateway, monkeypatch):
    payment = make_payment("created", provider="singpay", phone="", network="")
    fetch = client.post_page

    def slowly(body):
        age(payment, seconds=60)
        sweep()
        assert Payment.objects.get().status == Status.SUBMITTING
        return fetch(body)

    monkeypatch.setattr(client, "post_page", slowly)
    submit_payment.call(payment.pk)

    assert Payment.objects.get().status == Status.PENDING
    assert events("payment.") == ["payment.submitting", "payment.pending"]

"""SIGKILL, for real: a web or worker process dies at each named boundary, and the sweep of another one ends the story.

Afterwards every state is legal, nothing is granted twice, and nothing that was paid is ungranted.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import User
from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_session, make_user
from common.sweeping import sweep
from payments.enums import Status, Verdict
from payments.models import CallbackMessage, Payment, Refund
from payments.tests.factories import (
    AIRTEL,
    CREDITS,
    age,
    age_message,
    attempt_of,
    books,
    events,
    make_rate,
    start_payment,
)
from payments.tests.gateway import Gateway, callback, deliver
from tests.doomed import BOUNDARIES

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite's test database lives in this process: no other can die in it"
    ),
]
WORKER = [name for name in BOUNDARIES if name.startswith("worker")]


@pytest.fixture
def gateway(simulators: Any, settings: Any) -> Gateway:
    settings.PUBLIC_URL = "http://127.0.0.1:1"
    gateway = Gateway(simulators)
    gateway.set(decide_after=100_000)
    return gateway


@pytest.fixture
def patient() -> User:
    return make_user(credits=0)


@pytest.fixture
def doomed() -> Callable[..., "subprocess.Popen[bytes]"]:
    """`doomed(boundary, work, …)` starts a process on this test's database that dies there."""

    def start(*arguments: str) -> "subprocess.Popen[bytes]":
        database = connection.settings_dict
        url = (
            f"postgres://{quote(database['USER'])}:{quote(str(database['PASSWORD']), safe='')}"
            f"@{quote(str(database['HOST']), safe='')}:{database['PORT']}/{database['NAME']}"
        )
        environment = os.environ | {
            "DEBUG": "1",
            "DATABASE_URL": url,
            "PUBLIC_URL": settings.PUBLIC_URL,
            "MYPAYGA_URL": settings.MYPAYGA_URL,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "tests.doomed", *arguments],
            env=environment,
            cwd=settings.BASE_DIR,
            stderr=subprocess.DEVNULL,
        )

    return start


def later(**duration: float) -> None:
    for payment in Payment.objects.all():
        age(payment, **duration)
    for message in CallbackMessage.objects.all():
        age_message(message, **duration)


def assert_legal_and_whole(patient: User, *, packs: list[int]) -> None:
    assert books(patient)["packs"] == packs
    assert Payment.objects.filter(status=Status.SUCCEEDED).count() == len(packs)
    assert events("payment.succeeded", "credits.rate").count("payment.succeeded") == len(packs)
    assert Refund.objects.count() == 0
    assert verify_ledger().findings == []


def web(patient: User) -> list[str]:
    body = {"purpose": "rate", "rate": make_rate().pk, "provider": "mypayga", "phone": AIRTEL}
    return ["web", make_session(patient).access_token, json.dumps(body)]


def test_killed_before_commit_nothing_was_begun(doomed: Any, gateway: Gateway, patient: User) -> None:
    assert doomed("before commit", *web(patient)).wait(timeout=60) == -signal.SIGKILL

    assert Payment.objects.count() == 0
    assert gateway.calls("payment") == []
    sweep()
    assert_legal_and_whole(patient, packs=[])


def test_killed_after_commit_and_before_the_call_nobody_is_charged_by_a_guess(
    doomed: Any, gateway: Gateway, patient: User
) -> None:
    assert doomed("after commit before the call", *web(patient)).wait(timeout=60) == -signal.SIGKILL
    assert Payment.objects.get().status == Status.SUBMITTING

    for duration in ({"seconds": 60}, {"hours": 73}):
        later(**duration)
        sweep()

    assert Payment.objects.get().status == Status.EXPIRED
    assert gateway.calls("payment") == []
    assert_legal_and_whole(patient, packs=[])


def settled_by_a_callback(gateway: Gateway, patient: User, api: Any) -> None:
    """What happens after a death at or behind the call: the customer pays, the gateway calls back, we sweep."""
    payment = Payment.objects.get()
    assert payment.status == Status.SUBMITTING
    deliver(api(), callback(gateway.decide(attempt_of(payment).reference)))
    sweep()
    for _ in range(3):
        later(seconds=60)
        sweep()
    assert Payment.objects.get().status == Status.SUCCEEDED
    assert gateway.payments()[0]["times_charged"] == 1
    assert len(gateway.calls("payment")) == 1
    assert_legal_and_whole(patient, packs=[CREDITS])


def test_killed_during_the_call_the_customer_is_charged_once_and_served(
    doomed: Any, gateway: Gateway, patient: User, api: Any
) -> None:
    gateway.fault("latency", seconds=6)
    process = doomed("never", *web(patient))
    deadline = time.monotonic() + 60
    while not gateway.payments():
        assert process.poll() is None, "it died by itself"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    assert process.wait(timeout=10) == -signal.SIGKILL

    settled_by_a_callback(gateway, patient, api)


def test_killed_after_the_answer_and_before_the_write_it_is_the_same(
    doomed: Any, gateway: Gateway, patient: User, api: Any
) -> None:
    assert doomed("after the answer before the write", *web(patient)).wait(timeout=60) == -signal.SIGKILL

    settled_by_a_callback(gateway, patient, api)


@pytest.mark.parametrize("boundary", WORKER)
def test_worker_killed_while_it_settles_the_sweep_settles_it_once(
    boundary: str, doomed: Any, gateway: Gateway, patient: User, api: Any
) -> None:
    payment = start_payment(patient, make_rate())
    told = gateway.decide(attempt_of(payment).reference)
    deliver(api(), callback(told))
    message = CallbackMessage.objects.get()

    assert doomed(boundary, "worker", str(message.pk)).wait(timeout=60) == -signal.SIGKILL

    committed = boundary.endswith("after commit")
    assert Payment.objects.get().status == (Status.SUCCEEDED if committed else Status.PENDING)
    assert books(patient)["packs"] == ([CREDITS] if committed else [])
    for _ in range(2):
        later(seconds=60)
        sweep()

    message.refresh_from_db()
    assert message.verdict in (Verdict.SETTLED, Verdict.DUPLICATE)
    assert gateway.payments()[0]["times_charged"] == 1
    assert_legal_and_whole(patient, packs=[CREDITS])

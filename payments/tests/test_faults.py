"""Every fault × every call to a gateway ends as `docs/faults.md` says: nothing charged twice, nothing lost.

The faults are the simulators' own, over real sockets; how often a customer was charged stands in the gateway's books.
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.management import call_command

from accounts.services.verification import verify_ledger
from accounts.tests.factories import make_user
from common.sweeping import sweep
from payments.enums import Network, Status
from payments.models import CallbackMessage, Payment, Refund
from payments.providers.mypayga import client as mypayga
from payments.providers.mypayga.provider import MyPayGa
from payments.providers.singpay import client as singpay
from payments.tasks import process_callback, submit_payment
from payments.tests.factories import CREDITS, age, age_message, attempt_of, books, make_rate, refusals
from payments.tests.gateway import Gateway, callback_path
from tests.fault_table import CALL_FAULTS, CALLBACK_FAULTS, FAULTS, cells

pytestmark = pytest.mark.django_db

AIRTEL, MOOV = "077 12 34 56", "062 12 34 56"
# Call → gateway, what the patient sends, path of the start call at the gateway.
CALLS = {
    "mypayga payment": ("mypayga", {"phone": AIRTEL}, "/payment"),
    "mypayga network": ("mypayga", {"phone": AIRTEL}, "/network"),
    "mypayga verify": ("mypayga", {"phone": AIRTEL}, "/verify"),
    "singpay 74": ("singpay", {"phone": AIRTEL}, "/74/paiement"),
    "singpay 62": ("singpay", {"phone": MOOV}, "/62/paiement"),
    "singpay ext": ("singpay", {}, "/ext"),
    "singpay by-reference": ("singpay", {}, "/transaction/api/search"),
    "singpay status": ("singpay", {"phone": AIRTEL}, "/transaction/api/status"),
}
SWEPT_AFTER = 40  # seconds: a process that lives has its answer long before


@pytest.fixture(params=["short", pytest.param("production", marks=pytest.mark.soak)])
def pace(request, settings):
    """Seconds of a fault that goes on too long, and of one that does not; with deadlines to match."""
    if request.param == "production":
        return {"timeout": 70, "latency": 2}
    settings.PROVIDER_CONNECT_SECONDS = settings.PROVIDER_READ_SECONDS = 0.3
    settings.PROVIDER_DEADLINE_SECONDS = 0.3
    settings.SINGPAY_PAGE_DEADLINE_SECONDS = 0.6
    return {"timeout": 5, "latency": 0.05}


@pytest.fixture
def world(simulators, settings, api, monkeypatch, pace):
    settings.DEBUG = True  # SingPay's simulated page is not served over TLS
    return lambda call: World(call, simulators, settings, api, monkeypatch, pace)


class World:
    """A patient, a gateway, and one kind of call between us and it."""

    def __init__(self, call, simulators, settings, api, monkeypatch, pace):
        self.name, self.details, self.path = CALLS[call]
        self.gateway, self.pace, self.api = Gateway(simulators, self.name), pace, api
        self.gateway.set(decide_after=100_000)
        if self.name == "singpay":
            self.gateway.service.callback_url = "http://127.0.0.1:1/"
        if call == "mypayga network":
            settings.MYPAYGA_NETWORK_LOOKUP = True
            monkeypatch.setattr(MyPayGa, "network_of", lambda self, phone: None)
        self.rate = make_rate()
        self.patient = make_user(credits=10)

    def fault(self, fault, **arguments):
        if fault != "none":
            self.gateway.fault(fault, path=self.path, seconds=self.pace.get(fault), **arguments)

    def start(self, patient=None):
        body = {"purpose": "rate", "rate": self.rate.pk, "provider": self.name, **self.details}
        client = self.api(patient or self.patient)
        answer = client.post("/api/v1/payments/", body, format="json", headers={"Idempotency-Key": "once"})
        assert answer.status_code == 202
        payment = Payment.objects.get(public_id=answer.json()["id"])
        if payment.status == Status.CREATED:
            submit_payment.call(payment.pk)
        payment.refresh_from_db()
        told = client.get(f"/api/v1/payments/{payment.public_id}/").json()
        assert (told["status"], told["reason"]) == (payment.status, payment.reason or None)
        return payment

    def customer_pays(self, payment):
        """The customer does whatever the gateway asks for; on a page only who has its address can pay."""
        reference = attempt_of(payment).reference
        asked = any(row["reference"] == reference for row in self.gateway.payments())
        if asked and (self.details or payment.checkout_url):
            self.gateway.decide(reference)
            return True
        return False

    def deliver(self, body):
        client = self.api()
        assert (
            client.generic("POST", callback_path(self.name), body, content_type="application/json").status_code == 200
        )
        for message in CallbackMessage.objects.filter(verdict="waiting"):
            process_callback.call(message.pk)

    def sweep(self):
        for payment in Payment.objects.all():
            age(payment, seconds=SWEPT_AFTER)
        for message in CallbackMessage.objects.all():
            age_message(message, seconds=SWEPT_AFTER)
        assert -1 not in sweep().values()

    def close(self, payment):
        """`status (times charged)`, after everything that must agree was compared."""
        payment.refresh_from_db()
        reference = attempt_of(payment).reference
        charged = sum(row["times_charged"] for row in self.gateway.payments() if row["reference"] == reference)
        granted = books(payment.user)["packs"]
        assert granted == ([CREDITS] if payment.status == Status.SUCCEEDED else [])
        assert len(granted) == charged, "what was charged was granted, and nothing else"
        assert Refund.objects.count() == 0
        assert verify_ledger().findings == []
        told = self.api(payment.user).get(f"/api/v1/payments/{payment.public_id}/").json()
        assert (told["status"], told["reason"]) == (payment.status, payment.reason or None)
        return f"{payment.status} ({charged})"


STARTING, ASKING, CALLING_BACK = cells("Starting a payment"), cells("Asking about a payment"), cells("Callbacks")


def test_table_has_every_fault_and_every_call():
    calls, callbacks = {"none"} | CALL_FAULTS, {"none"} | CALLBACK_FAULTS
    starts = {"mypayga payment", "singpay 74", "singpay 62", "singpay ext"}

    assert calls | callbacks | {"wrong_pharmacy"} == {"none"} | FAULTS
    assert {(fault, call) for fault, call, _ in STARTING} == {
        (fault, call) for fault in calls for call in starts | {"mypayga network"}
    }
    assert {(fault, call) for fault, call, _ in ASKING} == {
        (fault, call) for fault in calls for call in CALLS.keys() - starts - {"mypayga network"}
    }
    assert {(fault, call) for fault, call, _ in CALLING_BACK} == {
        (fault, call) for fault in callbacks for call in starts
    }


@pytest.mark.parametrize("fault, call, expected", STARTING, ids=lambda value: value.replace(" ", "-"))
def test_start_ends_as_the_table_says(fault, call, expected, world):
    world = world(call)
    world.fault(fault, count=None if call == "mypayga network" else 1)

    payment = world.start()
    at_once = payment.status
    world.gateway.heal()
    if world.customer_pays(payment):
        world.deliver(world.gateway.callback(attempt_of(payment).reference))
    world.sweep()

    assert f"{at_once} → {world.close(payment)}" == expected
    assert len([c for c in world.gateway.journal()["calls"] if c["method"] == "POST"]) <= 1, "a start is never repeated"


@pytest.mark.parametrize("fault, call, expected", ASKING, ids=lambda value: value.replace(" ", "-"))
def test_question_ends_as_the_table_says(fault, call, expected, world):
    world = world(call)
    payment = world.start()
    assert payment.status == Status.PENDING
    assert world.customer_pays(payment)
    if call == "singpay status":
        world.gateway.fault("error_500", path="/transaction/api/search")
    world.fault(fault)

    world.sweep()
    payment.refresh_from_db()
    during = payment.status
    world.gateway.heal()
    if call == "singpay status":
        world.gateway.fault("error_500", path="/transaction/api/search")
    # The breaker has its own tests; here the service has been well again for a while.
    mypayga._client.cache_clear()
    singpay._client.cache_clear()
    world.sweep()

    assert f"{during} → {world.close(payment)}" == expected


@pytest.fixture
def wire(settings):
    """Everything that a gateway calls back, in the order in which it arrived."""
    arrived = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.append(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    settings.PUBLIC_URL = f"http://127.0.0.1:{server.server_port}"
    yield arrived
    server.shutdown()
    server.server_close()
    thread.join()


ARRIVING = {"none": 2, "duplicate": 4, "reorder": 2, "lost": 0, "late": 2, "forged": 4}


@pytest.mark.parametrize("fault, call, expected", CALLING_BACK, ids=lambda value: value.replace(" ", "-"))
def test_callback_ends_as_the_table_says(fault, call, expected, world, wire):
    world = world(call)
    if world.name == "singpay":
        call_command("register_singpay_callback")
    payments = [world.start(), world.start(make_user())]
    before = {payment.status for payment in payments}
    if fault != "none":
        world.gateway.fault(fault, path=world.path, **({"seconds": 0.2} if fault == "late" else {}))

    for payment in payments:
        assert world.customer_pays(payment)
    give_up = time.monotonic() + 10
    while len(wire) < ARRIVING[fault] and time.monotonic() < give_up:
        time.sleep(0.005)
    assert len(wire) == ARRIVING[fault]
    for body in wire:
        world.deliver(body)
    world.sweep()

    assert {f"{''.join(before)} → {world.close(payment)}" for payment in payments} == {expected}
    assert len(refusals()) == (2 if fault == "forged" else 0)


@pytest.mark.parametrize("call", ["singpay 74", "singpay ext"])
def test_payment_that_singpay_never_received_has_failed_once_it_no_longer_blocks(call, world):
    world = world(call)
    payment = world.start()
    Payment.objects.update(status=Status.UNKNOWN, reason="interrupted")
    world.gateway.service.reset()
    world.sweep()
    payment.refresh_from_db()
    # With an id of its own it did receive it once: then it has merely forgotten.
    assert payment.status == Status.UNKNOWN

    age(payment, minutes=15)
    world.sweep()

    payment.refresh_from_db()
    expected = (Status.UNKNOWN, "interrupted") if world.details else (Status.FAILED, "never_received")
    assert (payment.status, payment.reason) == expected


def test_network_that_the_customer_names_is_not_looked_up(world):
    world = world("mypayga network")
    world.details = {**world.details, "network": Network.MOOV}

    assert world.start().status == Status.PENDING
    assert world.gateway.calls("network") == []

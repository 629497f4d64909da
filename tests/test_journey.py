"""The main job over real HTTP: two web servers, ours and the gateway's, that call each other over sockets.

Afterwards credits, stock, payment and events agree to the last unit.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from django_tasks_db.models import DBTaskResult

from accounts.services.verification import verify_ledger
from accounts.tests.factories import PASSWORD, make_user
from audit.models import Event
from catalog import vocabulary
from catalog.models import Stock
from catalog.tests.factories import ProductFactory
from common.sweeping import sweep
from payments.models import CallbackMessage, Payment, Refund
from payments.providers.mypayga import client as mypayga
from payments.tests.factories import age, make_rate
from payments.tests.gateway import Gateway
from reservations.models import Reservation
from reservations.tests.factories import make_pharmacist, make_pharmacy, make_stock, set_reserve_price

pytestmark = pytest.mark.django_db(transaction=True)

DEADLINE = 20
AIRTEL = "077 12 34 56"
CREDITS, COST, PRICE, BOXES, ON_SHELF = 10, 2, 1_750, 2, 5


class Person:
    """Somebody's phone: signs in, calls, and sends a key of its own with every POST."""

    def __init__(self, base_url: str, email: str) -> None:
        self._base_url = f"{base_url}/api/v1"
        self._session = requests.Session()
        self._session.trust_env = False
        token = self.call("POST", "/auth/login/", {"email": email, "password": PASSWORD})["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200, **params: Any) -> Any:
        response = self._session.request(
            method,
            f"{self._base_url}{path}",
            json=body,
            params=params,
            headers={"Idempotency-Key": uuid.uuid4().hex},
            timeout=DEADLINE,
        )
        assert response.status_code == status, response.text
        return response.json()

    def get(self, path: str, **params: Any) -> Any:
        return self.call("GET", path, **params)

    def post(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        return self.call("POST", path, body, status=status)


def work_off_queue() -> None:
    """What a worker does: every queued task, once."""
    for queued in DBTaskResult.objects.ready():
        queued.task.call(*queued.args_kwargs["args"], **queued.args_kwargs["kwargs"])
        queued.delete()


def eventually(condition: Callable[[], Any]) -> Any:
    """The condition's value once it is true; the web servers work beside us."""
    deadline = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
    return value


@pytest.fixture
def gateway(simulators: Any, live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """MyPayGa, whose customers pay at once, and which calls our own server back."""
    settings.PUBLIC_URL = live_server.url
    monkeypatch.setattr(vocabulary, "_held", None)
    mypayga._client.cache_clear()
    gateway = Gateway(simulators)
    gateway.set(decide_after=0)
    yield gateway
    mypayga._client.cache_clear()


@pytest.fixture
def stock() -> Stock:
    """Five boxes of one medicine, dearer in a pharmacy that is farther away."""
    set_reserve_price(COST)
    product = ProductFactory(code="3400935955838", label="DOLIPRANE 1000 mg, comprimé", substance="PARACÉTAMOL")
    ProductFactory(label="SPASFON 80 mg, comprimé")
    far = make_pharmacy(code="LBV-2", name="Pharmacie du Port", latitude=0.45, longitude=9.50)
    make_stock(far, product=product.code, quantity=9, price=1_900)
    near = make_pharmacy(code="LBV-1", name="Pharmacie des Forestiers", latitude=0.40, longitude=9.45)
    return make_stock(near, product=product.code, quantity=ON_SHELF, price=PRICE)


@pytest.fixture
def patient(live_server: Any, gateway: Gateway) -> Person:
    return Person(live_server.url, make_user(email="patient@example.org", credits=CREDITS).email)


def actions_since(last: int) -> list[str]:
    return list(Event.objects.filter(pk__gt=last).order_by("pk").values_list("action", flat=True))


def newest_event() -> int:
    return Event.objects.latest("pk").pk


def boxes_to_be_had(patient: Person, stock: Stock) -> dict[str, int]:
    offers = patient.get(f"/products/{stock.product_code}/availability/")["results"]
    return {offer["pharmacy"]["code"]: offer["quantity"] for offer in offers}


def pay(patient: Person, purpose: dict[str, Any]) -> Payment:
    """Ask for the money; the customer types the PIN, and the gateway has called us back."""
    known = CallbackMessage.objects.count()
    shown = patient.post("/payments/", {**purpose, "provider": "mypayga", "phone": AIRTEL}, status=202)
    assert shown["status"] == "pending"
    payment = Payment.objects.get(public_id=shown["id"])
    eventually(lambda: CallbackMessage.objects.count() > known)
    return payment


def gateway_took(gateway: Gateway, payment: Payment) -> tuple[int, int]:
    """How much, and how often."""
    told = gateway.payment(payment.attempts.get().reference)
    return told["amount"], told["times_charged"]


def test_patient_finds_reserves_pays_and_collects(live_server, gateway, stock, patient):
    pharmacist = Person(live_server.url, make_pharmacist(stock.pharmacy).email)
    last = newest_event()

    found = patient.get("/products/", q="dolipranne 1000")
    assert found["meta"]["corrected"].split()[0] == "doliprane"
    assert [product["code"] for product in found["results"]] == [stock.product_code]
    offers = patient.get(f"/products/{stock.product_code}/availability/", near="0.39,9.45")["results"]
    assert [(offer["pharmacy"]["code"], offer["quantity"], offer["price"]) for offer in offers] == [
        ("LBV-1", ON_SHELF, PRICE),
        ("LBV-2", 9, 1_900),
    ]
    assert actions_since(last) == [], "looking changes nothing"

    basket = {"pharmacy": "LBV-1", "lines": [{"product": stock.product_code, "quantity": BOXES}]}
    reservation = patient.post("/reservations/", basket, status=201)
    assert (reservation["status"], reservation["payment_status"]) == ("confirmed", "unpaid")
    assert (reservation["total"], reservation["credits_charged"]) == (BOXES * PRICE, COST)
    assert patient.get("/account/")["credits"] == CREDITS - COST
    assert boxes_to_be_had(patient, stock) == {"LBV-1": ON_SHELF - BOXES, "LBV-2": 9}
    assert sorted(actions_since(last)) == ["credits.spend", "reservation.confirmed"]

    last, path = newest_event(), f"/reservations/{reservation['id']}/"
    payment = pay(patient, {"purpose": "reservation", "reservation": reservation["id"]})
    work_off_queue()
    shown = patient.get(f"/payments/{payment.public_id}/")
    assert (shown["status"], shown["amount"], shown["reservation"]) == ("succeeded", BOXES * PRICE, reservation["id"])
    assert shown["phone"] == "+241•••••456"
    assert gateway_took(gateway, payment) == (BOXES * PRICE, 1)
    paid = patient.get(path)
    assert (paid["status"], paid["payment_status"]) == ("confirmed", "paid")
    assert paid["expires_at"] > reservation["expires_at"]
    assert sorted(actions_since(last)) == [
        "callback.received",
        "payment.created",
        "payment.pending",
        "payment.submitting",
        "payment.succeeded",
        "reservation.paid",
    ]

    last = newest_event()
    [at_the_counter] = pharmacist.get("/reservations/", pickup_code=reservation["pickup_code"])["results"]
    assert (at_the_counter["id"], at_the_counter["payment_status"]) == (reservation["id"], "paid")
    pharmacist.post(f"{path}ready/")
    collected = pharmacist.post(f"{path}collect/", {"pickup_code": reservation["pickup_code"]})
    assert (collected["status"], collected["payment_status"]) == ("collected", "paid")
    assert actions_since(last) == ["reservation.ready", "reservation.collected"]

    gateway.redeliver(payment.attempts.get().reference, times=5)
    eventually(lambda: len(gateway.journal()["callbacks"]) == 6)
    work_off_queue()
    for each in Payment.objects.all():
        age(each, hours=80)
    sweep()
    assert patient.get("/account/")["credits"] == CREDITS - COST
    stock.refresh_from_db()
    assert stock.quantity == ON_SHELF - BOXES
    assert boxes_to_be_had(patient, stock) == {"LBV-1": ON_SHELF - BOXES, "LBV-2": 9}
    assert gateway_took(gateway, payment) == (BOXES * PRICE, 1)
    assert [row.status for row in Payment.objects.all()] == ["succeeded"]
    assert Reservation.objects.get().lines.get().held_until is None
    assert Refund.objects.count() == 0
    assert verify_ledger().findings == []
    assert actions_since(last) == ["reservation.ready", "reservation.collected"], "nothing happened after that"


def test_patient_buys_a_pack_of_credits(live_server, gateway, patient):
    rate = make_rate(label="Famille", price=2_500, credits=30)
    last = newest_event()

    assert patient.get("/rates/")["results"][0] == {
        "id": rate.pk,
        "label": "Famille",
        "price": 2_500,
        "currency": "XAF",
        "credits": 30,
    }
    payment = pay(patient, {"purpose": "rate", "rate": rate.pk})
    work_off_queue()

    shown = patient.get(f"/payments/{payment.public_id}/")
    assert (shown["status"], shown["amount"], shown["rate"]) == ("succeeded", 2_500, rate.pk)
    assert gateway_took(gateway, payment) == (2_500, 1)
    account = patient.get("/account/")
    assert account["credits"] == CREDITS + 30
    assert account["rate"] == {"id": rate.pk, "label": "Famille", "price": 2_500, "currency": "XAF", "credits": 30}
    newest = patient.get("/account/entries/", limit=1)["results"][0]
    assert (newest["amount"], newest["balance_after"], newest["kind"]) == (30, CREDITS + 30, "rate")
    assert sorted(actions_since(last)) == [
        "callback.received",
        "credits.rate",
        "payment.created",
        "payment.pending",
        "payment.submitting",
        "payment.succeeded",
    ]
    sweep()
    assert patient.get("/account/")["credits"] == CREDITS + 30
    assert Refund.objects.count() == 0
    assert verify_ledger().findings == []


@pytest.mark.parametrize("behaviour", ["refuses", "wrong_pin", "no_balance"])
def test_patient_who_does_not_pay_keeps_credits_and_may_try_again(behaviour, gateway, patient):
    rate = make_rate()
    gateway.phone("077123456", behaviour)

    payment = pay(patient, {"purpose": "rate", "rate": rate.pk})
    work_off_queue()

    shown = patient.get(f"/payments/{payment.public_id}/")
    assert shown["status"] == "failed"
    assert shown["reason"] == ("declined" if behaviour == "refuses" else behaviour)
    assert patient.get("/account/")["credits"] == CREDITS
    gateway.phone("077123456", "pays")
    again = pay(patient, {"purpose": "rate", "rate": rate.pk})
    work_off_queue()
    assert patient.get(f"/payments/{again.public_id}/")["status"] == "succeeded"
    assert patient.get("/account/")["credits"] == CREDITS + rate.credits


@pytest.mark.parametrize(
    "fault, status, callbacks, refused",
    [
        ("duplicate", "pending", 2, []),
        ("forged", "pending", 2, ["wrong_signature"]),
        ("lost", "pending", 1, []),
        ("reset_after_accept", "unknown", 1, []),
    ],
)
def test_sweep_alone_brings_it_to_the_same_end(fault, status, callbacks, refused, gateway, patient):
    """No worker runs, and the gateway's calls are duplicated, forged, lost, or its answer is."""
    rate = make_rate()
    gateway.fault(fault, count=1)
    body = {"purpose": "rate", "rate": rate.pk, "provider": "mypayga", "phone": AIRTEL}
    shown = patient.post("/payments/", body, status=202)
    assert shown["status"] == status
    eventually(lambda: len(gateway.journal()["callbacks"]) == callbacks)

    for payment in Payment.objects.all():
        age(payment, seconds=30)
    sweep()

    assert patient.get(f"/payments/{shown['id']}/")["status"] == "succeeded"
    assert patient.get("/account/")["credits"] == CREDITS + rate.credits
    refusals = Event.objects.filter(action="callback.refused").values_list("changes", flat=True)
    assert [changes["reason"] for changes in refusals] == refused
    assert Payment.objects.get().attempts.count() == 1
    assert verify_ledger().findings == []

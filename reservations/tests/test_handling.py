"""What patients and pharmacists do with a reservation: who may, in which state, and what it leads to."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.enums import Role
from accounts.tests.factories import balance, make_user
from audit.models import Event
from catalog.models import Stock
from catalog.rows import StockRow
from catalog.services.stock import set_stock
from common.tests.rows import contents
from payments.models import Payment, Refund
from reservations.enums import Status
from reservations.models import Reservation, ReservationLine
from reservations.selectors import held_units
from reservations.tests.factories import (
    make_pharmacist,
    make_pharmacy,
    make_reservation,
    make_stock,
    pay,
    set_reserve_price,
)

pytestmark = pytest.mark.django_db

ACTIONS = ("cancel", "reject", "ready", "collect")
S = Status
WORKS_IN = {
    "cancel": {S.REQUESTED, S.CONFIRMED, S.READY},
    "reject": {S.REQUESTED, S.CONFIRMED, S.READY},
    "ready": {S.CONFIRMED},
    "collect": {S.READY},
}
ENDS_IN = {"cancel": "cancelled", "reject": "rejected", "ready": "ready", "collect": "collected"}


class World:
    """A reservation of two boxes out of ten for three credits, and everybody who could have an interest in it."""

    def __init__(self, api, status=S.CONFIRMED, paid=False):
        set_reserve_price(3)
        self.api = api
        self.stock = make_stock(quantity=10, price=1500)
        self.patient = make_user(credits=10)
        self.reservation = make_reservation(user=self.patient, stock=self.stock, quantity=2, status=status)
        if paid:
            pay(self.reservation)
        self.pharmacist = make_pharmacist(self.stock.pharmacy)

    def person(self, who):
        return {
            "owner": lambda: self.patient,
            "pharmacist": lambda: self.pharmacist,
            "pharmacist elsewhere": lambda: make_pharmacist(make_pharmacy()),
            "stranger": make_user,
            "doctor": lambda: make_user(Role.DOCTOR),
            "staff": lambda: make_user(Role.STAFF),
            "admin": lambda: make_user(Role.ADMIN),
            "nobody": lambda: None,
        }[who]()

    def act(self, action, by, body=None, **headers):
        if body is None:
            body = {
                "reject": {"reason": "Rupture"},
                "collect": {"pickup_code": self.reservation.pickup_code},
            }.get(action, {})
        url = f"/api/v1/reservations/{self.reservation.public_id}/{action}/"
        return self.api(by).post(url, body, format="json", headers=headers)


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_in_every_state(api, action, status):
    world = World(api, status, paid=True)
    actor = world.patient if action == "cancel" else world.pharmacist
    before = contents()

    response = world.act(action, actor)

    if status in WORKS_IN[action]:
        assert response.status_code == 200, response.content
        assert response.json()["status"] == ENDS_IN[action]
        assert Reservation.objects.get().status == ENDS_IN[action]
    else:
        assert (response.status_code, response.json()["code"]) == (409, "illegal_move")
        assert contents() == before


WHO = ["owner", "pharmacist", "pharmacist elsewhere", "stranger", "doctor", "staff", "admin", "nobody"]
HANDLING = dict(zip(WHO, (403, 200, 404, 404, 404, 200, 200, 401), strict=True))
MAY = {
    "cancel": dict(zip(WHO, (200, 403, 404, 404, 404, 200, 200, 401), strict=True)),
    "reject": HANDLING,
    "ready": HANDLING,
    "collect": HANDLING,
}


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("action", ACTIONS)
def test_who_may(api, action, who):
    world = World(api, S.READY if action == "collect" else S.CONFIRMED, paid=True)
    person = world.person(who)
    before = contents()

    response = world.act(action, person)

    assert response.status_code == MAY[action][who], response.content
    if response.status_code == 200:
        assert Reservation.objects.get().status == ENDS_IN[action]
        event = Event.objects.get(action=f"reservation.{ENDS_IN[action]}", changes__new=ENDS_IN[action])
        assert (event.actor_kind, event.actor_id) == ("user", str(person.pk))
    else:
        assert (
            response.json()["code"]
            == {401: "not_authenticated", 403: "permission_denied", 404: "not_found"}[response.status_code]
        )
        assert contents() == before


@pytest.mark.parametrize("action", ["reject", "collect", "ready"])
def test_right_is_asked_before_the_body_is_looked_at(api, action):
    world = World(api)

    assert world.act(action, world.patient, {"x": 1}).status_code == 403
    assert world.act(action, make_user(), {"x": 1}).status_code == 404


def test_former_pharmacist_may_not(api):
    world = World(api)
    world.pharmacist.pharmacy_memberships.all().delete()
    before = contents()

    assert world.act("ready", world.pharmacist).status_code == 404
    assert contents() == before


def test_pharmacist_who_is_the_patient_may_cancel_elsewhere(api):
    world = World(api)
    Reservation.objects.update(user=make_pharmacist(make_pharmacy()))

    assert world.act("cancel", Reservation.objects.get().user).status_code == 200


def test_cancel_gives_credits_back_until_ready(api):
    world = World(api)
    assert world.act("cancel", world.patient).json()["status"] == "cancelled"

    assert balance(world.patient) == 10
    assert held_units([world.stock.pk]) == {}


def test_cancel_of_what_is_ready_gives_no_credits_back(api):
    world = World(api, S.READY)
    assert world.act("cancel", world.patient).status_code == 200

    assert balance(world.patient) == 7
    assert held_units([world.stock.pk]) == {}


def test_cancel_of_what_is_paid_makes_a_refund_due(api):
    world = World(api, paid=True)
    response = world.act("cancel", world.patient)

    assert response.json()["payment_status"] == "refund_due"
    assert list(Refund.objects.values_list("payment__purpose_id", "amount", "status")) == [
        (str(world.reservation.public_id), 3000, "due")
    ]


def test_reject_says_why(api):
    world = World(api)
    response = world.act("reject", world.pharmacist, {"reason": " Rupture de stock "})

    assert (response.json()["status"], response.json()["reason"]) == ("rejected", "Rupture de stock")
    assert balance(world.patient) == 10


@pytest.mark.parametrize(
    "action, body, field, code",
    [
        ("reject", {}, "reason", "required"),
        ("reject", {"reason": " "}, "reason", "blank"),
        ("reject", {"reason": None}, "reason", "null"),
        ("reject", {"reason": "x" * 201}, "reason", "max_length"),
        ("reject", {"reason": ["x"]}, "reason", "invalid"),
        ("reject", {"reason": "x", "status": "collected"}, "status", "unknown_field"),
        ("collect", {}, "pickup_code", "required"),
        ("collect", {"pickup_code": ""}, "pickup_code", "blank"),
        ("collect", {"pickup_code": "A" * 17}, "pickup_code", "max_length"),
        ("collect", {"pickup_code": "AAAAAAAA", "paid": True}, "paid", "unknown_field"),
        ("cancel", {"reason": "x"}, "reason", "unknown_field"),
        ("ready", {"x": 1}, "x", "unknown_field"),
        ("cancel", [1], "", "invalid"),
        ("ready", "x", "", "invalid"),
    ],
)
@pytest.mark.parametrize("with_key", [False, True], ids=["", "key"])
def test_body_that_does_not_fit(api, action, body, field, code, with_key):
    world = World(api, S.READY if action == "collect" else S.CONFIRMED, paid=True)
    before = contents()

    headers = {"Idempotency-Key": "k"} if with_key else {}
    response = world.act(action, world.patient if action == "cancel" else world.pharmacist, body, **headers)

    assert response.status_code == 400
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [(field, code)]
    assert contents() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_broken_body(api, action):
    world = World(api)
    client = api(world.person("admin"))
    before = contents()

    response = client.generic(
        "POST",
        f"/api/v1/reservations/{world.reservation.public_id}/{action}/",
        b'{"reason": ',
        content_type="application/json",
    )

    assert (response.status_code, response.json()["code"]) == (400, "malformed_json")
    assert contents() == before


@pytest.mark.parametrize("action", ["cancel", "ready"])
def test_action_needs_no_body_at_all(api, action):
    world = World(api)
    client = api(world.patient if action == "cancel" else world.pharmacist)

    response = client.generic("POST", f"/api/v1/reservations/{world.reservation.public_id}/{action}/")

    assert response.status_code == 200, response.content


def test_collect_lowers_the_stock_and_ends_the_hold(api):
    world = World(api, S.READY, paid=True)
    response = world.act("collect", world.pharmacist)

    assert (response.json()["status"], response.json()["payment_status"]) == ("collected", "paid")
    assert Stock.objects.get().quantity == 8
    assert ReservationLine.objects.get().held_until is None
    assert balance(world.patient) == 7
    assert not Refund.objects.exists()


@pytest.mark.parametrize("action", ["cancel", "reject", "ready"])
def test_nothing_else_lowers_the_stock(api, action):
    world = World(api)
    world.act(action, world.person("admin"))

    assert Stock.objects.get().quantity == 10


def test_collect_lowers_every_line(api):
    world = World(api, S.READY, paid=True)
    other = make_stock(world.stock.pharmacy, quantity=1)
    ReservationLine.objects.create(
        reservation=world.reservation, stock=other, product_code="x", label="x", quantity=3, unit_price=1
    )
    world.act("collect", world.pharmacist)

    # Somebody miscounted: what is left is nothing, not less.
    assert list(Stock.objects.order_by("pk").values_list("quantity", flat=True)) == [8, 0]


def test_collected_boxes_do_not_come_back_with_a_list_that_was_counted_before(api):
    world = World(api, S.READY, paid=True)
    counted_at = timezone.now()
    world.act("collect", world.pharmacist)
    row = StockRow(world.stock.pharmacy.code, world.stock.product_code, 10, 1400, counted_at)

    overtaken = set_stock([row]).overtaken

    assert overtaken == {(world.stock.pharmacy.code, world.stock.product_code)}
    assert Stock.objects.values_list("quantity", "price").get() == (8, 1500)


def test_collect_of_what_is_no_longer_listed(api):
    world = World(api, S.READY, paid=True)
    ReservationLine.objects.update(stock=None)

    assert world.act("collect", world.pharmacist).status_code == 200
    assert Stock.objects.get().quantity == 10


@pytest.mark.parametrize("typed", [str.lower, lambda code: f" {code[:4]}-{code[4:]} "])
def test_collect_with_the_code_as_people_type_it(api, typed):
    world = World(api, S.READY, paid=True)

    response = world.act("collect", world.pharmacist, {"pickup_code": typed(world.reservation.pickup_code)})
    assert response.status_code == 200


@pytest.mark.parametrize("code", ["AAAAAAAA", "é", "💊", "A"])
def test_collect_with_another_code(api, code):
    world = World(api, S.READY, paid=True)
    before = contents()

    response = world.act("collect", world.pharmacist, {"pickup_code": code})
    assert (response.status_code, response.json()["code"]) == (400, "wrong_pickup_code")
    assert contents() == before


def test_collect_of_what_is_not_paid(api):
    world = World(api, S.READY)
    before = contents()

    response = world.act("collect", world.pharmacist)
    assert (response.status_code, response.json()["code"]) == (409, "payment_required")
    assert contents() == before


@pytest.mark.parametrize("action, status", [("ready", S.CONFIRMED), ("collect", S.READY)])
def test_nothing_is_handed_out_after_its_time_even_before_the_sweep(api, action, status):
    world = World(api, status, paid=True)
    Reservation.objects.update(expires_at=timezone.now())
    before = contents()

    response = world.act(action, world.pharmacist)
    assert (response.status_code, response.json()["code"]) == (409, "illegal_move")
    assert contents() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_repeat_under_the_same_key_gets_the_same_answer(api, action):
    world = World(api, S.READY if action == "collect" else S.CONFIRMED, paid=True)
    actor = world.patient if action == "cancel" else world.pharmacist
    first = world.act(action, actor, **{"Idempotency-Key": "k"})
    after = contents()

    again = world.act(action, actor, **{"Idempotency-Key": "k"})

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.content == first.content
    assert contents() == after
    assert world.act(action, actor).status_code == 409


@pytest.mark.parametrize("action", ACTIONS)
def test_reservation_that_does_not_exist(api, action):
    world = World(api)
    world.reservation.public_id = uuid.uuid4()
    before = contents()

    for person in (world.patient, world.pharmacist):
        response = world.act(action, person)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert contents() == before


def test_pending_payment_is_told(api):
    world = World(api)
    payment = pay(world.reservation)
    Payment.objects.filter(pk=payment.pk).update(status="pending", settled_at=None)
    Reservation.objects.update(paid_at=None, expires_at=timezone.now() + timedelta(hours=1))

    response = api(world.patient).get(f"/api/v1/reservations/{world.reservation.public_id}/")
    assert response.json()["payment_status"] == "pending"

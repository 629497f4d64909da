"""Reserving where EPG has the last word, against the simulator over sockets."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts.enums import Role
from accounts.models import CreditEntry, PriceList
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from audit.models import Event
from catalog.models import Stock
from catalog.tests.factories import ProductFactory
from catalog.tests.supervisor import RESERVATION
from common.errors import Forbidden
from common.sweeping import sweep
from common.tests.rows import contents
from payments.models import Refund
from reservations.enums import EpgStatus, EpgTask, Status
from reservations.models import EpgRequest, Reservation, ReservationLine
from reservations.selectors import held_units
from reservations.services import handling
from reservations.services.epg import asking, resolving
from reservations.tests.factories import make_pharmacist, make_stock, pay, set_reserve_price
from tests.fault_table import FAULTS, rows
from tests.threads import kill_connection, run_together

pytestmark = pytest.mark.django_db

URL = "/api/v1/reservations/"


@pytest.fixture
def patient():
    set_reserve_price(2)
    return make_user(credits=10, first_name="Aïcha", last_name="Ndong", phone="+24177123456")


@pytest.fixture
def post(api, patient):
    client = api(patient)

    def send(*stocks, key="once", quantity=2):
        body = {
            "pharmacy": stocks[0].pharmacy.code,
            "lines": [{"product": stock.product_code, "quantity": quantity} for stock in stocks],
        }
        return client.post(URL, body, format="json", headers={"Idempotency-Key": key})

    return send


def state():
    """The reservation, its request and what is left to do, in one line."""
    request = EpgRequest.objects.select_related("reservation").get()
    return request.reservation.status, request.status, request.task


def later(**duration):
    """So much time passes for everything that waits."""
    ago = timedelta(**duration)
    for reservation in Reservation.objects.all():
        reservation.expires_at -= ago
        reservation.save()
    EpgRequest.objects.filter(next_at__isnull=False).update(next_at=F("next_at") - ago)


def actions():
    return list(Event.objects.filter(entity="reservation").order_by("pk").values_list("action", flat=True))


def make_unknown(post, epg, stock=None):
    """A request that was carried out there, as far as nobody here can tell."""
    stock = stock or epg.stock()
    epg.fault("error_after_effect", RESERVATION, count=1)
    post(stock)
    return EpgRequest.objects.get()


def test_epg_confirms_under_its_own_number(post, epg, patient, settings):
    stock = epg.stock(price=1500)
    before = timezone.now()

    answer = post(stock)

    assert answer.status_code == 202
    shown = answer.json()
    assert (shown["status"], shown["total"], shown["credits_charged"]) == ("confirmed", 3000, 2)
    (there,) = epg.reservations()
    assert shown["pharmacy_reference"] == there["reservation"]
    assert {name: there[name] for name in ("pharmacy", "buyer", "buyerPhone", "buyerEmail", "produits", "ttc")} == {
        "pharmacy": stock.pharmacy.epg_id,
        "buyer": "Aïcha Ndong",
        "buyerPhone": "+24177123456",
        "buyerEmail": patient.email,
        "produits": [{"cip": stock.product_code, "quantity": 2}],
        "ttc": 3000,
    }
    assert epg.calls(RESERVATION)[0]["status"] == 200
    assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.NONE)
    assert Reservation.objects.get().expires_at >= before + settings.HOLD_UNPAID
    assert balance(patient) == 8
    assert actions() == [
        "reservation.requested",
        "epg_request.calling",
        "epg_request.confirmed",
        "reservation.confirmed",
    ]


def test_number_is_shown_wherever_the_reservation_is(post, epg, api, patient):
    post(epg.stock())
    number = epg.reservations()[0]["reservation"]

    shown = api(patient).get(URL).json()["results"][0]
    assert shown["pharmacy_reference"] == number
    one = api(patient).get(f"{URL}{shown['id']}/").json()
    assert one["pharmacy_reference"] == number
    cancelled = api(patient).post(f"{URL}{shown['id']}/cancel/").json()
    assert (cancelled["status"], cancelled["pharmacy_reference"]) == ("cancelled", number)


def test_patient_without_name_and_phone(post, epg, patient):
    patient.first_name = patient.last_name = patient.phone = ""
    patient.save()

    assert post(epg.stock()).json()["status"] == "confirmed"
    assert (epg.reservations()[0]["buyer"], epg.reservations()[0]["buyerPhone"]) == (patient.email, "non renseigné")


def test_epg_refuses_and_credits_return(post, epg, patient):
    stock = epg.stock(boxes=1)

    shown = post(stock).json()

    assert (shown["status"], shown["reason"]) == ("rejected", "La pharmacie ne peut pas servir cette réservation.")
    assert state() == (Status.REJECTED, EpgStatus.REFUSED, EpgTask.NONE)
    assert "Stock insuffisant" in EpgRequest.objects.get().answer
    assert balance(patient) == 10
    assert epg.reservations() == []


def test_our_own_count_is_not_asked_and_not_held(post, epg):
    stock = epg.stock(boxes=5)

    assert post(stock).json()["status"] == "confirmed"
    assert held_units([stock.pk]) == {}
    line = ReservationLine.objects.get()
    assert (line.stock_id, line.held_until, line.unit_price) == (None, None, 1500)


def test_collecting_leaves_our_own_count_alone(post, epg):
    stock = epg.stock(quantity=4)
    post(stock)
    reservation = Reservation.objects.get()
    staff = make_user(Role.STAFF)
    handling.mark_ready(reservation, by=staff)
    pay(reservation)

    handling.collect(reservation, pickup_code=reservation.pickup_code, by=staff)

    assert state() == (Status.COLLECTED, EpgStatus.CONFIRMED, EpgTask.NONE)
    assert Stock.objects.get().quantity == 4


@pytest.mark.parametrize("price", [None, "no row"])
def test_without_a_price_of_ours_nothing_is_reserved(price, post, epg):
    stock = epg.stock()
    if price is None:
        Stock.objects.update(price=None)
    else:
        Stock.objects.all().delete()
    before = contents()

    answer = post(stock)

    assert (answer.status_code, answer.json()["code"]) == (409, "price_unknown")
    assert [error["field"] for error in answer.json()["errors"]] == ["lines.0.product"]
    assert contents() == before
    assert epg.calls(RESERVATION) == []


def test_house_codes_of_the_same_pharmacy_are_held_here(post, epg, patient):
    at_epg = epg.stock(price=1500)
    here = make_stock(at_epg.pharmacy, product=ProductFactory(code="CREME-1").code, quantity=5, price=1000)

    shown = post(at_epg, here).json()

    assert (shown["status"], shown["total"]) == ("confirmed", 5000)
    assert epg.reservations()[0]["produits"] == [{"cip": at_epg.product_code, "quantity": 2}]
    assert held_units([here.pk]) == {here.pk: 2}
    assert EpgRequest.objects.get().task == EpgTask.NONE, "its total is compared with what it was asked for"
    handling.cancel(Reservation.objects.get(), by=patient)
    assert held_units([here.pk]) == {}


def test_basket_of_house_codes_asks_nobody(post, epg):
    here = make_stock(epg.pharmacy(), product=ProductFactory(code="CREME-1").code)

    assert post(here).status_code == 201
    assert (EpgRequest.objects.count(), epg.calls(RESERVATION)) == (0, [])


def test_without_an_address_the_pharmacy_has_local_stock(post, epg, settings):
    stock = epg.stock(quantity=5)
    settings.EPG_URL = ""

    assert post(stock).status_code == 201
    assert held_units([stock.pk]) == {stock.pk: 2}


def test_switched_off_between_intent_and_call_nobody_pays(post, epg, patient, settings, monkeypatch):
    monkeypatch.setattr("reservations.api.views.submit", lambda reservation_id: None)
    post(epg.stock())
    settings.EPG_URL = ""

    asking.submit(Reservation.objects.get().pk)

    assert state() == (Status.REJECTED, EpgStatus.UNSENT, EpgTask.NONE)
    assert balance(patient) == 10


def test_another_total_is_a_task_and_not_the_patients(post, epg):
    stock = epg.stock(price=1500)
    epg.change(stock, price=1600)

    shown = post(stock).json()

    assert (shown["status"], shown["total"]) == ("confirmed", 3000)
    assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.PRICE)
    request = EpgRequest.objects.get()
    assert request.ttc == 3200
    resolving.close_task(request, by=make_user(Role.STAFF))
    assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.NONE)
    assert actions()[-1] == "epg_request.task_closed"


# What the simulator does before it spoils its answer.
CARRIED_OUT = {"garbage", "timeout", "reset_after_accept", "error_after_effect", "truncated", "huge"}


def test_table_of_faults_is_complete():
    assert sorted(row[0] for row in rows("EPG: reservation")) == sorted(FAULTS)


@pytest.mark.parametrize(("fault", "status", "request_status", "credits"), rows("EPG: reservation"))
def test_every_fault_ends_in_a_legal_state_within_the_deadline_plus_one_sweep(
    fault, status, request_status, credits, post, epg, patient, settings
):
    settings.EPG_RESERVATION_SECONDS = 1
    epg.fault(fault, RESERVATION, **({"seconds": 0.1} if fault == "latency" else {}))

    shown = post(epg.stock()).json()
    sweep()

    is_unknown = request_status == "unknown"
    assert state() == (status, request_status, EpgTask.RESOLVE if is_unknown else EpgTask.NONE)
    assert shown["status"] == status
    assert (shown["pharmacy_reference"] is not None) == (status == "confirmed")
    assert (shown["reason"] is not None) == (status == "rejected")
    assert balance(patient) == {"kept": 8, "returned": 10}[credits]
    upstream = len(epg.reservations())
    assert upstream == (status == "confirmed" or fault in CARRIED_OUT)

    # It stays so however often the sweep comes by, and ends with the patient's credits where nobody helps.
    epg.heal()
    calls = len(epg.calls(RESERVATION))
    for _again in range(3):
        later(hours=1)
        sweep()
    assert state()[1] == request_status
    assert balance(patient) == (8 if status == "confirmed" else 10)
    assert (len(epg.reservations()), len(epg.calls(RESERVATION))) == (upstream, calls)
    assert calls == 1 or fault == "rate_limit"
    assert verify_ledger().findings == []


def test_silence_longer_than_the_deadline_is_unknown(post, epg, settings):
    settings.EPG_RESERVATION_SECONDS = 0.3
    epg.fault("latency", RESERVATION, seconds=1)

    assert post(epg.stock()).json()["status"] == "requested"
    assert state()[1] == EpgStatus.UNKNOWN


def test_nobody_listens_and_credits_return(post, epg, patient, settings):
    stock = epg.stock()
    settings.EPG_URL = "http://127.0.0.1:1"
    settings.EPG_RESERVATION_SECONDS = 0.7

    shown = post(stock).json()

    assert (shown["status"], shown["reason"]) == ("rejected", "La pharmacie n'a pas pu être jointe.")
    assert state() == (Status.REJECTED, EpgStatus.UNSENT, EpgTask.NONE)
    assert balance(patient) == 10


def test_what_was_never_taken_on_is_tried_again_within_the_deadline(post, epg):
    epg.fault("rate_limit", RESERVATION, count=2)

    assert post(epg.stock()).json()["status"] == "confirmed"
    assert [call["status"] for call in epg.calls(RESERVATION)] == [429, 429, 200]
    assert len(epg.reservations()) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"result": None},
        {"result": {"ttc": 5}},
        {"result": {"reservation": ""}},
        {"result": {"reservation": "x" * 65}},
        {"result": {"reservation": True}},
        {"result": {"reservation": "R\x00"}},
    ],
)
def test_answer_that_cannot_be_read_is_unknown(body, post, epg, simulators):
    stock = epg.stock()
    _answers(simulators, body)

    assert post(stock).json()["status"] == "requested"
    assert state() == (Status.REQUESTED, EpgStatus.UNKNOWN, EpgTask.RESOLVE)


@pytest.mark.parametrize(
    ("ttc", "understood"),
    [(3000, 3000), ("3000", 3000), (3000.0, 3000), (3000.5, None), (-1, None), (None, None), (True, None)],
)
def test_total_in_all_its_shapes(ttc, understood, post, epg, simulators):
    stock = epg.stock()
    _answers(simulators, {"result": {"reservation": 4711, "ttc": ttc}})

    assert post(stock).json()["pharmacy_reference"] == "4711"
    assert EpgRequest.objects.get().ttc == understood
    assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.NONE)


def test_no_with_http_200_is_a_no(post, epg, simulators, patient):
    stock = epg.stock()
    _answers(simulators, {"success": False, "errors": ["Rupture"]})

    assert post(stock).json()["status"] == "rejected"
    assert balance(patient) == 10


def _answers(simulators, body):
    """Have EPG's next answers to a reservation carry this body, whatever happened."""
    service = simulators.services["epg"]
    genuine = service.reserve

    def reserve(request):
        answer = genuine(request)
        return type(answer)(200, json.dumps(body).encode())

    service.reserve = reserve


@pytest.mark.django_db(transaction=True)
def test_repeat_while_the_call_runs_waits_and_afterwards_has_the_final_answer(post, epg, api):
    stock = epg.stock()
    epg.fault("latency", RESERVATION, seconds=0.5, count=1)
    first = []
    thread = threading.Thread(target=lambda: (first.append(post(stock)), connection.close()))
    thread.start()
    while not epg.calls(RESERVATION):
        pass

    meanwhile = post(stock)
    thread.join(timeout=30)
    again = post(stock)

    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "idempotency_key_in_use")
    assert meanwhile.headers["Retry-After"] == "1"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first[0].json()
    assert again.json()["status"] == "confirmed"
    assert len(epg.reservations()) == Reservation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races")
@pytest.mark.parametrize("claimed", [True, False])
def test_twenty_who_would_call_call_once(claimed, post, epg, monkeypatch):
    monkeypatch.setattr("reservations.api.views.submit", lambda reservation_id: None)
    post(epg.stock(boxes=100))
    pk = Reservation.objects.get().pk
    if not claimed:
        # Without the claim everybody calls: so the test would see it.
        order = asking._claim(pk)
        EpgRequest.objects.update(status=EpgStatus.CREATED)
        monkeypatch.setattr(asking, "_claim", lambda reservation_id: order)

    run_together(20, lambda number: asking.submit(pk))

    assert len(epg.reservations()) == (1 if claimed else 20)


def test_cancelled_before_the_call_nobody_is_called(post, epg, patient, monkeypatch):
    monkeypatch.setattr("reservations.api.views.submit", lambda reservation_id: None)
    post(epg.stock())
    handling.cancel(Reservation.objects.get(), by=patient)

    later(minutes=1)
    sweep()

    assert state() == (Status.CANCELLED, EpgStatus.UNSENT, EpgTask.NONE)
    assert epg.calls(RESERVATION) == []
    assert balance(patient) == 10


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_confirmation_that_comes_after_the_end_is_a_task(end, post, epg, patient, monkeypatch):
    stock = epg.stock()
    genuine = asking.adapter.reserve

    def reserve_while_it_ends(order, *, deadline):
        reply = genuine(order, deadline=deadline)
        if end == "cancel":
            handling.cancel(Reservation.objects.get(), by=patient)
        else:
            later(hours=2)
            sweep()
        return reply

    monkeypatch.setattr(asking.adapter, "reserve", reserve_while_it_ends)

    shown = post(stock).json()

    ended = Status.CANCELLED if end == "cancel" else Status.EXPIRED
    assert shown["status"] == ended
    assert state() == (ended, EpgStatus.CONFIRMED, EpgTask.RELEASE)
    assert EpgRequest.objects.get().number == epg.reservations()[0]["reservation"]
    assert balance(patient) == 10


@pytest.mark.parametrize("end", ["cancel", "reject", "expire"])
def test_end_of_a_confirmed_one_is_a_task_because_epg_takes_nothing_back(end, post, epg, patient):
    post(epg.stock())
    reservation = Reservation.objects.get()
    if end == "cancel":
        handling.cancel(reservation, by=patient)
    elif end == "reject":
        handling.reject(reservation, reason="x", by=make_user(Role.STAFF))
    else:
        later(hours=2)
        sweep()

    assert state()[1:] == (EpgStatus.CONFIRMED, EpgTask.RELEASE)
    resolving.close_task(EpgRequest.objects.get(), by=make_user(Role.STAFF))
    assert state()[1:] == (EpgStatus.CONFIRMED, EpgTask.NONE)


def test_paid_and_then_rejected_is_refunded(post, epg):
    post(epg.stock())
    reservation = Reservation.objects.get()
    pay(reservation)

    handling.reject(reservation, reason="x", by=make_user(Role.STAFF))

    assert Refund.objects.get().amount == 3000
    assert state()[1:] == (EpgStatus.CONFIRMED, EpgTask.RELEASE)


def test_unknown_expires_with_the_credits_and_stays_a_task(post, epg, patient):
    make_unknown(post, epg)

    later(hours=2)
    sweep()

    assert state() == (Status.EXPIRED, EpgStatus.UNKNOWN, EpgTask.RESOLVE)
    assert balance(patient) == 10
    assert CreditEntry.objects.filter(kind="refund").count() == 1


def test_staff_found_it_under_a_number(post, epg, patient, settings):
    request = make_unknown(post, epg)
    staff = make_user(Role.STAFF)
    later(minutes=90)
    before = timezone.now()

    resolving.found_upstream(request, number=" R000001 ", ttc=3000, by=staff)

    assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.NONE)
    assert EpgRequest.objects.get().number == "R000001"
    assert Reservation.objects.get().expires_at >= before + settings.HOLD_UNPAID
    assert balance(patient) == 8


def test_staff_found_it_too_late(post, epg, patient):
    request = make_unknown(post, epg)
    later(hours=2)
    sweep()

    resolving.found_upstream(request, number="R000001", by=make_user(Role.STAFF))

    assert state() == (Status.EXPIRED, EpgStatus.CONFIRMED, EpgTask.RELEASE)
    assert balance(patient) == 10


def test_staff_did_not_find_it(post, epg, patient):
    request = make_unknown(post, epg)

    resolving.not_found_upstream(request, reason="La pharmacie n'en sait rien.", by=make_user(Role.STAFF))

    assert state() == (Status.REJECTED, EpgStatus.REFUSED, EpgTask.NONE)
    assert Reservation.objects.get().reason == "La pharmacie n'en sait rien."
    assert balance(patient) == 10


def test_answer_after_staff_have_looked_in_vain_is_the_truth(post, epg, patient):
    request = make_unknown(post, epg)
    resolving.not_found_upstream(request, reason="x", by=make_user(Role.STAFF))

    asking.record(request.reservation_id, asking.adapter.Reply(asking.adapter.Outcome.CONFIRMED, number="R1"))

    assert state() == (Status.REJECTED, EpgStatus.CONFIRMED, EpgTask.RELEASE)
    assert balance(patient) == 10


@pytest.mark.parametrize("outcome", asking.adapter.Outcome)
def test_what_staff_have_found_stands(outcome, post, epg, patient):
    request = make_unknown(post, epg)
    resolving.found_upstream(request, number="R9", by=make_user(Role.STAFF))

    asking.record(request.reservation_id, asking.adapter.Reply(outcome, number="R1", answer="late"))

    assert state() == (Status.CONFIRMED, EpgStatus.CONFIRMED, EpgTask.NONE)
    assert (EpgRequest.objects.get().number, EpgRequest.objects.get().answer) == ("R9", "late")
    assert balance(patient) == 8


def test_only_who_handles_the_reservation_resolves(post, epg, patient):
    request = make_unknown(post, epg)
    before = contents()

    for person in (patient, make_user(), make_pharmacist(epg.pharmacy())):
        for work in (
            lambda by=person: resolving.found_upstream(request, number="R1", by=by),
            lambda by=person: resolving.not_found_upstream(request, reason="x", by=by),
            lambda by=person: resolving.close_task(request, by=by),
        ):
            with pytest.raises(Forbidden):
                work()
    assert {name: rows for name, rows in contents().items() if name.startswith("reservations.")} == {
        name: rows for name, rows in before.items() if name.startswith("reservations.")
    }
    resolving.found_upstream(request, number="R1", by=make_pharmacist(request.pharmacy))
    assert state()[1] == EpgStatus.CONFIRMED


@pytest.mark.parametrize("count", [1, 3])
def test_list_takes_the_same_queries_with_and_without_epg(count, post, epg, api, patient, django_assert_num_queries):
    stock = epg.stock(boxes=100)
    for number in range(count):
        post(stock, key=f"{number}")
    client = api(patient)

    with django_assert_num_queries(6):
        assert len(client.get(URL).json()["results"]) == count


def test_epg_down_leaves_local_pharmacies_alone_and_waits_for_nobody(post, epg, api):
    at_epg, local = epg.stock(), make_stock()
    PriceList.objects.all().delete()
    epg.fault("error_500")
    for number in range(6):
        post(at_epg, key=f"epg-{number}")

    assert len(epg.calls(RESERVATION)) == 5, "the breaker is open: the sixth was turned away at once"
    assert Reservation.objects.latest("pk").status == Status.REJECTED
    assert post(local, key="local").status_code == 201
    assert api().get("/health").json()["status"] == "degraded"
    assert api().get(f"/api/v1/products/{local.product_code}/availability/").json()["results"][0]["source"] == "stock"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite is in the same process")
def test_answer_survives_a_connection_that_is_lost_as_it_is_written(post, epg, patient, monkeypatch):
    genuine = asking.record

    def record(*args):
        if len(tries) == 0:
            tries.append(1)
            kill_connection()
        genuine(*args)

    tries = []
    monkeypatch.setattr(asking, "record", record)

    assert post(epg.stock(boxes=5)).json()["status"] == "confirmed"
    assert (len(tries), len(epg.reservations()), balance(patient)) == (1, 1, 8)

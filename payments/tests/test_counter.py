"""Money over the counter: who may say that it was paid, and what that gives."""

import pytest

from accounts.enums import Role
from accounts.tests.factories import make_user
from audit.models import Event
from common.tests.rows import contents
from payments.enums import Status
from payments.models import Payment, Refund
from payments.services import asking
from payments.services.starting import create_payment, submit
from payments.tests.factories import AIRTEL, age, make_rate
from reservations.models import Reservation
from reservations.tests.factories import make_pharmacist, make_pharmacy, make_reservation

pytestmark = pytest.mark.django_db
PAYMENTS = "/api/v1/payments/"


@pytest.fixture
def patient():
    return make_user(credits=10)


@pytest.fixture
def reservation(patient):
    return make_reservation(user=patient)


@pytest.fixture
def pharmacist(reservation):
    return make_pharmacist(reservation.pharmacy)


@pytest.fixture
def payment(reservation, patient):
    asked = create_payment(
        patient, purpose="reservation", purpose_id=str(reservation.public_id), provider="counter", phone=""
    )
    return submit(asked.pk)


def confirm(api, user, payment):
    return api(user).post(f"{PAYMENTS}{payment.public_id}/confirm/", format="json")


def test_patient_says_that_she_will_pay_at_the_pharmacy(api, patient, reservation):
    body = {"purpose": "reservation", "reservation": str(reservation.public_id), "provider": "counter"}

    answer = api(patient).post(PAYMENTS, body, format="json", headers={"Idempotency-Key": "once"})

    told = answer.json()
    assert answer.status_code == 202
    assert (told["status"], told["amount"], told["provider"]) == ("pending", reservation.total, "counter")
    assert (told["phone"], told["network"], told["checkout_url"]) == (None, None, None)


def test_pack_of_credits_is_not_sold_over_a_counter(api, patient):
    body = {"purpose": "rate", "rate": make_rate().pk, "provider": "counter"}

    answer = api(patient).post(PAYMENTS, body, format="json", headers={"Idempotency-Key": "once"})

    assert (answer.status_code, answer.json()["code"]) == (400, "provider_not_offered")
    assert [error["field"] for error in answer.json()["errors"]] == ["provider"]
    assert Payment.objects.count() == 0


@pytest.mark.parametrize("who", ["pharmacist", "staff"])
def test_whoever_takes_the_money_confirms_it(who, api, payment, pharmacist, reservation):
    user = pharmacist if who == "pharmacist" else make_user(Role.STAFF)

    answer = confirm(api, user, payment)

    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    reservation.refresh_from_db()
    assert reservation.paid_at is not None
    event = Event.objects.get(action="payment.succeeded")
    assert (event.actor_id, event.changes["provider"], event.amount) == (str(user.pk), "counter", reservation.total)
    assert Event.objects.filter(action="reservation.paid").count() == 1


CAST = {
    "owner": 403,
    "stranger": 404,
    "pharmacist elsewhere": 404,
    "pharmacist no longer": 404,
    "doctor": 404,
}


@pytest.mark.parametrize("who", CAST)
def test_nobody_else_confirms_it(who, api, payment, patient, pharmacist, reservation):
    user = {
        "owner": lambda: patient,
        "stranger": make_user,
        "pharmacist elsewhere": lambda: make_pharmacist(make_pharmacy()),
        "pharmacist no longer": lambda: pharmacist,
        "doctor": lambda: make_user(Role.DOCTOR),
    }[who]()
    if who == "pharmacist no longer":
        pharmacist.pharmacy_memberships.all().delete()
    before = contents()

    assert confirm(api, user, payment).status_code == CAST[who]
    assert contents() == before


@pytest.mark.parametrize("role", [Role.PHARMACIST, Role.STAFF])
def test_nobody_confirms_their_own(role, api):
    reservation = make_reservation(user=make_user(role))
    own = reservation.user
    if role == Role.PHARMACIST:
        own.pharmacy_memberships.create(pharmacy=reservation.pharmacy)
    payment = submit(
        create_payment(own, purpose="reservation", purpose_id=str(reservation.public_id), provider="counter").pk
    )

    assert confirm(api, own, payment).status_code == 403
    assert api(own).post(f"/api/v1/reservations/{reservation.public_id}/pay/", format="json").status_code == 403
    assert Payment.objects.get().status == Status.PENDING


def test_confirmed_twice_is_paid_once(api, payment, pharmacist):
    assert confirm(api, pharmacist, payment).status_code == 200

    again = confirm(api, pharmacist, payment)

    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
    assert Event.objects.filter(action="payment.succeeded").count() == 1
    assert Refund.objects.count() == 0


def test_money_is_not_taken_for_what_is_gone(api, payment, pharmacist, reservation):
    Reservation.objects.update(status="cancelled")

    answer = confirm(api, pharmacist, payment)

    assert (answer.status_code, answer.json()["code"]) == (409, "not_payable")
    payment.refresh_from_db()
    assert payment.status == Status.PENDING


def test_payment_of_a_gateway_is_not_confirmed_by_hand(api, patient, reservation, pharmacist):
    payment = create_payment(
        patient, purpose="reservation", purpose_id=str(reservation.public_id), provider="mypayga", phone=AIRTEL
    )
    Payment.objects.update(status=Status.PENDING)

    answer = confirm(api, pharmacist, payment)

    assert (answer.status_code, answer.json()["code"]) == (409, "not_by_hand")
    payment.refresh_from_db()
    assert payment.status == Status.PENDING


def test_confirmation_refuses_a_body(api, payment, pharmacist):
    url = f"{PAYMENTS}{payment.public_id}/confirm/"

    answer = api(pharmacist).post(url, {"amount": 1}, format="json")

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_field")


# At the counter, with the reservation in hand


def pay(api, user, reservation, key="once"):
    url = f"/api/v1/reservations/{reservation.public_id}/pay/"
    return api(user).post(url, format="json", headers={"Idempotency-Key": key})


@pytest.mark.parametrize("asked", [False, True])
def test_pharmacist_takes_the_money_for_a_reservation(asked, api, request, reservation, pharmacist):
    if asked:
        request.getfixturevalue("payment")

    answer = pay(api, pharmacist, reservation)

    assert (answer.status_code, answer.json()["payment_status"]) == (200, "paid")
    payment = Payment.objects.get()
    assert (payment.status, payment.provider, payment.amount) == ("succeeded", "counter", reservation.total)
    assert payment.user_id == reservation.user_id
    assert pay(api, pharmacist, reservation).headers["Idempotent-Replayed"] == "true"
    again = pay(api, pharmacist, reservation, key="twice")
    assert (again.status_code, again.json()["code"]) == (409, "already_paid")
    assert Payment.objects.count() == 1


def test_money_is_not_taken_while_the_phone_asks_for_it(api, patient, reservation, pharmacist):
    create_payment(
        patient, purpose="reservation", purpose_id=str(reservation.public_id), provider="mypayga", phone=AIRTEL
    )
    before = contents()

    answer = pay(api, pharmacist, reservation)

    assert (answer.status_code, answer.json()["code"]) == (409, "payment_pending")
    assert contents() == before


@pytest.mark.parametrize("who, status", [("owner", 403), ("stranger", 404), ("pharmacist elsewhere", 404)])
def test_nobody_else_takes_money(who, status, api, reservation, patient):
    user = {
        "owner": lambda: patient,
        "stranger": make_user,
        "pharmacist elsewhere": lambda: make_pharmacist(make_pharmacy()),
    }[who]()
    before = contents()

    assert pay(api, user, reservation).status_code == status
    assert contents() == before


def test_collected_after_paying_at_the_counter(api, reservation, pharmacist):
    client = api(pharmacist)
    url = f"/api/v1/reservations/{reservation.public_id}/"
    assert client.post(f"{url}ready/", format="json").status_code == 200
    body = {"pickup_code": reservation.pickup_code}
    assert client.post(f"{url}collect/", body, format="json").status_code == 409

    assert pay(api, pharmacist, reservation).status_code == 200

    assert client.post(f"{url}collect/", body, format="json").json()["status"] == "collected"


def test_sweep_leaves_it_to_the_counter(payment):
    age(payment, minutes=1)

    assert asking.ask_due() == 1

    payment.refresh_from_db()
    assert payment.status == Status.PENDING

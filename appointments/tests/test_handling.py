"""What becomes of an appointment: who may do what to it, and what comes back when it ends early."""

import uuid
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.enums import Role
from accounts.services.verification import verify_ledger
from accounts.tests.factories import balance, make_user
from appointments.admin.booking import AppointmentAdmin
from appointments.enums import PaidWith, Status
from appointments.models import Appointment, Practitioner, VisitType
from appointments.purpose import AppointmentPurpose
from appointments.services.expiry import expire_overdue
from appointments.tests.factories import at, body, make_appointment, make_practitioner, pay, set_book_price
from audit.models import Event
from payments.models import Payment, PaymentAttempt, Refund
from payments.services.refunds import request_refund
from payments.services.starting import create_payment, submit

pytestmark = pytest.mark.django_db

URL = "/api/v1/appointments/"


def url(appointment, action=""):
    return f"{URL}{appointment.public_id}/{action}{'/' if action else ''}"


def code(response):
    return response.status_code, response.json().get("code")


def offered_in_the_back_office(appointment, user):
    client = Client()
    client.force_login(user)
    page = client.get(reverse("admin:appointments_appointment_change", args=[appointment.pk])).content.decode()
    address = {
        name: reverse(f"admin:appointments_appointment_{name}", args=[appointment.pk])
        for name in AppointmentAdmin.actions_detail
    }
    return {name for name, action in address.items() if action in page}


@pytest.mark.parametrize("who, status", [("doctor", 200), ("staff", 200), ("patient", 403), ("stranger", 404)])
@pytest.mark.parametrize(
    "action, old, new", [("confirm", "booked", "confirmed"), ("complete", "confirmed", "completed")]
)
def test_doctor_and_staff_handle(api, who, status, action, old, new):
    row = make_appointment(status=Status(old), starts_at=timezone.now() - timedelta(minutes=20))
    person = {
        "doctor": lambda: row.practitioner.user,
        "staff": lambda: make_user(Role.STAFF),
        "patient": lambda: row.patient,
        "stranger": make_user,
    }[who]()

    response = api(person).post(url(row, action))

    assert response.status_code == status
    row.refresh_from_db()
    assert row.status == (new if status == 200 else old)
    assert Event.objects.filter(action=f"appointment.{new}").count() == (status == 200)


@pytest.mark.parametrize(
    "action, status",
    [
        ("confirm", "held"),
        ("confirm", "confirmed"),
        ("complete", "booked"),
        ("complete", "cancelled"),
        ("no_show", "held"),
    ],
)
def test_illegal_move_is_a_conflict(api, action, status):
    row = make_appointment(status=Status(status))
    assert code(api(row.practitioner.user).post(url(row, action))) == (409, "illegal_move")
    row.refresh_from_db()
    assert row.status == status


def test_patient_cancels_in_time_and_gets_everything_back(api):
    patient, doctor = make_user(credits=0), make_practitioner(fee=15_000)
    row = make_appointment(practitioner=doctor, patient=patient, paid_with=PaidWith.MONEY, credits_charged=3)

    answer = api(patient).delete(url(row), {"reason": "Voyage"}, format="json").json()

    assert (answer["status"], answer["payment_status"], answer["cancel_reason"]) == (
        "cancelled",
        "refund_due",
        "Voyage",
    )
    assert balance(patient) == 3
    refund = Refund.objects.get()
    assert (refund.amount, refund.status, refund.reason) == (15_000, "due", "appointment_cancelled")
    row.refresh_from_db()
    assert (row.cancelled_by, row.sequence) == (patient, 1)
    assert row.cancelled_at is not None
    # Kept in the history, and its slot is free.
    assert api(patient).get(URL).json()["results"][0]["id"] == str(row.public_id)
    again = api(make_user()).post(URL, body(doctor, at()), format="json", headers={"Idempotency-Key": "k"})
    assert again.status_code == 201


@pytest.mark.parametrize("paid_with", PaidWith)
@pytest.mark.parametrize("who, given_back", [("patient", 0.7), ("doctor", 1), ("staff", 1)])
def test_late_cancellation_costs_the_patient_a_share(api, who, given_back, paid_with):
    doctor = make_practitioner(fee=15_000, fee_credits=50, late_share_percent=30)
    patient = make_user(credits=0)
    row = make_appointment(
        practitioner=doctor,
        patient=patient,
        starts_at=timezone.now() + timedelta(hours=23),
        paid_with=paid_with,
        credits_charged=3,
    )
    person = {"patient": patient, "doctor": doctor.user, "staff": make_user(Role.STAFF)}[who]

    assert api(person).delete(url(row)).status_code == 200

    charge = 3 if who != "patient" else 0
    if paid_with == PaidWith.MONEY:
        assert Refund.objects.get().amount == 15_000 * given_back
        assert balance(patient) == charge
    else:
        assert not Refund.objects.exists()
        assert balance(patient) == 50 * given_back + charge


@pytest.mark.parametrize("gift, due", [(4_000, [6_500]), (10_500, []), (12_000, [])])
def test_what_staff_gave_back_before_counts_when_the_patient_cancels_late(api, gift, due):
    doctor = make_practitioner(fee=15_000, late_share_percent=30)
    soon = timezone.now() + timedelta(hours=1)
    row = make_appointment(practitioner=doctor, starts_at=soon, paid_with=PaidWith.MONEY)
    request_refund(Payment.objects.get(), amount=gift, reason="Geste", by=make_user(Role.STAFF))

    assert api(row.patient).delete(url(row)).status_code == 200

    assert list(Refund.objects.filter(status="due").values_list("amount", flat=True)) == due


def test_money_that_came_twice_is_given_back_without_the_share_once(api):
    doctor = make_practitioner(fee=15_000, late_share_percent=30)
    soon = timezone.now() + timedelta(hours=1)
    row = make_appointment(practitioner=doctor, starts_at=soon, paid_with=PaidWith.MONEY)
    pay(row)

    assert api(row.patient).delete(url(row)).status_code == 200

    assert list(Refund.objects.order_by("pk").values_list("amount", flat=True)) == [15_000, 10_500]


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN])
def test_staff_who_are_patients_themselves_have_no_other_rules(api, role):
    patient = make_user(role, credits=0)
    row = make_appointment(
        practitioner=make_practitioner(fee=15_000, late_share_percent=30),
        patient=patient,
        starts_at=timezone.now() + timedelta(hours=23),
        status=Status.CONFIRMED,
        paid_with=PaidWith.MONEY,
        credits_charged=3,
    )
    client = api(patient)
    moved = client.patch(url(row), {"starts_at": at(11).isoformat()}, format="json")
    assert code(moved) == (409, "too_late_to_move")
    for action in ("confirm", "complete", "no_show"):
        assert code(client.post(url(row, action))) == (403, "permission_denied")
    assert offered_in_the_back_office(row, patient) == set()

    assert client.delete(url(row)).json()["status"] == "cancelled"

    assert (Refund.objects.get().amount, balance(patient)) == (10_500, 0)


def test_staff_do_not_call_off_a_visit_of_theirs_that_has_begun(api):
    patient = make_user(Role.STAFF)
    row = make_appointment(patient=patient, starts_at=timezone.now() - timedelta(minutes=10))
    assert code(api(patient).delete(url(row))) == (409, "already_started")
    row.refresh_from_db()
    assert row.status == "booked"


def test_no_show_keeps_the_practices_share(api):
    doctor = make_practitioner(fee=15_000, no_show_share_percent=80)
    row = make_appointment(
        practitioner=doctor,
        patient=make_user(credits=0),
        starts_at=timezone.now() - timedelta(minutes=40),
        paid_with=PaidWith.MONEY,
        credits_charged=3,
    )

    assert api(doctor.user).post(url(row, "no_show")).json()["status"] == "no_show"
    assert Refund.objects.get().amount == 3_000
    assert balance(row.patient) == 0


@pytest.mark.parametrize("action", ["complete", "no_show"])
def test_visit_that_has_not_begun_neither_took_place_nor_was_missed(api, action):
    row = make_appointment(
        practitioner=make_practitioner(fee=15_000), status=Status.CONFIRMED, paid_with=PaidWith.MONEY
    )

    assert code(api(row.practitioner.user).post(url(row, action))) == (409, "not_started")

    row.refresh_from_db()
    assert (row.status, row.sequence) == ("confirmed", 0)
    assert not Refund.objects.exists()
    assert not Event.objects.filter(entity="appointment").exists()
    # Its time is still its patient's, who gives it up for nothing.
    taken = api(make_user()).post(URL, body(row.practitioner, at()), format="json", headers={"Idempotency-Key": "k"})
    assert code(taken) == (409, "slot_taken")
    assert api(row.patient).delete(url(row)).status_code == 200
    assert Refund.objects.get().amount == 15_000


@pytest.mark.parametrize(
    "begun, offered", [(False, {"cancel", "reschedule"}), (True, {"cancel", "complete", "no_show"})]
)
def test_back_office_offers_what_the_hour_allows(begun, offered):
    starts_at = timezone.now() - timedelta(minutes=20) if begun else at()
    row = make_appointment(status=Status.CONFIRMED, starts_at=starts_at)
    assert offered_in_the_back_office(row, make_user(Role.STAFF)) == offered


def test_nobody_cancels_twice_or_after_the_beginning(api):
    row = make_appointment(starts_at=timezone.now() - timedelta(minutes=10))
    assert code(api(row.patient).delete(url(row))) == (409, "already_started")
    assert api(row.practitioner.user).delete(url(row)).status_code == 200
    assert code(api(row.practitioner.user).delete(url(row))) == (409, "illegal_move")


def test_fee_is_paid_in_credits(api):
    doctor = make_practitioner(fee=15_000, fee_credits=40)
    row = make_appointment(practitioner=doctor, patient=make_user(credits=50), status=Status.HELD)
    client = api(row.patient)

    answer = client.post(url(row, "pay_with_credits"), headers={"Idempotency-Key": "pay"}).json()

    assert (answer["status"], answer["payment_status"], answer["hold_expires_at"]) == ("booked", "paid", None)
    assert balance(row.patient) == 10
    assert client.post(url(row, "pay_with_credits"), headers={"Idempotency-Key": "pay"}).json() == answer
    assert code(client.post(url(row, "pay_with_credits"))) == (409, "already_paid")
    assert balance(row.patient) == 10
    event = Event.objects.get(action="appointment.paid")
    assert event.changes == {"credits": 40}


def test_fee_paid_in_credits_stays_paid_when_money_that_came_late_goes_back(api):
    row = make_appointment(practitioner=make_practitioner(fee=15_000, fee_credits=40), paid_with=PaidWith.CREDITS)
    Refund.objects.create(
        payment=pay(row), provider="mypayga", amount=15_000, currency="XAF", status="due", reason="nothing_to_grant"
    )
    assert api(row.patient).get(url(row)).json()["payment_status"] == "paid"


@pytest.mark.parametrize("share, given_back, told", [(100, 0, "paid"), (30, 28, "refunded"), (0, 40, "refunded")])
def test_fee_in_credits_is_refunded_where_credits_came_back(api, share, given_back, told):
    doctor = make_practitioner(fee=15_000, fee_credits=40, late_share_percent=share, no_show_share_percent=share)
    soon, begun = timezone.now() + timedelta(hours=1), timezone.now() - timedelta(minutes=40)
    late, missed = (
        make_appointment(
            practitioner=doctor, patient=make_user(credits=0), starts_at=starts_at, paid_with=PaidWith.CREDITS
        )
        for starts_at in (soon, begun)
    )

    cancelled = api(late.patient).delete(url(late)).json()
    absent = api(doctor.user).post(url(missed, "no_show")).json()

    assert (cancelled["payment_status"], absent["payment_status"]) == (told, told)
    assert (balance(late.patient), balance(missed.patient)) == (given_back, given_back)


def test_fee_that_credits_do_not_pay(api):
    row = make_appointment(practitioner=make_practitioner(fee=15_000), status=Status.HELD)
    assert code(api(row.patient).post(url(row, "pay_with_credits"))) == (409, "not_payable")
    poor = make_appointment(
        practitioner=make_practitioner(fee=15_000, fee_credits=40), patient=make_user(credits=39), status=Status.HELD
    )
    assert code(api(poor.patient).post(url(poor, "pay_with_credits"))) == (402, "insufficient_credits")
    late = make_appointment(
        practitioner=make_practitioner(fee=15_000, fee_credits=1), status=Status.HELD, hold_expires_at=timezone.now()
    )
    assert code(api(late.patient).post(url(late, "pay_with_credits"))) == (409, "not_payable")
    assert set(Appointment.objects.values_list("status", flat=True)) == {"held"}


def test_sweep_expires_what_nobody_paid(api):
    patient = make_user(credits=0)
    row = make_appointment(patient=patient, status=Status.HELD, hold_expires_at=timezone.now(), credits_charged=3)
    make_appointment(status=Status.HELD)

    assert expire_overdue() == 1
    assert expire_overdue() == 0
    row.refresh_from_db()
    assert (row.status, row.hold_expires_at, balance(patient)) == ("expired", None, 3)


def test_move_takes_the_new_slot_and_frees_the_old_one(api):
    doctor = make_practitioner()
    row = make_appointment(practitioner=doctor, starts_at=at(9))
    other = make_appointment(practitioner=doctor, starts_at=at(10))
    client = api(row.patient)

    taken = client.patch(url(row), {"starts_at": at(10).isoformat()}, format="json")
    assert code(taken) == (409, "slot_taken")
    assert [start[11:16] for start in taken.json()["alternatives"]] == ["10:30", "10:45", "11:00"]
    # Into its own time is no collision.
    moved = client.patch(url(row), {"starts_at": at(9, 15).isoformat(), "reason": "Suivi"}, format="json").json()

    assert (moved["starts_at"][11:16], moved["sequence"], moved["reason"]) == ("09:15", 1, "Suivi")
    event = Event.objects.get(action="appointment.rescheduled")
    assert event.changes["old"].startswith(at(9).strftime("%Y-%m-%dT%H:%M"))
    make_appointment(practitioner=doctor, starts_at=at(8, 45))
    other.refresh_from_db()
    assert other.starts_at == at(10)


@pytest.mark.parametrize(
    "starts_at, expected",
    [
        (lambda: at(9, days=-1), (400, "in_the_past")),
        (lambda: at(20), (400, "outside_hours")),
        (lambda: at(9, 1), (400, "off_grid")),
    ],
)
def test_move_to_no_slot_changes_nothing(api, starts_at, expected):
    row = make_appointment()
    assert code(api(row.patient).patch(url(row), {"starts_at": starts_at().isoformat()}, format="json")) == expected
    row.refresh_from_db()
    assert (row.starts_at, row.sequence) == (at(), 0)


def test_patient_moves_as_long_as_cancelling_is_free(api):
    row = make_appointment(practitioner=make_practitioner(free_cancellation_hours=24 * 7))
    data = {"starts_at": at(11).isoformat()}
    assert code(api(row.patient).patch(url(row), data, format="json")) == (409, "too_late_to_move")
    assert api(make_user(Role.STAFF)).patch(url(row), data, format="json").status_code == 200


def test_visit_of_a_type_no_longer_offered_is_moved_and_not_booked(api):
    row = make_appointment()
    VisitType.objects.filter(pk=row.visit_type_id).update(is_active=False)

    moved = api(row.patient).patch(url(row), {"starts_at": at(10).isoformat()}, format="json")
    booked = api(make_user()).post(URL, body(row.practitioner, at(12)), format="json", headers={"Idempotency-Key": "k"})

    assert (moved.status_code, moved.json()["starts_at"][11:16]) == (200, "10:00")
    assert code(booked) == (404, "unknown_visit_type")
    assert Appointment.objects.get().starts_at == at(10)


def test_receptionist_moves_a_visit_of_a_type_no_longer_offered_in_the_week():
    row = make_appointment()
    VisitType.objects.filter(pk=row.visit_type_id).update(is_active=False)
    client = Client()
    client.force_login(make_user(Role.STAFF))
    page = reverse("admin:appointments_practitioner_move", args=[row.practitioner_id])

    answer = client.post(page + "?" + urlencode({"moving": row.pk, "at": at(10).isoformat()}), {"once": "x"})

    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.starts_at == at(10)


@pytest.mark.parametrize("status", ["completed", "cancelled", "expired", "no_show"])
def test_what_is_over_is_not_moved(api, status):
    row = make_appointment(status=Status(status))
    data = {"starts_at": at(11).isoformat()}
    assert code(api(row.practitioner.user).patch(url(row), data, format="json")) == (409, "illegal_move")


def test_notes_are_the_doctors_alone(api):
    row = make_appointment()
    doctor = api(row.practitioner.user)

    assert doctor.patch(url(row), {"private_notes": "Tension 14/9"}, format="json").status_code == 200

    assert doctor.get(url(row)).json()["private_notes"] == "Tension 14/9"
    for person in (row.patient, make_user(Role.STAFF), make_user(Role.ADMIN)):
        assert "private_notes" not in api(person).get(url(row)).json()
        assert code(api(person).patch(url(row), {"private_notes": "x"}, format="json")) == (403, "permission_denied")
    row.refresh_from_db()
    assert b"Tension" not in bytes(row.private_notes)
    assert "Tension" not in str(list(Event.objects.values_list("changes", flat=True)))


def test_reason_is_the_patients_to_say(api):
    row = make_appointment()
    assert code(api(row.practitioner.user).patch(url(row), {"reason": "x"}, format="json")) == (
        403,
        "permission_denied",
    )
    assert api(row.patient).patch(url(row), {"reason": "Toux"}, format="json").json()["reason"] == "Toux"


def test_payment_books_a_held_appointment(api):
    """Through the payments' own services; the gateway is not asked."""
    from payments.providers.base import Outcome, Report, Started
    from payments.services.moves import move
    from payments.services.settling import settle
    from payments.services.starting import record_start

    row = make_appointment(practitioner=make_practitioner(fee=15_000), status=Status.HELD)
    payment = create_payment(
        row.patient, purpose="appointment", purpose_id=str(row.public_id), provider="mypayga", phone="077 12 34 56"
    )
    assert payment.amount == 15_000
    row.refresh_from_db()
    # The hold lasts at least as long as the payment blocks.
    assert row.hold_expires_at >= timezone.now() + timedelta(minutes=14)
    assert api(row.patient).get(url(row)).json()["payment_status"] == "pending"
    move(payment, "submitting")
    attempt = payment.attempts.get()
    record_start(payment.pk, attempt.pk, Started(Outcome.PENDING, provider_id="token"))

    settle(attempt, Report(Outcome.PAID, reference=attempt.reference, amount=15_000, currency="XAF"))

    answer = api(row.patient).get(url(row)).json()
    assert (answer["status"], answer["payment_status"]) == ("booked", "paid")
    assert Event.objects.get(action="appointment.paid").amount == 15_000
    # Once is enough.
    again = api(row.patient).post(
        "/api/v1/payments/",
        {"purpose": "appointment", "appointment": str(row.public_id), "provider": "mypayga", "phone": "077123456"},
        format="json",
        headers={"Idempotency-Key": "again"},
    )
    assert code(again) == (409, "already_paid")


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_money_for_a_slot_that_is_gone_is_due_back(status):
    from payments.services.settling import succeed

    row = make_appointment(practitioner=make_practitioner(fee=15_000), status=Status(status))
    payment = Payment.objects.create(
        user=row.patient,
        purpose="appointment",
        purpose_id=str(row.public_id),
        label="x",
        amount=15_000,
        provider="mypayga",
        phone="+24177123456",
        status="pending",
        expires_at=timezone.now(),
    )
    PaymentAttempt.objects.create(payment=payment, provider="mypayga", reference="0" * 32)
    succeed(payment)
    assert Refund.objects.get().amount == 15_000
    row.refresh_from_db()
    assert row.status == status


def test_money_that_comes_in_after_the_visit_is_the_practices():
    from payments.services.settling import succeed

    row = make_appointment(practitioner=make_practitioner(fee=15_000), status=Status.COMPLETED)
    payment = pay(row)
    payment.status, payment.settled_at = "pending", None
    payment.save()
    PaymentAttempt.objects.create(payment=payment, provider="mypayga", reference="1" * 32)

    succeed(payment)

    row.refresh_from_db()
    assert (row.status, row.paid_with) == ("completed", "money")
    assert not Refund.objects.exists()


@pytest.mark.parametrize("case", ["theirs", "free", "overdue"])
def test_appointment_that_cannot_be_paid(api, case):
    row = make_appointment(
        practitioner=make_practitioner(fee=0 if case == "free" else 15_000),
        status=Status.HELD,
        hold_expires_at=timezone.now() + timedelta(minutes=0 if case == "overdue" else 5),
    )
    payer = make_user() if case == "theirs" else row.patient
    response = api(payer).post(
        "/api/v1/payments/",
        {"purpose": "appointment", "appointment": str(row.public_id), "provider": "mypayga", "phone": "077123456"},
        format="json",
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )
    assert code(response) == ((404, "unknown_appointment") if case == "theirs" else (409, "not_payable"))
    assert not Payment.objects.exists()


def test_price_of_booking_is_kept_by_the_row(api):
    price = set_book_price(3)
    patient = make_user(credits=5)
    answer = (
        api(patient).post(URL, body(make_practitioner(), at()), format="json", headers={"Idempotency-Key": "k"}).json()
    )
    price.credits = 4
    price.save()
    api(patient).delete(f"{URL}{answer['id']}/")
    assert balance(patient) == 5


def test_ledgers_proof_covers_what_paid_for_appointments(api):
    doctor = make_practitioner(fee=15_000, fee_credits=40)
    row = make_appointment(practitioner=doctor, patient=make_user(credits=50), status=Status.HELD)
    api(row.patient).post(url(row, "pay_with_credits"))
    make_appointment(practitioner=doctor, starts_at=at(11), paid_with=PaidWith.MONEY)
    assert verify_ledger().findings == []

    forged = make_appointment(practitioner=doctor, starts_at=at(12))
    Appointment.objects.filter(pk=forged.pk).update(paid_at=timezone.now(), paid_with=PaidWith.CREDITS)
    assert [finding.row for finding in verify_ledger().findings] == [f"appointment {forged.public_id}"]


@pytest.mark.parametrize("who, status", [("doctor", 200), ("secretary", 200), ("patient", 403), ("stranger", 404)])
def test_fee_is_paid_at_the_practice(api, who, status):
    row = make_appointment(practitioner=make_practitioner(fee=15_000))
    payment = create_payment(
        row.patient, purpose="appointment", purpose_id=str(row.public_id), provider="counter", phone=""
    )
    submit(payment.pk)
    secretary = make_user(Role.STAFF)
    person = {"doctor": row.practitioner.user, "secretary": secretary, "patient": row.patient, "stranger": make_user()}[
        who
    ]

    response = api(person).post(f"/api/v1/payments/{payment.public_id}/confirm/", headers={"Idempotency-Key": "k"})

    assert response.status_code == status, response.content
    assert api(row.patient).get(url(row)).json()["payment_status"] == ("paid" if status == 200 else "pending")


def test_fee_is_not_paid_with_no_credits_at_all(api):
    doctor = make_practitioner(fee=15_000)
    for rows in (Practitioner.objects.filter(pk=doctor.pk), VisitType.objects.filter(practitioner=doctor)):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(fee_credits=0)
    # From before practices could no longer ask for it: what was paid so stays proved.
    row = make_appointment(practitioner=doctor, status=Status.HELD, price_credits=0)
    make_appointment(practitioner=doctor, starts_at=at(12), paid_with=PaidWith.CREDITS, price_credits=0)

    assert code(api(row.patient).post(url(row, "pay_with_credits"))) == (409, "not_payable")

    row.refresh_from_db()
    assert (row.status, row.paid_at) == ("held", None)
    assert verify_ledger().findings == []


@pytest.mark.parametrize(
    "status, by_patient, keeps",
    [
        (Status.BOOKED, False, True),
        (Status.COMPLETED, False, True),
        (Status.NO_SHOW, False, True),
        (Status.CANCELLED, True, True),
        (Status.CANCELLED, False, False),
        (Status.EXPIRED, False, False),
    ],
)
def test_money_of_an_appointment_stays_unless_the_practice_ends_it(status, by_patient, keeps):
    row = make_appointment(practitioner=make_practitioner(fee=15_000), status=status, paid_with=PaidWith.MONEY)
    Appointment.objects.filter(pk=row.pk).update(
        cancelled_by=row.patient if by_patient else row.practitioner.user if status == Status.CANCELLED else None
    )
    assert AppointmentPurpose().keeps(Payment.objects.get()) is keeps

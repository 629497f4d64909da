"""Booking: what is taken, what it costs, and every way in which it is refused without leaving a trace."""

import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.enums import Role
from accounts.models import CreditEntry
from accounts.services.accounts import switch_account
from accounts.tests.factories import balance, make_user
from appointments.enums import Status
from appointments.models import Appointment, VisitType, WorkingHours
from appointments.tests.factories import (
    at,
    body,
    make_appointment,
    make_practitioner,
    make_time_off,
    make_visit_type,
    set_book_price,
    visit_type,
)
from audit.models import Event
from catalog.models import Holiday
from common.models import IdempotencyKey

pytestmark = pytest.mark.django_db

URL = "/api/v1/appointments/"
LIBREVILLE = ZoneInfo("Africa/Libreville")


def post(client, data, key=None):
    return client.post(URL, data, format="json", headers={"Idempotency-Key": key or uuid.uuid4().hex})


def refused(response, status, code):
    answer = response.json()
    assert (response.status_code, answer["code"]) == (status, code), answer
    return answer


def test_price_that_has_begun_is_charged_before_the_list_says_it(api):
    patient, doctor = make_user(credits=11), make_practitioner()
    price = set_book_price(9)
    begins = timezone.now() + timedelta(minutes=5)
    price.next_credits, price.next_from = 2, begins
    price.save()
    client = api(patient)

    assert post(client, body(doctor, at(9, 30))).json()["credits_charged"] == 9
    with time_machine.travel(begins, tick=False):
        assert post(client, body(doctor, at(10, 30))).json()["credits_charged"] == 2
    assert balance(patient) == 0
    price.refresh_from_db()
    assert price.credits == 9


def test_free_visit_is_booked_at_once(api):
    patient, doctor = make_user(), make_practitioner(place="Cabinet du port")
    starts_at = at(9, 30)

    response = post(api(patient), body(doctor, starts_at, reason="Contrôle"))

    assert response.status_code == 201, response.content
    answer = response.json()
    appointment = Appointment.objects.get()
    assert answer | {"created_at": ""} == {
        "id": str(appointment.public_id),
        "doctor": doctor.pk,
        "doctor_name": doctor.user.get_full_name(),
        "place": "Cabinet du port",
        "visit_type": visit_type(doctor).pk,
        "visit_type_name": visit_type(doctor).name,
        "is_remote": False,
        "patient": None,
        "starts_at": answer["starts_at"],
        "ends_at": answer["ends_at"],
        "status": "booked",
        "reason": "Contrôle",
        "price": 0,
        "price_credits": None,
        "currency": "XAF",
        "credits_charged": 0,
        "payment_status": "free",
        "hold_expires_at": None,
        "free_cancellation_until": answer["free_cancellation_until"],
        "overbooked": False,
        "sequence": 0,
        "cancelled_at": None,
        "cancel_reason": None,
        "created_at": "",
    }
    assert answer["starts_at"].endswith("T09:30:00+01:00")
    assert answer["ends_at"].endswith("T10:00:00+01:00")
    assert (appointment.starts_at, appointment.patient) == (starts_at, patient)
    assert (appointment.blocked_from, appointment.blocked_until) == (starts_at, starts_at + timedelta(minutes=30))
    event = Event.objects.get(action="appointment.booked")
    assert event.entity_id == str(appointment.public_id)
    assert "Contrôle" not in str(event.changes)
    assert api(patient).get(f"{URL}{answer['id']}/").json() == answer


def test_visit_with_a_fee_is_held_for_ten_minutes_and_charged_what_booking_costs(api):
    set_book_price(3)
    patient, doctor = make_user(credits=5), make_practitioner(fee=15_000, fee_credits=40)
    before = timezone.now()

    answer = post(api(patient), body(doctor, at())).json()

    assert (answer["status"], answer["payment_status"]) == ("held", "unpaid")
    assert (answer["price"], answer["price_credits"], answer["credits_charged"]) == (15_000, 40, 3)
    appointment = Appointment.objects.get()
    assert timedelta(minutes=10) <= appointment.hold_expires_at - before < timedelta(minutes=11)
    assert balance(patient) == 2
    entry = CreditEntry.objects.get(kind="spend")
    assert (entry.amount, entry.reference) == (-3, f"appointment:{appointment.public_id}")


def test_fee_of_the_visit_goes_before_the_doctors(api):
    doctor = make_practitioner(fee=15_000, fee_credits=40)
    kind = make_visit_type(doctor, fee=0, minutes=15)

    answer = post(api(make_user()), body(doctor, at(), visit_type=kind.pk)).json()

    assert (answer["status"], answer["price"], answer["price_credits"]) == ("booked", 0, None)


def test_taken_slot_is_refused_with_the_next_three(api):
    set_book_price(3)
    doctor, late = make_practitioner(), make_user(credits=5)
    for hour, minute in ((9, 0), (9, 30), (10, 15)):
        make_appointment(practitioner=doctor, starts_at=at(hour, minute))

    answer = refused(post(api(late), body(doctor, at(9))), 409, "slot_taken")

    # 10:00 would touch what begins at 10:15.
    assert [start[11:] for start in answer["alternatives"]] == ["10:45:00+01:00", "11:00:00+01:00", "11:15:00+01:00"]
    assert Appointment.objects.count() == 3
    assert balance(late) == 5
    assert not IdempotencyKey.objects.exists()
    assert post(api(late), body(doctor, at(9)) | {"starts_at": answer["alternatives"][0]}).status_code == 201


def test_alternatives_of_a_full_fortnight_are_found_later(api):
    doctor = make_practitioner()
    make_appointment(practitioner=doctor, starts_at=at(9))
    make_time_off(doctor, at(9, 30), at(8, days=40))

    answer = refused(post(api(make_user()), body(doctor, at(9))), 409, "slot_taken")

    assert answer["alternatives"][0] == at(8, days=40).astimezone(doctor.zone).isoformat()


@pytest.mark.parametrize(
    "before, after, start, taken",
    [
        (0, 0, (9, 30), False),
        (0, 15, (9, 30), True),
        (15, 0, (9, 30), True),
        (15, 15, (10, 0), False),
        (15, 30, (10, 0), True),
    ],
)
def test_buffers_keep_their_distance(api, before, after, start, taken):
    doctor = make_practitioner()
    VisitType.objects.update(buffer_before=before, buffer_after=after)
    make_appointment(practitioner=doctor, starts_at=at(9))

    response = post(api(make_user()), body(doctor, at(*start)))

    assert response.status_code == (409 if taken else 201)


REFUSALS = {
    "in_the_past": lambda doctor: at(9, days=-1),
    "outside_hours": lambda doctor: at(18),
    "off_grid": lambda doctor: at(9, 7),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_start_that_is_no_slot_is_refused_with_its_code(api, code):
    doctor, patient = make_practitioner(), make_user(credits=5)
    set_book_price(3)
    make_appointment(practitioner=doctor, starts_at=at(9))

    answer = refused(post(api(patient), body(doctor, REFUSALS[code](doctor))), 400, code)

    assert [(error["field"], error["code"]) for error in answer["errors"]] == [("starts_at", code)]
    assert (Appointment.objects.count(), balance(patient)) == (1, 5)


def test_absence_and_holiday_are_outside_of_the_hours(api):
    doctor = make_practitioner()
    make_time_off(doctor, at(9, 10), at(9, 20))
    refused(post(api(make_user()), body(doctor, at(9))), 400, "outside_hours")
    assert post(api(make_user()), body(doctor, at(9, 30))).status_code == 201


def test_staffs_holidays_are_the_practitioners_too(api):
    """Saturday 1 May 2027 is one by the calendar, Monday 3 May is none, until staff say otherwise."""
    with time_machine.travel(datetime(2027, 4, 28, 9, tzinfo=LIBREVILLE)):
        doctor = make_practitioner(works_on_holidays=False)
        abroad = make_practitioner(works_on_holidays=False, country="FR")

        def free(practitioner):
            asked = {"from": "2027-04-30", "to": "2027-05-04"}
            answer = api().get(f"/api/v1/doctors/{practitioner.pk}/slots/", asked)
            return sorted({int(slot["starts_at"][8:10]) for slot in answer.json()["results"]})

        assert free(doctor) == free(abroad) == [2, 3, 4, 30]
        Holiday.objects.create(date=date(2027, 5, 1), name="Fête du travail", is_observed=False)
        Holiday.objects.create(date=date(2027, 5, 3), name="Deuil national")
        assert free(doctor) == [1, 2, 4, 30]
        assert free(abroad) == [2, 3, 4, 30]
        decreed, worked = (datetime(2027, 5, number, 9, tzinfo=LIBREVILLE) for number in (3, 1))
        refused(post(api(make_user()), body(doctor, decreed)), 400, "outside_hours")
        assert post(api(make_user()), body(doctor, worked)).status_code == 201


def test_hours_of_another_type_of_visit_are_none_of_ours(api):
    doctor = make_practitioner()
    other = make_visit_type(doctor)
    for hours in WorkingHours.objects.all():
        hours.visit_types.set([other])

    refused(post(api(make_user()), body(doctor, at(9))), 400, "outside_hours")
    assert post(api(make_user()), body(doctor, at(9), visit_type=other.pk)).status_code == 201


@pytest.mark.parametrize("what", ["unverified", "inactive", "gone", "signed out"])
def test_doctor_who_is_not_listed_cannot_be_booked(api, what):
    doctor = make_practitioner(verified=what != "unverified", is_active=what != "inactive")
    data = body(doctor, at())
    if what == "gone":
        data["doctor"] = 999_999
    if what == "signed out":
        doctor.user.is_active = False
        doctor.user.save()

    refused(post(api(make_user()), data), 404, "unknown_doctor")


def test_visit_type_of_another_doctor_or_no_longer_offered(api):
    doctor, other = make_practitioner(), make_practitioner()

    refused(post(api(make_user()), body(doctor, at(), visit_type=visit_type(other).pk)), 404, "unknown_visit_type")
    VisitType.objects.update(is_active=False)
    refused(post(api(make_user()), body(doctor, at())), 404, "unknown_visit_type")
    assert not Appointment.objects.exists()


def test_patient_is_in_one_place_at_a_time(api):
    patient = make_user()
    make_appointment(patient=patient, starts_at=at(9))

    answer = refused(post(api(patient), body(make_practitioner(), at(9, 15))), 409, "patient_busy")

    assert "alternatives" not in answer
    assert post(api(patient), body(make_practitioner(), at(9, 30))).status_code == 201


def test_too_few_credits_and_disabled_accounts(api):
    doctor, poor, disabled = make_practitioner(), make_user(credits=1), make_user()
    switch_account(disabled.account, is_active=False, by=disabled)
    refused(post(api(disabled), body(doctor, at())), 403, "account_disabled")
    set_book_price(3)
    refused(post(api(poor), body(doctor, at())), 402, "insufficient_credits")
    assert not Appointment.objects.exists()


def test_overdue_hold_is_expired_by_the_next_booking(api):
    set_book_price(3)
    first, doctor = make_user(credits=0), make_practitioner(fee=15_000)
    held = make_appointment(
        practitioner=doctor, patient=first, status=Status.HELD, hold_expires_at=timezone.now(), credits_charged=3
    )
    make_time_off(doctor, at(20), at(21))

    response = post(api(make_user(credits=5)), body(doctor, at()))

    assert response.status_code == 201, response.content
    held.refresh_from_db()
    assert (held.status, balance(first)) == ("expired", 3)
    assert Event.objects.filter(action="appointment.expired").count() == 1


def test_live_hold_is_taken(api):
    doctor = make_practitioner()
    make_appointment(practitioner=doctor, status=Status.HELD)

    refused(post(api(make_user()), body(doctor, at())), 409, "slot_taken")


def test_key_is_required_and_repeats_the_answer(api):
    patient, doctor = make_user(), make_practitioner()
    client = api(patient)

    refused(client.post(URL, body(doctor, at()), format="json"), 400, "idempotency_key_required")
    first, second = post(client, body(doctor, at()), "k"), post(client, body(doctor, at()), "k")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Appointment.objects.count() == 1


@pytest.mark.parametrize(
    "field, value, code",
    [
        ("starts_at", "2027-01-04T09:00:00", "invalid"),
        ("starts_at", "9999-12-31T23:59:59Z", "invalid"),
        ("starts_at", 5, "invalid"),
        ("starts_at", None, "null"),
        ("doctor", "1", "invalid"),
        ("doctor", 0, "min_value"),
        ("visit_type", True, "invalid"),
        ("reason", "x" * 501, "max_length"),
        ("status", "confirmed", "unknown_field"),
        ("price", 0, "unknown_field"),
    ],
)
def test_field_that_is_wrong_is_named(api, field, value, code):
    doctor = make_practitioner()

    answer = post(api(make_user()), body(doctor, at()) | {field: value})

    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]
    assert not Appointment.objects.exists()


def test_staff_book_for_a_patient_who_pays_at_the_practice(api):
    patient, doctor = make_user(), make_practitioner(fee=15_000)

    answer = post(api(make_user(Role.STAFF)), body(doctor, at(), patient=patient.pk)).json()

    assert (answer["status"], answer["payment_status"]) == ("booked", "unpaid")
    assert answer["patient"]["id"] == patient.pk
    assert Appointment.objects.get().patient == patient


def test_nobody_else_books_for_others(api):
    doctor, patient = make_practitioner(), make_user()
    for person in (make_user(), doctor.user, make_user(Role.PHARMACIST)):
        refused(post(api(person), body(doctor, at(), patient=patient.pk)), 403, "permission_denied")
        refused(post(api(person), body(doctor, at(), overbook_reason="Urgence")), 403, "overbooking_refused")
    assert not Appointment.objects.exists()
    refused(post(api(make_user(Role.STAFF)), body(doctor, at(), patient=999_999)), 404, "unknown_patient")


def test_staff_overbook_for_a_reason_outside_of_the_constraint(api):
    doctor, patient = make_practitioner(), make_user()
    make_appointment(practitioner=doctor)
    client = api(make_user(Role.STAFF))

    refused(post(client, body(doctor, at(), patient=patient.pk)), 409, "slot_taken")
    answer = post(client, body(doctor, at(), patient=patient.pk, overbook_reason="Urgence")).json()

    assert (answer["status"], answer["overbooked"]) == ("booked", True)
    assert Appointment.objects.get(public_id=answer["id"]).overbook_reason == "Urgence"
    # The patient cannot be in two places, however urgent it is.
    again = post(client, body(make_practitioner(), at(), patient=patient.pk, overbook_reason="Urgence"))
    refused(again, 409, "patient_busy")


INSERT = """
INSERT INTO appointments_appointment
  (public_id, practitioner_id, patient_id, visit_type_id, starts_at, ends_at, blocked_from, blocked_until, status,
   reason, private_notes, price, currency, credits_charged, paid_with, overbooked, overbook_reason, sequence,
   scheduled_at, cancel_reason)
SELECT %s, practitioner_id, %s, visit_type_id, starts_at, ends_at, blocked_from, blocked_until, %s, '',
   private_notes, 0, 'XAF', 0, '', %s, %s, 0, starts_at, ''
FROM appointments_appointment WHERE id = %s
"""


def _insert(row, patient, status="booked", overbooked=False):
    number = uuid.uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        key = number if connection.vendor == "postgresql" else number.hex
        cursor.execute(INSERT, [key, patient.pk, status, overbooked, "x" if overbooked else "", row.pk])


def test_database_refuses_an_overlap_written_by_hand():
    row, stranger = make_appointment(), make_user()

    with pytest.raises(IntegrityError, match="appointment_practitioner_overlap"):
        _insert(row, stranger)
    with pytest.raises(IntegrityError, match="appointment_patient_overlap"):
        _insert(row, row.patient, overbooked=True)
    _insert(row, stranger, overbooked=True)
    _insert(row, make_user(), status="no_show")

    finished = Appointment.objects.get(status="no_show")
    with pytest.raises(IntegrityError, match="appointment_practitioner_overlap"), transaction.atomic():
        Appointment.objects.filter(pk=finished.pk).update(status="booked")
    assert sorted(Appointment.objects.values_list("status", flat=True)) == ["booked", "booked", "no_show"]


def test_adjacent_appointments_do_not_overlap():
    row = make_appointment(starts_at=at(9))
    make_appointment(practitioner=row.practitioner, starts_at=at(9, 30))
    make_appointment(practitioner=row.practitioner, starts_at=at(8, 30), patient=row.patient)
    assert Appointment.objects.count() == 3


@pytest.mark.parametrize("price, expected", [(0, 3), (1, 4)])
def test_round_trips_of_a_booking(api, price, expected):
    """The user; the locks with all that is read; the charge; all that is written. BEGIN and COMMIT travel along."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no round trips, and sends one statement after the other")
    set_book_price(price)
    doctor, client = make_practitioner(), api(make_user(credits=5))
    post(api(make_user(credits=5)), body(doctor, at(10)))
    data = body(doctor, at())

    with CaptureQueriesContext(connection) as queries:
        assert post(client, data).status_code == 201

    sent = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(sent) == expected, sent


def test_round_trips_of_a_refusal(api):
    """The user; the look; was it answered before; the alternatives. Nobody's row is locked but the patient's own."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no round trips, and sends one statement after the other")
    doctor, client = make_practitioner(), api(make_user())
    make_appointment(practitioner=doctor, starts_at=at())
    data = body(doctor, at())

    with CaptureQueriesContext(connection) as queries:
        refused(post(client, data), 409, "slot_taken")

    sent = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(sent) == 4, sent


def test_times_may_be_given_in_any_zone(api):
    doctor = make_practitioner()
    answer = post(api(make_user()), body(doctor, at().astimezone(UTC))).json()
    assert answer["starts_at"] == at().astimezone(doctor.zone).isoformat()

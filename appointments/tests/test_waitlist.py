"""The waitlist: a freed slot is offered to one person after the other, and to no two at once."""

import uuid
from datetime import time, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from accounts.enums import Role
from accounts.tests.factories import balance, make_user
from appointments.enums import EntryStatus, FeedKind, OfferStatus, Status
from appointments.models import Appointment, FreedSlot, VisitType, WaitlistEntry, WaitlistOffer
from appointments.services.calendars import share
from appointments.services.expiry import expire_overdue
from appointments.services.handling import cancel
from appointments.services.offering import offer_due
from appointments.services.rescheduling import reschedule
from appointments.tests.factories import (
    at,
    day,
    make_appointment,
    make_entry,
    make_practitioner,
    make_specialty,
    make_visit_type,
    set_book_price,
)
from audit.models import Event
from common.models import Mail

pytestmark = pytest.mark.django_db

URL = "/api/v1/waitlist/"


def join(client, **body):
    data = {"date_from": day(0).isoformat(), "date_to": day(20).isoformat()} | body
    return client.post(URL, data, format="json", headers={"Idempotency-Key": uuid.uuid4().hex})


def free(row):
    """The patient calls it off, and the sweep comes by. Returns the live offer."""
    cancel(row, by=row.practitioner.user)
    offer_due()
    return WaitlistOffer.objects.filter(status=OfferStatus.LIVE).select_related("appointment", "entry").first()


def test_joining_the_list(api):
    patient, doctor = make_user(), make_practitioner()

    response = join(api(patient), doctor=doctor.pk, weekdays=[4, 0, 4], time_from="08:00", time_to="12:00")

    assert response.status_code == 201, response.content
    answer = response.json()
    assert (answer["doctor"], answer["specialty"], answer["weekdays"]) == (doctor.pk, None, [0, 4])
    assert (answer["time_from"], answer["time_to"], answer["status"]) == ("08:00:00", "12:00:00", "waiting")
    assert answer["offer"] is None
    assert api(patient).get(URL).json()["results"] == [answer]
    assert api(make_user()).get(URL).json()["results"] == []
    assert api(make_user()).get(f"{URL}{answer['id']}/").status_code == 404
    assert Event.objects.get(action="waitlist.waiting").entity_id == answer["id"]


@pytest.mark.parametrize(
    "change, status, code",
    [
        ({}, 400, "doctor_or_specialty"),
        ({"doctor": 999_999}, 404, "unknown_doctor"),
        ({"specialty": 999_999}, 404, "unknown_specialty"),
        ({"doctor": "own", "specialty": 1}, 400, "doctor_or_specialty"),
        ({"doctor": "own", "visit_type": 999_999}, 404, "unknown_visit_type"),
        ({"doctor": "own", "date_to": "2020-01-01"}, 400, "invalid_period"),
        ({"doctor": "own", "weekdays": [7]}, 400, "max_value"),
        ({"doctor": "own", "time_from": "8h"}, 400, "invalid"),
        ({"doctor": "own", "days": [1]}, 400, "unknown_field"),
    ],
)
def test_entry_that_makes_no_sense_is_refused(api, change, status, code):
    doctor = make_practitioner()
    response = join(
        api(make_user()), **{name: doctor.pk if value == "own" else value for name, value in change.items()}
    )
    assert (response.status_code, response.json()["code"]) == (status, code), response.json()
    assert not WaitlistEntry.objects.exists()


def test_cancelled_slot_is_offered_to_the_first_who_fits():
    doctor = make_practitioner()
    row = make_appointment(practitioner=doctor)
    other = make_visit_type(doctor, is_active=False)
    for misfit in (
        {"date_from": day(4)},
        {"date_to": day(2), "date_from": day(0)},
        {"weekdays": [(day(3).weekday() + 1) % 7]},
        {"time_from": time(9, 30)},
        {"time_to": time(9)},
        {"visit_type": other},
        {"status": EntryStatus.LEFT},
    ):
        make_entry(doctor, **misfit)
    make_entry(make_practitioner())
    elsewhere = make_user()
    make_appointment(patient=elsewhere, starts_at=at(9, 15))
    make_entry(doctor, patient=elsewhere)
    first = make_entry(None, specialty=doctor.specialties.get(), weekdays=[day(3).weekday()], time_from=time(9))
    make_entry(doctor)
    before = timezone.now()

    offered = free(row)

    assert offered.entry == first
    held = offered.appointment
    assert (held.status, held.patient, held.starts_at, held.credits_charged) == (
        "held",
        first.patient,
        row.starts_at,
        0,
    )
    assert timedelta(minutes=15) <= held.hold_expires_at - before < timedelta(minutes=16)
    assert WaitlistOffer.objects.count() == 1
    assert Mail.objects.get().to == first.patient.email
    assert Event.objects.filter(action="waitlist.offered", entity_id=str(first.public_id)).exists()
    # Looked at once, it is not offered again.
    assert offer_due() == 0


def test_who_waits_for_a_wider_specialty_is_offered_what_a_narrower_one_has():
    wide = make_specialty()
    narrow = make_specialty(parent=wide)
    doctor = make_practitioner(specialties=(narrow,))
    # Who wants what is below it, or beside it, waits on.
    make_entry(None, specialty=make_specialty(parent=narrow))
    make_entry(None, specialty=make_specialty(parent=wide))
    entry = make_entry(None, specialty=wide)

    assert free(make_appointment(practitioner=doctor)).entry == entry
    assert WaitlistOffer.objects.count() == 1


def test_freed_slot_is_offered_to_who_waits_for_another_type_of_visit(api):
    doctor = make_practitioner()
    short, long = make_visit_type(doctor, minutes=15), make_visit_type(doctor, minutes=60)
    gone = make_visit_type(doctor, minutes=10, is_active=False)
    row = make_appointment(practitioner=doctor)
    make_appointment(practitioner=doctor, starts_at=at(9, 30))
    # Too long for what is free, offered no more, and busy in the quarter that it takes.
    make_entry(doctor, visit_type=long)
    make_entry(doctor, visit_type=gone)
    elsewhere = make_user()
    make_appointment(patient=elsewhere, starts_at=at(9, 10))
    make_entry(doctor, patient=elsewhere, visit_type=short)
    # Busy only after it.
    patient = make_user()
    make_appointment(patient=patient, starts_at=at(9, 15))
    entry = make_entry(doctor, patient=patient, visit_type=short)
    next_one = make_entry(doctor)

    offered = free(row)

    assert offered.entry == entry
    held = offered.appointment
    assert (held.visit_type, held.starts_at, held.ends_at) == (short, at(9), at(9, 15))
    # Given back, the whole half hour is offered again, and to somebody else.
    assert api(patient).post(f"{URL}{entry.public_id}/decline/").status_code == 200
    offer_due()
    again = WaitlistOffer.objects.get(status=OfferStatus.LIVE)
    assert (again.entry, again.slot, again.appointment.ends_at) == (next_one, offered.slot, at(9, 30))
    assert FreedSlot.objects.count() == 1
    assert offer_due() == 0


def test_longer_visit_is_offered_where_the_time_after_is_free_too():
    doctor = make_practitioner()
    long = make_visit_type(doctor, minutes=60)
    entry = make_entry(doctor, visit_type=long)

    offered = free(make_appointment(practitioner=doctor))

    assert (offered.entry, offered.appointment.ends_at) == (entry, at(10))


def test_freed_slot_of_a_type_no_longer_offered_goes_to_who_waits_for_another():
    doctor = make_practitioner()
    short = make_visit_type(doctor, minutes=15)
    row = make_appointment(practitioner=doctor)
    VisitType.objects.filter(pk=row.visit_type_id).update(is_active=False)
    make_entry(doctor)
    entry = make_entry(doctor, visit_type=short)

    assert free(row).entry == entry


def test_nobody_waits_nothing_is_noted():
    cancel(row := make_appointment(), by=row.patient)
    assert not FreedSlot.objects.exists()


def test_offer_that_lapses_goes_to_the_next_and_not_back(api):
    doctor = make_practitioner()
    row = make_appointment(practitioner=doctor)
    first, second = make_entry(doctor), make_entry(doctor)
    offered = free(row)
    assert offered.entry == first

    for expected in (second, None):
        Appointment.objects.filter(status=Status.HELD).update(hold_expires_at=timezone.now())
        expire_overdue()
        offer_due()
        live = WaitlistOffer.objects.filter(status=OfferStatus.LIVE).first()
        assert (live.entry if live else None) == expected

    assert set(WaitlistEntry.objects.values_list("status", flat=True)) == {"waiting"}
    assert sorted(WaitlistOffer.objects.values_list("status", flat=True)) == ["lapsed", "lapsed"]
    assert api(first.patient).get(f"{URL}{first.public_id}/").json()["offer"] is None


def test_accepting_a_free_visit_books_it(api):
    set_book_price(3)
    doctor = make_practitioner()
    entry = make_entry(doctor, patient=make_user(credits=5))
    free(make_appointment(practitioner=doctor))
    client = api(entry.patient)
    assert client.get(f"{URL}{entry.public_id}/").json()["offer"]["doctor"] == doctor.pk

    answer = client.post(f"{URL}{entry.public_id}/accept/").json()

    assert (answer["status"], answer["credits_charged"]) == ("booked", 3)
    assert balance(entry.patient) == 2
    entry.refresh_from_db()
    assert entry.status == "fulfilled"
    again = client.post(f"{URL}{entry.public_id}/accept/")
    assert (again.status_code, again.json()["code"]) == (409, "no_offer")
    assert balance(entry.patient) == 2


def test_accepting_a_visit_with_a_fee_leaves_time_to_pay(api):
    doctor = make_practitioner(fee=15_000, fee_credits=4)
    entry = make_entry(doctor, patient=make_user(credits=5))
    offered = free(make_appointment(practitioner=doctor))
    client, address = api(entry.patient), f"/api/v1/appointments/{offered.appointment.public_id}/pay_with_credits/"
    assert client.post(address).json()["code"] == "not_payable"
    Appointment.objects.filter(pk=offered.appointment_id).update(hold_expires_at=timezone.now() + timedelta(seconds=30))

    answer = client.post(f"{URL}{entry.public_id}/accept/").json()

    assert (answer["status"], answer["payment_status"]) == ("held", "unpaid")
    assert Appointment.objects.get(status="held").hold_expires_at > timezone.now() + timedelta(minutes=9)
    assert client.post(address).json()["status"] == "booked"


def test_accepting_without_credits_takes_nothing(api):
    set_book_price(9)
    doctor = make_practitioner()
    entry = make_entry(doctor, patient=make_user(credits=5))
    free(make_appointment(practitioner=doctor))

    response = api(entry.patient).post(f"{URL}{entry.public_id}/accept/")

    assert (response.status_code, response.json()["code"]) == (402, "insufficient_credits")
    assert WaitlistOffer.objects.get().status == "live"


@pytest.mark.parametrize("action", ["decline", "leave"])
def test_declining_or_leaving_passes_the_slot_on(api, action):
    doctor = make_practitioner()
    first, second = make_entry(doctor), make_entry(doctor)
    free(make_appointment(practitioner=doctor))
    client, address = api(first.patient), f"{URL}{first.public_id}/"

    response = client.post(f"{address}decline/") if action == "decline" else client.delete(address)
    offer_due()

    assert response.json()["status"] == ("waiting" if action == "decline" else "left")
    assert WaitlistOffer.objects.get(status="live").entry == second
    assert Appointment.objects.filter(status="held").count() == 1


@pytest.mark.parametrize("action", ["accept", "decline"])
def test_offers_of_others_are_not_found(api, action):
    doctor = make_practitioner()
    entry = make_entry(doctor)
    free(make_appointment(practitioner=doctor))
    for person in (make_user(), doctor.user, make_user(Role.STAFF)):
        assert api(person).post(f"{URL}{entry.public_id}/{action}/").status_code == 404
    assert WaitlistOffer.objects.get().status == "live"


@pytest.mark.parametrize("outcome", ["declined", "left", "lapsed"])
def test_doctor_does_not_learn_who_was_merely_offered_a_slot(api, outcome):
    """Who waits for a specialty never chose this doctor."""
    doctor = make_practitioner()
    _feed, token = share(doctor.user, kind=FeedKind.DOCTOR, with_names=True, by=doctor.user)
    waiting = make_user(first_name="Aicha", last_name="Secrete", phone="+24177000001")
    entry = make_entry(None, patient=waiting, specialty=doctor.specialties.get())
    cancelled = make_appointment(practitioner=doctor)
    held = free(cancelled).appointment
    address = f"/api/v1/appointments/{held.public_id}/"

    def nobody_is_told():
        seen = api(doctor.user)
        assert [row["id"] for row in seen.get("/api/v1/appointments/").json()["results"]] == [str(cancelled.public_id)]
        assert (seen.get(address).status_code, seen.delete(address).status_code) == (404, 404)
        assert Client().get(f"/calendar/{token}.ics").content.count(b"BEGIN:VEVENT") == 1

    nobody_is_told()
    assert api(make_user(Role.STAFF)).get(address).json()["patient"]["phone"] == "+24177000001"
    if outcome == "lapsed":
        Appointment.objects.filter(pk=held.pk).update(hold_expires_at=timezone.now())
        expire_overdue()
    elif outcome == "declined":
        assert api(waiting).post(f"{URL}{entry.public_id}/decline/").status_code == 200
    else:
        assert api(waiting).delete(f"{URL}{entry.public_id}/").status_code == 200

    assert WaitlistOffer.objects.get().status == ("lapsed" if outcome == "lapsed" else "declined")
    nobody_is_told()
    assert api(waiting).get(address).status_code == 200


def test_doctor_learns_who_accepted_an_offer(api):
    doctor = make_practitioner()
    _feed, token = share(doctor.user, kind=FeedKind.DOCTOR, with_names=True, by=doctor.user)
    waiting = make_user(first_name="Aicha", last_name="Exemple")
    entry = make_entry(None, patient=waiting, specialty=doctor.specialties.get())
    held = free(make_appointment(practitioner=doctor)).appointment

    api(waiting).post(f"{URL}{entry.public_id}/accept/")

    seen = api(doctor.user).get(f"/api/v1/appointments/{held.public_id}/").json()
    assert (seen["status"], seen["patient"]["full_name"]) == ("booked", "Aicha Exemple")
    assert b"Aicha Exemple" in Client().get(f"/calendar/{token}.ics").content


def test_moved_appointment_frees_its_old_slot():
    doctor = make_practitioner()
    row = make_appointment(practitioner=doctor)
    make_entry(doctor)
    reschedule(row, starts_at=at(11), by=row.patient)
    offer_due()
    assert WaitlistOffer.objects.get().appointment.starts_at == at(9)


def test_slot_that_was_taken_meanwhile_is_offered_to_nobody():
    doctor = make_practitioner()
    row = make_appointment(practitioner=doctor)
    make_entry(doctor)
    cancel(row, by=row.patient)
    make_appointment(practitioner=doctor)
    assert offer_due() == 1
    assert not WaitlistOffer.objects.exists()
    assert FreedSlot.objects.get().next_at is None


def test_two_live_offers_of_a_slot_are_refused_by_the_database():
    doctor = make_practitioner()
    entry = make_entry(doctor)
    offered = free(make_appointment(practitioner=doctor))
    other = make_appointment(practitioner=doctor, starts_at=at(15))
    with pytest.raises(IntegrityError), transaction.atomic():
        WaitlistOffer.objects.create(slot=offered.slot, entry=make_entry(doctor), appointment=other)
    assert entry.offers.count() == 1


def test_person_with_two_entries_is_asked_once_for_a_slot():
    doctor, greedy, patient = make_practitioner(), make_user(), make_user()
    booked = make_appointment(practitioner=doctor)
    first = make_entry(doctor, patient=greedy)
    make_entry(doctor, patient=greedy)
    modest = make_entry(doctor, patient=patient)

    free(booked)
    cancel(WaitlistOffer.objects.get().appointment, by=greedy)
    offer_due()

    assert list(WaitlistOffer.objects.order_by("pk").values_list("entry", flat=True)) == [first.pk, modest.pk]


def test_patient_waits_for_so_much_and_no_more(api, settings):
    settings.WAITLIST_ENTRIES_PER_PATIENT = 3
    doctor, patient = make_practitioner(), make_user()
    make_entry(doctor, patient=patient)
    make_entry(doctor, patient=patient, status=EntryStatus.OFFERED)
    for over in (
        {"status": EntryStatus.LEFT},
        {"status": EntryStatus.FULFILLED},
        {"date_from": day(-9), "date_to": day(-2)},
    ):
        make_entry(doctor, patient=patient, **over)
    client = api(patient)
    third = join(client, doctor=doctor.pk).json()

    refused = join(client, doctor=doctor.pk)

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_entries")
    assert WaitlistEntry.objects.count() == 6
    assert Event.objects.filter(action="waitlist.waiting").count() == 1
    assert join(api(make_user()), doctor=doctor.pk).status_code == 201
    assert client.delete(f"{URL}{third['id']}/").status_code == 200
    assert join(client, doctor=doctor.pk).status_code == 201


def test_many_who_never_have_time_do_not_keep_the_next_from_being_asked():
    doctor, patient = make_practitioner(), make_user()
    booked = make_appointment(practitioner=doctor)
    never = (booked.starts_at.astimezone(doctor.zone).weekday() + 1) % 7
    WaitlistEntry.objects.bulk_create(
        WaitlistEntry(practitioner=doctor, patient=patient, weekdays=[never], date_from=day(0), date_to=day(30))
        for _ in range(300)
    )
    make_entry(doctor, time_from=time(3), time_to=time(4))
    make_entry(doctor, visit_type=make_visit_type(doctor, is_active=False))
    fits = make_entry(doctor, time_from=booked.starts_at.astimezone(doctor.zone).time())

    free(booked)

    assert WaitlistOffer.objects.get().entry == fits

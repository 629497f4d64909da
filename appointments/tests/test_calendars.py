"""Calendar feeds: read by two libraries, the same bytes until something changes, nothing private in them."""

import warnings
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from icalendar import Calendar

from accounts.enums import Role
from accounts.services.roles import change_role
from accounts.tests.factories import make_user
from appointments.enums import FeedKind, Status
from appointments.models import CalendarFeed
from appointments.services.handling import cancel
from appointments.services.rescheduling import reschedule
from appointments.tests.factories import at, make_appointment, make_practitioner
from audit.models import Event

pytestmark = pytest.mark.django_db

URL = "/api/v1/calendars/"


def share(api, user, kind, **more):
    response = api(user).post(URL, {"kind": kind, **more}, format="json")
    assert response.status_code == 201, response.content
    return response.json()


def path(shared):
    return shared["url"].removeprefix("http://127.0.0.1:8000")


def events_of(content):
    return {str(event["uid"]): event for event in Calendar.from_ical(content).walk("VEVENT")}


def read_by_another_library(content):
    with warnings.catch_warnings():
        # Its own parser generator is not ready for newer Pythons.
        warnings.simplefilter("ignore")
        import ics

        return {event.uid: event for event in ics.Calendar(content.decode()).events}


def test_feed_is_read_by_two_libraries(api):
    patient, doctor = make_user(), make_practitioner(place="Cabinet; du port, Libreville")
    row = make_appointment(practitioner=doctor, patient=patient)
    gone = make_appointment(practitioner=doctor, patient=patient, starts_at=at(11), status=Status.CANCELLED, sequence=2)
    make_appointment(patient=patient, starts_at=at(12), status=Status.HELD)
    make_appointment(practitioner=doctor, starts_at=at(13))
    shared = share(api, patient, "patient")

    response = Client().get(path(shared))

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    uids = {row: f"{row.public_id}@127.0.0.1" for row in (row, gone)}
    ours = events_of(response.content)
    theirs = read_by_another_library(response.content)
    assert ours.keys() == theirs.keys() == set(uids.values())
    event, other = ours[uids[row]], theirs[uids[row]]
    assert (event["dtstart"].dt, event["dtend"].dt) == (row.starts_at, row.ends_at)
    assert (other.begin.datetime, other.end.datetime) == (row.starts_at, row.ends_at)
    assert str(event["location"]) == other.location == "Cabinet; du port, Libreville"
    assert str(event["summary"]) == other.name == f"Rendez-vous chez {doctor.user.get_full_name()}"
    assert [(str(each["status"]), each["sequence"]) for each in (event, ours[uids[gone]])] == [
        ("CONFIRMED", 0),
        ("CANCELLED", 2),
    ]


def test_uid_stays_and_sequence_grows(api):
    row = make_appointment()
    shared = share(api, row.patient, "patient")
    seen = []
    for change in (
        lambda: None,
        lambda: reschedule(row, starts_at=at(11), by=row.patient),
        lambda: cancel(row, by=row.patient),
    ):
        change()
        ((uid, event),) = events_of(Client().get(path(shared)).content).items()
        seen.append((uid, event["sequence"], str(event["status"])))
    assert seen == [(seen[0][0], 0, "CONFIRMED"), (seen[0][0], 1, "CONFIRMED"), (seen[0][0], 2, "CANCELLED")]


def test_etag_spares_what_is_known(api):
    row = make_appointment()
    address = path(share(api, row.patient, "patient"))
    first = Client().get(address)
    etag = first.headers["ETag"]

    for known in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        again = Client().get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
    assert Client().get(address).content == first.content
    reschedule(row, starts_at=at(11), by=row.patient)
    changed = Client().get(address, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


def test_doctors_feed_names_patients_only_when_asked(api):
    patient = make_user(first_name="Aïcha", last_name="Exemple")
    row = make_appointment(patient=patient, reason="Grossesse")
    doctor = row.practitioner.user

    plain = Client().get(path(share(api, doctor, "doctor"))).content.decode()
    named = Client().get(path(share(api, doctor, "doctor", with_names=True))).content.decode()

    assert row.visit_type.name in plain
    assert "Aïcha" not in plain
    assert "Aïcha Exemple" in named
    assert "Grossesse" not in plain + named
    assert patient.email not in plain + named


def test_new_address_ends_the_old_one_and_revoking_ends_all(api):
    patient, stranger = make_user(), make_user()
    old, new = share(api, patient, "patient"), share(api, patient, "patient")
    assert Client().get(path(old)).status_code == 404
    assert Client().get(path(new)).status_code == 200
    assert [row["id"] for row in api(patient).get(URL).json()["results"]] == [new["id"]]
    assert "url" not in api(patient).get(URL).json()["results"][0]

    assert api(stranger).delete(f"{URL}{new['id']}/").status_code == 404
    assert Client().get(path(new)).status_code == 200
    assert api(patient).delete(f"{URL}{new['id']}/").status_code == 204
    assert Client().get(path(new)).status_code == 404
    assert api(patient).get(URL).json()["results"] == []
    actions = list(Event.objects.filter(entity="calendar").order_by("pk").values_list("action", flat=True))
    assert actions == ["calendar.shared", "calendar.revoked", "calendar.shared", "calendar.revoked"]


def test_only_doctors_have_a_doctors_calendar(api):
    for person in (make_user(), make_user(Role.STAFF)):
        response = api(person).post(URL, {"kind": "doctor"}, format="json")
        assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert not CalendarFeed.objects.exists()


def test_token_is_kept_as_a_hash(api):
    token = path(share(api, make_user(), "patient")).split("/")[-1].removesuffix(".ics")
    stored = CalendarFeed.objects.get()
    assert token not in str(vars(stored))
    assert len(token) >= 43


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_feed_is_only_read(api, method):
    address = path(share(api, make_user(), "patient"))
    assert getattr(Client(), method)(address).status_code == 404


def test_feed_of_a_person_who_may_not_sign_in_is_gone(api):
    patient = make_user()
    address = path(share(api, patient, "patient"))
    patient.is_active = False
    patient.save()
    assert Client().get(address).status_code == 404


def test_who_is_no_doctor_any_more_has_no_doctors_feed(api):
    doctor = make_appointment().practitioner.user
    address = path(share(api, doctor, "doctor", with_names=True))
    assert Client().get(address).status_code == 200

    change_role(doctor, Role.PATIENT, by=make_user(Role.ADMIN))

    assert Client().get(address).status_code == 404


def test_past_is_left_out_after_a_while(api):
    patient = make_user()
    for days in (1, 89, 91):
        make_appointment(patient=patient, starts_at=timezone.now() - timedelta(days=days), status=Status.COMPLETED)
    assert len(events_of(Client().get(path(share(api, patient, FeedKind.PATIENT))).content)) == 2

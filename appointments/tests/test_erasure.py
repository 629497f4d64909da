"""Erasing a person: nobody who is expected goes, and what was said about the visits goes with them."""

import pytest

from accounts.enums import Role
from accounts.exceptions import StillNeeded
from accounts.services.anonymisation import anonymise_user
from accounts.tests.factories import make_user
from appointments import erasure
from appointments.enums import ACTIVE, EntryStatus, FeedKind, Status
from appointments.models import Appointment, Practitioner, TimeOff
from appointments.services.booking import book
from appointments.services.calendars import feed_of, share
from appointments.services.handling import cancel, write_notes
from appointments.tests.factories import at, make_appointment, make_entry, make_practitioner, make_time_off, visit_type
from audit.models import EventPersonal
from common.tests.rows import contents

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return make_user(Role.ADMIN)


@pytest.mark.parametrize("status", ACTIVE)
@pytest.mark.parametrize("who", ["patient", "doctor"])
def test_who_is_expected_or_expects_somebody_is_not_erased(admin, who, status):
    row = make_appointment(status=status)
    before = contents()

    with pytest.raises(StillNeeded) as refusal:
        anonymise_user(row.patient if who == "patient" else row.practitioner.user, by=admin)

    assert [(error.field, error.code, str(error.detail)) for error in refusal.value.errors] == [
        (
            "appointments",
            "still_needed",
            "Des rendez-vous sont à venir ou sans issue : annulez-les, ou notez comment ils ont fini.",
        )
    ]
    assert contents() == before


def test_words_about_visits_go_with_the_patient(admin):
    doctor, marie = make_practitioner(), make_user()
    row = make_appointment(practitioner=doctor, patient=marie, reason="Marie: dépistage")
    beyond = make_appointment(
        practitioner=doctor, patient=marie, starts_at=at(11), overbooked=True, overbook_reason="Marie, urgence"
    )
    other = make_appointment(practitioner=doctor, starts_at=at(13), reason="Toux", status=Status.COMPLETED)
    for each in (row, beyond):
        write_notes(each, notes="Marie va mieux", by=doctor.user)
        cancel(each, reason="Marie est guérie", by=doctor.user)
    write_notes(other, notes="Repos", by=doctor.user)
    kept = list(Appointment.objects.order_by("pk").values_list("pk", "status", "starts_at", "overbooked", "price"))

    anonymise_user(marie, by=admin)

    words = Appointment.objects.order_by("pk").values_list("reason", "cancel_reason", "overbook_reason")
    assert list(words) == [("", "", ""), ("", "", "…"), ("Toux", "", "")]
    assert [bool(each.private_notes) for each in Appointment.objects.order_by("pk")] == [False, False, True]
    values = ("pk", "status", "starts_at", "overbooked", "price")
    assert list(Appointment.objects.order_by("pk").values_list(*values)) == kept
    assert "Marie" not in str(contents())


def test_words_about_visits_go_from_the_log(admin):
    staff, marie, doctor = make_user(Role.STAFF), make_user(credits=5), make_practitioner()
    row = book(
        marie,
        practitioner_id=doctor.pk,
        visit_type_id=visit_type(doctor).pk,
        starts_at=at(),
        reason="Marie: dépistage",
        overbook_reason="Marie, urgence",
        by=staff,
    )
    cancel(row, reason="Marie est guérie", by=staff)
    told = [each for each in EventPersonal.objects.values_list("values", flat=True) if "Marie" in str(each)]
    assert told == [
        {"reason": "Marie: dépistage", "overbook_reason": "Marie, urgence"},
        {"reason": "Marie: dépistage", "cancel_reason": "Marie est guérie", "overbook_reason": "Marie, urgence"},
    ]

    anonymise_user(marie, by=admin)

    assert "Marie" not in str(contents())


def test_practice_presents_nobody_any_more(admin):
    doctor = make_practitioner(bio="Père de jumeaux", place="Chez moi", latitude=0.39, longitude=9.45)
    row = make_appointment(practitioner=doctor, status=Status.CONFIRMED, reason="Toux")
    off = make_time_off(doctor, at(8, days=9), at(17, days=9))
    TimeOff.objects.update(reason="Père malade")
    write_notes(row, notes="Père de jumeaux, lui aussi", by=doctor.user)
    doctor.bio = "Père de triplés"
    doctor.save()
    cancel(row, reason="Père malade", by=doctor.user)

    anonymise_user(doctor.user, by=admin)

    found = Practitioner.objects.get()
    assert (found.bio, found.place, found.latitude, found.longitude) == ("", "", None, None)
    off.refresh_from_db()
    assert off.reason == ""
    row.refresh_from_db()
    assert (row.reason, row.cancel_reason, row.private_notes) == ("Toux", "", b"")
    assert [word for word in ("Père", "Chez moi", "9.45") if word in str(contents())] == []


def test_nothing_waits_for_an_erased_person(admin):
    doctor, marie = make_practitioner(), make_user()
    theirs = make_entry(doctor, patient=marie), make_entry(doctor, patient=marie, status=EntryStatus.FULFILLED)
    other = make_entry(doctor)
    _feed, token = share(marie, kind=FeedKind.PATIENT, by=marie)
    _others, kept = share(doctor.user, kind=FeedKind.DOCTOR, by=doctor.user)

    anonymise_user(marie, by=admin)

    for entry in (*theirs, other):
        entry.refresh_from_db()
    assert [entry.status for entry in (*theirs, other)] == ["left", "fulfilled", "waiting"]
    assert (feed_of(token), feed_of(kept) is not None) == (None, True)
    assert marie.calendar_feeds.get().revoked_at is not None
    before = contents()
    erasure.erase(marie.pk)
    assert contents() == before

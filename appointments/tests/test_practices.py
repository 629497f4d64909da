"""From a registration to the list: every specialty checked, and nobody listed before staff have verified them."""

import pytest
from django.contrib.auth.models import Group

from accounts.enums import Duty, Role
from accounts.models import User
from accounts.services.roles import change_role
from accounts.tests.factories import make_user
from appointments.models import Practitioner
from appointments.selectors.conflicts import conflicts
from appointments.services.practices import unlist, verify
from appointments.tests.factories import at, make_appointment, make_practitioner, make_specialty, make_time_off
from audit.models import Event
from common.errors import Forbidden
from common.states import IllegalMove

pytestmark = pytest.mark.django_db


def register(api, **body):
    data = {"email": "dr@example.org", "password": "Un-bon-mot-2026", "role": "doctor"} | body
    return api().post("/api/v1/auth/register/", data, format="json")


def test_doctor_registers_with_specialties_and_waits_for_staff(api):
    one, two = make_specialty(), make_specialty()

    response = register(api, specialty_ids=[one.pk, two.pk], bio="Vingt ans de métier")

    assert response.status_code == 201, response.content
    practitioner = Practitioner.objects.get()
    assert practitioner.user.email == "dr@example.org"
    assert set(practitioner.specialties.all()) == {one, two}
    assert not practitioner.is_listed
    assert api().get("/api/v1/doctors/").json()["results"] == []


def test_every_unknown_specialty_is_named_and_nothing_is_registered(api):
    known = make_specialty()

    response = register(api, specialty_ids=[999_998, known.pk, 999_999])

    assert (response.status_code, response.json()["code"]) == (400, "unknown_specialty")
    assert [error["field"] for error in response.json()["errors"]] == ["specialty_ids.0", "specialty_ids.2"]
    assert not User.objects.exists()
    assert not Practitioner.objects.exists()


def test_patient_who_registers_has_no_practice(api):
    assert register(api, role="patient").status_code == 201
    assert not Practitioner.objects.exists()


def test_staff_verify_and_unlist(api):
    doctor, staff = make_practitioner(verified=False), make_user(Role.STAFF)
    verify(doctor, by=staff)
    assert [row["id"] for row in api().get("/api/v1/doctors/").json()["results"]] == [doctor.pk]
    with pytest.raises(IllegalMove):
        verify(doctor, by=staff)
    unlist(doctor, by=staff)
    assert api().get("/api/v1/doctors/").json()["results"] == []
    events = Event.objects.filter(entity="practitioner", action__startswith="practitioner.").order_by("pk")
    assert list(events.values_list("action", flat=True)) == ["practitioner.verified", "practitioner.unlisted"]


def test_nobody_verifies_themselves_or_a_person_who_is_no_doctor():
    doctor = make_practitioner(verified=False)
    for person in (doctor.user, make_user(), make_user(Role.PHARMACIST)):
        with pytest.raises(Forbidden):
            verify(doctor, by=person)
    turned = make_practitioner(verified=False, user=make_user(Role.PATIENT))
    with pytest.raises(IllegalMove):
        verify(turned, by=make_user(Role.ADMIN))
    assert not Practitioner.objects.filter(verified_at__isnull=False).exists()


def test_change_of_hours_drops_nobody_and_lists_who_has_no_room():
    doctor = make_practitioner()
    kept = make_appointment(practitioner=doctor, starts_at=at(10))
    early = make_appointment(practitioner=doctor, starts_at=at(8))
    away = make_appointment(practitioner=doctor, starts_at=at(14))
    make_appointment(practitioner=doctor, starts_at=at(20), overbooked=True, overbook_reason="Urgence")
    make_appointment(practitioner=doctor, starts_at=at(8, days=4), status="cancelled")
    assert conflicts(doctor) == []

    doctor.hours.update(opens="09:00")
    make_time_off(doctor, at(14, 15), at(16))

    assert conflicts(doctor) == [early, away]
    for row in (kept, early, away):
        row.refresh_from_db()
        assert row.status == "booked"


def test_medical_secretary_keeps_the_appointments_and_nothing_else(api):
    patient, row = make_user(), make_appointment(starts_at=at(10))
    secretary = make_user()
    secretary.groups.add(Group.objects.get(name=Duty.MEDICAL_SECRETARY))
    data = {"doctor": row.practitioner_id, "visit_type": row.visit_type_id, "patient": patient.pk}
    address, key = "/api/v1/appointments/", {"Idempotency-Key": "k"}

    booked = api(secretary).post(address, data | {"starts_at": at(9).isoformat()}, format="json", headers=key)

    assert booked.status_code == 201, booked.content
    moved = api(secretary).patch(f"{address}{row.public_id}/", {"starts_at": at(11).isoformat()}, format="json")
    assert (moved.status_code, moved.json()["starts_at"][11:16]) == (200, "11:00")
    assert "private_notes" not in moved.json()
    notes = api(secretary).patch(f"{address}{row.public_id}/", {"private_notes": "x"}, format="json")
    assert (notes.status_code, notes.json()["code"]) == (403, "permission_denied")
    assert api(secretary).delete(f"{address}{booked.json()['id']}/").json()["status"] == "cancelled"
    with pytest.raises(Forbidden):
        verify(make_practitioner(verified=False), by=secretary)
    assert {name.partition(".")[0] for name in secretary.get_all_permissions()} == {"accounts", "appointments"}
    assert {name for name in secretary.get_all_permissions() if name.startswith("accounts.")} == {"accounts.view_user"}


def test_another_role_ends_the_duty_of_a_secretary():
    secretary = make_user(Role.STAFF)
    secretary.groups.add(Group.objects.get(name=Duty.MEDICAL_SECRETARY))

    change_role(secretary, Role.PATIENT, by=make_user(Role.ADMIN))

    assert not User.objects.get(pk=secretary.pk).has_perm("appointments.view_appointment")

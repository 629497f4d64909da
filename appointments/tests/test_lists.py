"""Who sees what, how it is looked up, and at the price of how many queries."""

import re
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.enums import Role
from accounts.tests.factories import make_user
from appointments.enums import PaidWith, Status
from appointments.models import Appointment, Practitioner
from appointments.tests.factories import (
    at,
    day,
    make_appointment,
    make_practitioner,
    make_specialty,
    make_time_off,
    make_visit_type,
    visit_type,
)
from config.env import env

pytestmark = pytest.mark.django_db

URL = "/api/v1/appointments/"


def _ids(response):
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def _queries(client, url):
    with CaptureQueriesContext(connection) as queries:
        response = client.get(url)
    assert response.status_code == 200, response.content
    return len(queries)


def test_everybody_sees_what_is_theirs(api):
    doctor, patient = make_practitioner(), make_user()
    mine = make_appointment(practitioner=doctor, patient=patient)
    other = make_appointment(patient=patient, starts_at=at(11))
    theirs = make_appointment(practitioner=doctor, starts_at=at(12))
    everything = [str(row.public_id) for row in (theirs, other, mine)]

    assert _ids(api(patient).get(URL)) == everything[1:]
    assert _ids(api(doctor.user).get(URL)) == [everything[0], everything[2]]
    assert _ids(api(make_user(Role.STAFF)).get(URL)) == everything
    assert _ids(api(make_practitioner().user).get(URL)) == []
    assert _ids(api(make_user(Role.PHARMACIST)).get(URL)) == []
    for person, status in ((patient, 200), (doctor.user, 200), (make_user(), 404), (make_practitioner().user, 404)):
        assert api(person).get(f"{URL}{mine.public_id}/").status_code == status


def test_patients_are_named_to_doctors_and_not_to_themselves(api):
    row = make_appointment(patient=make_user(first_name="Aïcha", last_name="Exemple", phone="+24177000001"))
    seen = api(row.practitioner.user).get(f"{URL}{row.public_id}/").json()["patient"]
    assert seen == {"id": row.patient_id, "full_name": "Aïcha Exemple", "phone": "+24177000001"}
    assert api(row.patient).get(f"{URL}{row.public_id}/").json()["patient"] is None


def test_lists_are_filtered_by_time_and_status(api):
    doctor = make_practitioner()
    rows = [
        make_appointment(practitioner=doctor, starts_at=at(9, days=day), status=status)
        for day, status in ((1, Status.BOOKED), (2, Status.CONFIRMED), (3, Status.BOOKED))
    ]
    first, second, third = (str(row.public_id) for row in rows)
    client = api(doctor.user)

    assert _ids(client.get(URL, {"status": "booked"})) == [third, first]
    assert _ids(client.get(URL, {"starts_after": at(9, days=2).isoformat()})) == [third, second]
    assert _ids(client.get(URL, {"starts_before": at(9, days=2).isoformat()})) == [first]
    assert client.get(URL, {"starts_after": "2027-01-01T00:00:00"}).status_code == 400
    assert client.get(URL, {"status": "x"}).status_code == 400


@pytest.mark.parametrize("role, expected", [(Role.PATIENT, 5), (Role.DOCTOR, 6), (Role.STAFF, 5)])
def test_queries_of_a_list_do_not_grow_with_it(api, role, expected):
    person = make_user(role)
    client = api(person)

    def add(hour):
        made = make_practitioner(fee=1_000)
        make_appointment(
            practitioner=made, patient=person, starts_at=at(hour), paid_with=PaidWith.MONEY, status=Status.CONFIRMED
        )

    add(9)
    assert _queries(client, URL) == expected
    add(10)
    add(11)
    assert _queries(client, URL) == expected


@pytest.mark.skipif(connection.vendor != "postgresql", reason="plans are PostgreSQL's")
@pytest.mark.django_db(transaction=True)
def test_list_of_a_doctor_does_not_read_the_whole_table():
    """Of 3,000 visits one is theirs; the planner knows."""
    crowded, patients = make_appointment(status=Status.COMPLETED), [make_user().pk for _ in range(20)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO appointments_appointment (public_id, practitioner_id, patient_id, visit_type_id, starts_at, "
            "ends_at, blocked_from, blocked_until, status, reason, private_notes, price, currency, credits_charged, "
            "paid_with, overbooked, overbook_reason, sequence, scheduled_at, cancel_reason, created_at, updated_at) "
            "SELECT gen_random_uuid(), a.practitioner_id, (%s::bigint[])[1 + g %% 20], a.visit_type_id, "
            "now() - g * interval '1 minute', now() - (g - 1) * interval '1 minute', now() - g * interval '1 minute', "
            "now() - (g - 1) * interval '1 minute', 'completed', '', '', 0, 'XAF', 0, '', false, '', 0, now(), '', "
            "now(), now() FROM appointments_appointment a, generate_series(1, 3000) g WHERE a.id = %s",
            [patients, crowded.pk],
        )
    doctor = make_appointment().practitioner
    analyze("appointments_appointment")

    plan = Appointment.objects.visible_to(doctor.user).order_by("-id")[:21].explain()

    assert "Bitmap Index Scan on appointment_patient_newest" in plan
    assert "Bitmap Index Scan on appointment_practitioner_day" in plan
    assert not re.search(r"Seq Scan on appointments_appointment|appointments_appointment_pkey", plan), plan


def analyze(table):
    """As the owner, who alone may: what the planner knows of it."""
    now, owner = connection.settings_dict, env.db_url_config(env.str("DATABASE_OWNER_URL"))
    place = {"host": now["HOST"], "port": now["PORT"], "dbname": now["NAME"]}
    with psycopg.connect(**place, user=owner["USER"], password=owner["PASSWORD"], autocommit=True) as session:
        session.execute(f"ANALYZE {table}")


def test_doctors_are_listed_once_verified(api):
    make_practitioner(verified=False)
    cardiology = make_specialty(name_fr="Cardiologie", name_en="Cardiology")
    doctor = make_practitioner(
        specialties=(cardiology,),
        place="Cabinet du port",
        latitude=0.39,
        longitude=9.45,
        languages=["fr", "en"],
        fee=9_000,
    )
    kind = visit_type(doctor)

    (seen,) = api().get("/api/v1/doctors/").json()["results"]

    assert seen == {
        "id": doctor.pk,
        "full_name": doctor.user.get_full_name(),
        "specialties": [{"id": cardiology.pk, "name": "Cardiologie"}],
        "bio": "",
        "place": "Cabinet du port",
        "position": {"lat": 0.39, "lon": 9.45},
        "fee": 9_000,
        "fee_credits": None,
        "currency": "XAF",
        "languages": ["fr", "en"],
        "timezone": "Africa/Libreville",
        "distance_km": None,
        "visit_types": [
            {"id": kind.pk, "name": kind.name, "minutes": 30, "fee": 9_000, "fee_credits": None, "is_remote": False}
        ],
    }
    assert api().get(f"/api/v1/doctors/{doctor.pk}/").json() == seen
    english = api().get(f"/api/v1/doctors/{doctor.pk}/", headers={"Accept-Language": "en"}).json()
    assert english["specialties"][0]["name"] == "Cardiology"


def test_doctors_are_looked_up(api):
    wide, narrow = make_specialty(), make_specialty(name_fr="Pédiatrie du sport")
    narrow.parent = wide
    narrow.save()
    near = make_practitioner(specialties=(narrow,), latitude=0.4, longitude=9.45, languages=["fr"], place="Louis")
    far = make_practitioner(specialties=(wide,), latitude=-0.7, longitude=8.78, languages=["en"], place="Port-Gentil")
    nowhere = make_practitioner()
    make_time_off(far, at(0, days=2), at(0, days=3))

    def found(**params):
        return _ids(api().get("/api/v1/doctors/", params))

    assert found(near="0.39,9.45") == [near.pk, far.pk, nowhere.pk]
    assert set(found(specialty=wide.pk)) == {near.pk, far.pk}
    assert found(specialty=narrow.pk) == [near.pk]
    assert found(language="en") == [far.pk]
    assert found(q="sport louis") == [near.pk]
    assert found(q=nowhere.user.last_name) == [nowhere.pk]
    assert far.pk not in found(available_on=day(2).isoformat())
    assert set(found(available_on=day(3).isoformat())) == {near.pk, far.pk, nowhere.pk}
    for wrong in ({"specialty": "x"}, {"near": "1"}, {"language": "FR"}, {"available_on": "2027"}, {"page": 0}):
        assert api().get("/api/v1/doctors/", wrong).status_code == 400, wrong


def test_specialties_are_a_tree(api):
    wide = make_specialty(name_fr="A")
    make_specialty(name_fr="B", parent=wide)
    seen = api().get("/api/v1/specialties/").json()["results"]
    assert [(row["name"], row["parent"]) for row in seen] == [("A", None), ("B", wide.pk)]


def _slots(api, doctor, **params):
    response = api().get(f"/api/v1/doctors/{doctor.pk}/slots/", params)
    assert response.status_code == 200, response.content
    return response.json()["results"]


def test_slots_of_a_day_in_the_doctors_zone(api):
    doctor = make_practitioner(timezone="Europe/Paris", grid_minutes=30)
    make_visit_type(doctor, minutes=240)
    make_appointment(practitioner=doctor, starts_at=at(9, zone="Europe/Paris"))
    make_appointment(
        practitioner=doctor, starts_at=at(10, zone="Europe/Paris"), status=Status.HELD, hold_expires_at=timezone.now()
    )
    chosen = day(3).isoformat()

    short = _slots(api, doctor, **{"from": chosen, "to": chosen, "visit_type": visit_type(doctor).pk})
    both = _slots(api, doctor, **{"from": chosen, "to": chosen})

    starts = [slot["starts_at"] for slot in short]
    assert starts[:3] == [
        at(hour, minute, zone="Europe/Paris").astimezone(doctor.zone).isoformat()
        for hour, minute in ((8, 0), (8, 30), (9, 30))
    ]
    assert len(starts) == 17
    assert {slot["visit_type"] for slot in short} == {visit_type(doctor).pk}
    assert len(both) > len(short)
    assert [slot["starts_at"] for slot in both] == sorted(slot["starts_at"] for slot in both)


def test_slots_are_asked_for_at_most_62_days(api):
    doctor = make_practitioner()
    address = f"/api/v1/doctors/{doctor.pk}/slots/"
    begin = day(1)

    assert api().get(address, {"from": begin, "to": begin + timedelta(days=61)}).status_code == 200
    too_long = api().get(address, {"from": begin, "to": begin + timedelta(days=62)})
    assert (too_long.status_code, too_long.json()["code"]) == (400, "range_too_long")
    backwards = api().get(address, {"from": begin, "to": begin - timedelta(days=2)})
    assert (backwards.status_code, backwards.json()["code"]) == (400, "invalid_period")
    for wrong in ({"from": "x"}, {"from": "2027-01-01T00:00:00"}, {"visit_type": "x"}, {"to": "9999-12-31"}):
        assert api().get(address, wrong).status_code == 400, wrong
    assert api().get(address, {"visit_type": 999_999}).json()["code"] == "unknown_visit_type"
    assert api().get("/api/v1/doctors/999999/slots/").json()["code"] == "unknown_doctor"
    Practitioner.objects.update(is_active=False)
    assert api().get(address).status_code == 404


def test_first_free_slot_across_doctors(api):
    cardiology = make_specialty()
    busy = make_practitioner(specialties=(cardiology,), latitude=0.39, longitude=9.45)
    free = make_practitioner(specialties=(cardiology,))
    make_practitioner()
    make_time_off(busy, at(0, days=0), at(0, days=5))
    gone = make_practitioner(specialties=(cardiology,))
    make_time_off(gone, at(0, days=0), at(0, days=40))

    seen = api().get("/api/v1/slots/", {"specialty": cardiology.pk, "near": "0.39,9.45"}).json()["results"]

    assert [row["doctor"] for row in seen] == [free.pk, busy.pk]
    assert seen[1]["starts_at"] == at(8, days=5).astimezone(busy.zone).isoformat()
    assert (seen[1]["full_name"], seen[1]["distance_km"]) == (busy.user.get_full_name(), 0.0)


@pytest.mark.parametrize("asked", ["doctors/", "slots/", "doctors/?available_on="])
def test_queries_do_not_grow_with_the_doctors(api, asked):
    address = f"/api/v1/{asked}{day(4) if asked.endswith('=') else ''}"
    make_practitioner()
    at_one = _queries(api(), address)
    for _ in range(2):
        doctor = make_practitioner()
        make_appointment(practitioner=doctor)
        make_time_off(doctor, at(12), at(13))
    assert _queries(api(), address) == at_one
    # What PostgreSQL is asked in one trip are several statements on SQLite.
    assert at_one <= (9 if connection.vendor == "postgresql" else 10)

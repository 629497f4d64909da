"""Moments at the ends of the calendar, which a zone's offset or a day more carries beyond it: refused by name."""

import pytest

from accounts.enums import Role
from accounts.tests.factories import balance, make_user
from appointments.tests.factories import make_practitioner, visit_type
from catalog.models import OpeningHours
from catalog.tests.factories import StockFactory

pytestmark = pytest.mark.django_db

DAYS = ["0001-01-01", "9999-12-31"]


def named(answer):
    """The status, and the fields that a refusal names."""
    return answer.status_code, [item["field"] for item in answer.json().get("errors", ())]


@pytest.mark.parametrize(
    "moment, status_of_events",
    [
        ("0001-01-01T00:00:00Z", 200),
        ("0001-01-01T00:00:00+01:00", 400),
        ("0001-01-01T23:59:59-14:00", 200),
        ("9999-12-31T23:59:59Z", 200),
        ("9999-12-31T23:59:59-01:00", 400),
        ("9999-12-31T00:00:00+14:00", 200),
    ],
)
def test_far_moments(api, moment, status_of_events):
    staff, patient = api(make_user(Role.STAFF)), make_user(credits=10)
    doctor, stock, client = make_practitioner(), StockFactory(), api(patient)
    kind = visit_type(doctor)
    OpeningHours.objects.create(pharmacy=stock.pharmacy, day=0, opens=480, closes=1080)

    for name in ("occurred_after", "occurred_before"):
        assert staff.get("/api/v1/events/", {name: moment}).status_code == status_of_events
    assert named(client.get("/api/v1/pharmacies/", {"open_at": moment})) == (400, ["open_at"])
    for name in ("from", "to"):
        slots = client.get(f"/api/v1/doctors/{doctor.pk}/slots/", {name: moment, "visit_type": kind.pk})
        assert named(slots) == (400, [name])
        assert named(client.get("/api/v1/slots/", {name: moment, "specialty": 1})) == (400, [name])
    for path, body, field in (
        ("appointments", {"doctor": doctor.pk, "visit_type": kind.pk, "starts_at": moment}, "starts_at"),
        ("availability", {"lines": [{"product": stock.product_code, "quantity": 1}], "open_at": moment}, "open_at"),
    ):
        answer = client.post(f"/api/v1/{path}/", body, format="json", headers={"Idempotency-Key": path})
        assert named(answer) == (400, [field])
    assert balance(patient) == 10


@pytest.mark.parametrize("day", DAYS)
def test_far_days(api, day):
    client, doctor = api(make_user()), make_practitioner()

    for name in ("from", "to"):
        statement = client.get("/api/v1/account/entries.csv", {name: day})
        assert named(statement) == (400, ["to" if (name, day) == ("to", DAYS[0]) else "from"])
        assert named(client.get(f"/api/v1/doctors/{doctor.pk}/slots/", {name: day})) == (400, [name])
    assert named(client.get("/api/v1/doctors/", {"available_on": day})) == (400, ["available_on"])
    body = {"doctor": doctor.pk, "date_from": day, "date_to": day}
    joined = client.post("/api/v1/waitlist/", body, format="json", headers={"Idempotency-Key": "w"})
    assert named(joined) == (400, ["date_from", "date_to"])

"""People as staff see them: found, corrected, given a role."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role
from accounts.models import User
from accounts.tests.factories import make_user
from audit.models import Event
from common.tests.rows import contents

pytestmark = pytest.mark.django_db

USERS = "/api/v1/users/"


@pytest.fixture
def marie():
    return make_user(email="marie@example.org", first_name="Marie", last_name="Obame", phone="+24177123456")


@pytest.fixture
def staff():
    return make_user(Role.STAFF)


@pytest.fixture
def admin():
    return make_user(Role.ADMIN)


def _found(client, query):
    response = client.get(f"{USERS}?{query}")
    assert response.status_code == 200, response.content
    return {person["email"] for person in response.json()["results"]}


def test_staff_read_a_person(api, marie, staff):
    body = api(staff).get(f"{USERS}{marie.pk}/").json()

    assert body["created_at"]
    assert {name: value for name, value in body.items() if name != "created_at"} == {
        "id": marie.pk,
        "email": "marie@example.org",
        "first_name": "Marie",
        "last_name": "Obame",
        "full_name": "Marie Obame",
        "phone": "+24177123456",
        "role": "patient",
        "language": "fr",
        "bio": "",
        "is_verified": True,
        "mfa_enabled": False,
        "is_active": True,
        "last_login": None,
    }
    assert body in api(staff).get(USERS).json()["results"]


@pytest.mark.parametrize("role", [Role.PATIENT, Role.DOCTOR, Role.PHARMACIST])
@pytest.mark.parametrize("method, path", [("get", ""), ("get", "{id}/"), ("patch", "{id}/"), ("delete", "{id}/")])
def test_others_see_nobody_and_change_nobody(api, marie, role, method, path):
    stranger = make_user(role)
    client = api(stranger)
    before = contents()

    for person in (marie, stranger):
        response = getattr(client, method)(USERS + path.format(id=person.pk), {"first_name": "X"}, format="json")
        assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert contents() == before


def test_staff_without_the_permission_see_nobody(api, marie, staff):
    staff.groups.clear()
    for path in ("", f"{marie.pk}/"):
        assert api(staff).get(USERS + path).status_code == 403


@pytest.mark.parametrize("path", ["999999/", "0/", "99999999999999999999999/", "x/", "-1/"])
def test_person_who_does_not_exist(api, admin, path):
    assert api(admin).get(USERS + path).status_code == 404


@pytest.mark.parametrize(
    "search",
    ["marie@example.org", "MARIE@", "mari", "Marie", "obam", "OBAME", "077 12 34 56", "+241 77 12 34 56", "07123456"],
)
def test_search(api, staff, marie, search):
    make_user(first_name="Jean", last_name="Mba", phone="+24166123457")
    client = api(staff)

    response = client.get(USERS, {"search": search})
    assert [person["email"] for person in response.json()["results"]] == ["marie@example.org"]


def test_search_for_nobody(api, staff, marie):
    assert _found(api(staff), "search=nobody") == set()


def test_filters(api, staff, marie):
    doctor = make_user(Role.DOCTOR, is_verified=False)
    out = make_user(is_active=False)
    client = api(staff)

    assert _found(client, "role=doctor") == {doctor.email}
    assert _found(client, "role=patient&is_active=false") == {out.email}
    assert _found(client, "is_verified=false") == {doctor.email}
    assert _found(client, "role=patient&is_active=true&is_verified=true&search=marie") == {marie.email}
    assert client.get(f"{USERS}?role=king").json()["code"] == "invalid_choice"


def test_pages(api, staff):
    for _number in range(3):
        make_user()
    client = api(staff)

    first = client.get(f"{USERS}?limit=2").json()
    assert [person["id"] for person in first["results"]] == list(
        User.objects.order_by("-pk").values_list("pk", flat=True)[:2]
    )
    second = client.get(first["next"]).json()
    assert len(second["results"]) == 2
    assert client.get(f"{USERS}?limit=1000").json()["meta"] == {"limit": 100}


@pytest.mark.parametrize("rows", [1, 3])
def test_queries(api, staff, rows):
    for _number in range(rows):
        make_user(Role.DOCTOR)
    client = api(staff)

    with CaptureQueriesContext(connection) as queries:
        assert len(client.get(f"{USERS}?role=doctor").json()["results"]) == rows
    # The token's user and family, the permissions of user and groups, the page.
    assert len(queries) == 4


def test_staff_correct_a_profile(api, staff, marie):
    response = api(staff).patch(f"{USERS}{marie.pk}/", {"last_name": "Mba", "phone": "077 65 43 21"}, format="json")

    assert response.status_code == 200, response.content
    assert (response.json()["last_name"], response.json()["phone"]) == ("Mba", "+24177654321")
    event = Event.objects.get(action="user.profile_changed")
    assert (event.entity_id, event.actor_id) == (str(marie.pk), str(staff.pk))


@pytest.mark.parametrize(
    "body, errors",
    [
        ({"phone": "123"}, [("phone", "invalid_phone")]),
        ({"email": "x@example.org"}, [("email", "unknown_field")]),
        ({"is_verified": False}, [("is_verified", "unknown_field")]),
        ({"password": "x"}, [("password", "unknown_field")]),
        ({"is_superuser": True}, [("is_superuser", "unknown_field")]),
        ({"role": "king"}, [("role", "invalid_choice")]),
        ({"is_active": "perhaps"}, [("is_active", "invalid")]),
    ],
)
def test_change_that_is_refused_names_the_field(api, admin, marie, body, errors):
    before = contents()
    response = api(admin).patch(f"{USERS}{marie.pk}/", body, format="json")

    assert response.status_code == 400
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == errors
    assert contents() == before


@pytest.mark.parametrize("body", [{"role": "pharmacist"}, {"is_active": False}, {"first_name": "X", "role": "admin"}])
def test_only_administrators_decide_about_roles_and_access(api, staff, admin, marie, body):
    client = api(staff)
    before = contents()

    response = client.patch(f"{USERS}{marie.pk}/", body, format="json")
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
    assert contents() == before

    response = api(admin).patch(f"{USERS}{marie.pk}/", body, format="json")
    assert response.status_code == 200
    assert {name: response.json()[name] for name in body} == body


def test_staff_do_not_correct_administrators(api, staff, admin):
    response = api(staff).patch(f"{USERS}{admin.pk}/", {"first_name": "X"}, format="json")
    assert (response.status_code, response.json()["code"]) == (403, "administrators_only")


def test_new_role_ends_the_sessions(api, admin, marie):
    client = api(marie)
    api(admin).patch(f"{USERS}{marie.pk}/", {"role": "doctor"}, format="json")

    assert client.get("/api/v1/auth/me/").json()["code"] == "session_ended"
    event = Event.objects.get(action="user.role_changed")
    assert (event.changes, event.actor_id) == ({"old": "patient", "new": "doctor"}, str(admin.pk))


@pytest.mark.parametrize("body", [{"role": "staff"}, {"is_active": False}])
def test_nobody_changes_their_own_access(api, admin, body):
    response = api(admin).patch(f"{USERS}{admin.pk}/", body, format="json")
    assert (response.status_code, response.json()["code"]) == (403, "own_access")


def test_own_role_named_again_is_no_change(api, admin):
    assert api(admin).patch(f"{USERS}{admin.pk}/", {"role": "admin", "bio": "x"}, format="json").status_code == 200

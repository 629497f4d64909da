"""One's own profile."""

import json
from datetime import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.enums import Role
from accounts.models import User
from accounts.tests.factories import make_user
from audit.models import Event
from common.tests.rows import contents

pytestmark = pytest.mark.django_db

ADDRESSES = ["/api/v1/auth/me/", "/api/v1/auth/me", "/api/v1/users/me/", "/api/v1/auth/user/profile"]
ME = ADDRESSES[0]


@pytest.fixture
def user():
    return make_user(first_name="Marie", last_name="Obame", phone="+24177123456")


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_am_i(api, user, address):
    body = api(user).get(address).json()

    created_at = body.pop("created_at")
    assert datetime.fromisoformat(created_at) == User.objects.get().created_at
    assert body == {
        "id": user.pk,
        "email": user.email,
        "first_name": "Marie",
        "last_name": "Obame",
        "full_name": "Marie Obame",
        "phone": "+24177123456",
        "role": "patient",
        "language": "fr",
        "bio": "",
        "is_verified": True,
        "mfa_enabled": False,
    }
    assert created_at.endswith("+01:00")


def test_types_are_what_json_says(api):
    body = api(make_user(Role.STAFF)).get(ME).json()

    assert (body["is_verified"], body["mfa_enabled"]) == (True, False)


@pytest.mark.parametrize("address", ADDRESSES)
def test_patch_changes_what_is_given(api, user, address):
    response = api(user).patch(
        address,
        {"first_name": " Hélène ", "phone": "077 65 43 21", "language": "en", "bio": "Ligne 1\nLigne 2"},
        format="json",
    )

    assert response.status_code == 200, response.content
    body = response.json()
    assert (body["first_name"], body["phone"], body["language"]) == ("Hélène", "+24177654321", "en")
    assert body["full_name"] == "Hélène Obame"
    user.refresh_from_db()
    assert (user.first_name, user.phone, user.bio) == ("Hélène", "+24177654321", "Ligne 1\nLigne 2")
    assert user.last_name == "Obame"


def test_patch_can_empty_what_may_be_empty(api, user):
    body = {"first_name": "", "last_name": "", "phone": "", "bio": ""}
    assert api(user).patch(ME, body, format="json").status_code == 200

    user.refresh_from_db()
    assert (user.full_name, user.phone) == ("", "")


def test_patch_is_an_event_with_its_personal_values_apart(api, user):
    response = api(user).patch(ME, {"first_name": "Hélène", "last_name": "Obame"}, format="json")

    event = Event.objects.get(action="user.profile_changed")
    assert event.changes == {"fields": ["first_name"]}
    assert event.personal.values == {"old": {"first_name": "Marie"}, "new": {"first_name": "Hélène"}}
    assert (event.entity, event.entity_id, event.actor_id) == ("user", str(user.pk), str(user.pk))
    assert event.request_id == response.headers["X-Request-ID"]


@pytest.mark.parametrize("body", [{}, {"first_name": "Marie"}, {"phone": "077 12 34 56"}])
def test_patch_that_changes_nothing_writes_nothing(api, user, body):
    before = contents()

    assert api(user).patch(ME, body, format="json").status_code == 200
    assert contents() == before


@pytest.mark.parametrize(
    "body, errors",
    [
        ({"role": "admin"}, [("role", "unknown_field")]),
        ({"email": "x@example.org"}, [("email", "unknown_field")]),
        ({"is_verified": True}, [("is_verified", "unknown_field")]),
        ({"is_staff": True, "is_superuser": True}, [("is_staff", "unknown_field"), ("is_superuser", "unknown_field")]),
        ({"password": "x"}, [("password", "unknown_field")]),
        ({"id": 1}, [("id", "unknown_field")]),
        ({"token_version": 9}, [("token_version", "unknown_field")]),
        ({"full_name": "X Y"}, [("full_name", "unknown_field")]),
        ({"language": "de"}, [("language", "invalid_choice")]),
        ({"language": ["fr"]}, [("language", "invalid_choice")]),
        ({"first_name": None}, [("first_name", "null")]),
        ({"first_name": "x" * 151}, [("first_name", "max_length")]),
        ({"bio": "x" * 2001}, [("bio", "max_length")]),
        ({"first_name": {"a": 1}}, [("first_name", "invalid")]),
        ({"phone": "123"}, [("phone", "invalid_phone")]),
        ({"phone": "+999123456789"}, [("phone", "invalid_phone")]),
        (
            {"phone": "123", "first_name": None, "role": "admin"},
            [("first_name", "null"), ("phone", "invalid_phone"), ("role", "unknown_field")],
        ),
        ([], [("", "invalid")]),
        (None, [("", "null")]),
        ("x", [("", "invalid")]),
    ],
    ids=str,
)
def test_patch_refused_names_every_field_and_changes_nothing(api, user, body, errors):
    before = contents()
    response = api(user).generic("PATCH", ME, json.dumps(body), content_type="application/json")

    assert response.status_code == 400, response.content
    assert sorted((error["field"], error["code"]) for error in response.json()["errors"]) == sorted(errors)
    assert contents() == before


def test_patch_by_form_is_refused(api, user):
    before = contents()
    response = api(user).generic("PATCH", ME, "first_name=X", content_type="application/x-www-form-urlencoded")

    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")
    assert contents() == before


def test_nobody_is_nobody(api):
    for method in ("get", "patch"):
        assert getattr(api(), method)(ME).status_code == 401


def test_foreign_phone_keeps_its_country(api, user):
    assert api(user).patch(ME, {"phone": "+33 6 12 34 56 78"}, format="json").json()["phone"] == "+33612345678"


def test_queries(api, user):
    client = api(user)
    with CaptureQueriesContext(connection) as queries:
        client.get(ME)
    assert len(queries) == 1


def test_change_and_event_succeed_or_fail_together(api, user, monkeypatch):
    before = contents()

    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr("audit.receivers.accounts.record", fail)

    assert api(user).patch(ME, {"first_name": "X"}, format="json").status_code == 500
    assert contents() == before
    assert User.objects.get(pk=user.pk).first_name == "Marie"

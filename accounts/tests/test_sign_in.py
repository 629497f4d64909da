"""Sign-in by JSON, form and multipart, and what a refusal tells: nothing."""

import json

import jwt
import pytest
from django.conf import settings as project_settings
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import User
from accounts.tests.factories import PASSWORD, make_user
from audit.models import Event
from common.tests.rows import contents

pytestmark = pytest.mark.django_db

LOGIN = "/api/v1/auth/login/"
ADDRESSES = [LOGIN, "/api/v1/auth/login", "/api/v1/auth/login/json/"]


@pytest.fixture
def user():
    return make_user(email="marie@example.org", first_name="Marie", last_name="Obame", phone="+24177123456")


def _sign_in(email, password=PASSWORD, **kwargs):
    return APIClient().post(LOGIN, {"email": email, "password": password}, format="json", **kwargs)


def _claims(token):
    return jwt.decode(
        token,
        project_settings.JWT_SIGNING_KEY,
        algorithms=["HS256"],
        audience="toctocmedoc-api",
        issuer="toctocmedoc",
    )


def test_json(user):
    response = _sign_in("marie@example.org")

    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)
    user.refresh_from_db()
    assert body["user"] == {
        "id": user.pk,
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
        "created_at": body["user"]["created_at"],
    }
    assert user.last_login is not None


def test_claims_of_the_tokens(user):
    body = _sign_in("marie@example.org").json()

    access, refresh = _claims(body["access_token"]), _claims(body["refresh_token"])
    for claims, kind, lifetime in ((access, "access", 30 * 60), (refresh, "refresh", 7 * 86400)):
        expected = {"sub", "role", "type", "jti", "fam", "ver", "iat", "exp", "iss", "aud"}
        assert set(claims) == expected | ({"ctr"} if kind == "refresh" else set())
        assert (claims["sub"], claims["role"], claims["ver"], claims["type"]) == (str(user.pk), "patient", 1, kind)
        assert claims["exp"] - claims["iat"] == lifetime
    assert access["jti"] != refresh["jti"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address(user, address):
    client = APIClient()
    credentials = {"email": "marie@example.org", "password": PASSWORD}

    assert client.post(address, credentials, format="json").status_code == 200


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart"])
@pytest.mark.parametrize("extra", [{}, {"grant_type": "password", "scope": "", "client_id": "", "client_secret": ""}])
def test_form_of_oauth2_clients(user, content_type, extra):
    fields = {"username": "marie@example.org", "password": PASSWORD, **extra}
    if content_type == "multipart":
        response = APIClient().post(LOGIN, fields, format="multipart")
    else:
        body = "&".join(f"{name}={value}" for name, value in fields.items())
        response = APIClient().generic("POST", LOGIN, body, content_type=content_type)

    assert response.status_code == 200, response.content
    assert response.json()["user"]["email"] == "marie@example.org"


@pytest.mark.parametrize("email", ["MARIE@Example.Org", "  marie@example.org ", "Marie@EXAMPLE.org"])
def test_address_in_any_case(user, email):
    assert _sign_in(email).status_code == 200


@pytest.mark.parametrize("email", ["Hélène@example.org", "HE\u0301LE\u0300NE@example.org", "hélène@EXAMPLE.org"])
def test_address_in_any_spelling(email):
    make_user(email="hélène@example.org")

    assert _sign_in(email).status_code == 200


def test_address_names_one_person(user):
    before = contents()
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user(email="MARIE@example.org")
    assert contents() == before


def test_password_is_taken_as_it_is_typed():
    user = make_user(email="p@example.org")
    user.set_password("  é ß\t")
    user.save()

    assert _sign_in("p@example.org", "  é ß\t").status_code == 200
    assert _sign_in("p@example.org", "é ß").status_code == 401


def test_wrong_and_unknown_are_told_the_same(user):
    answers = [
        _sign_in("marie@example.org", "wrong"),
        _sign_in("nobody@example.org"),
        _sign_in("no address at all"),
        _sign_in("marie@example.org", PASSWORD.lower()),
        _sign_in("marie@example.org", PASSWORD + " "),
    ]

    bodies = []
    for answer in answers:
        assert answer.status_code == 401
        body = answer.json()
        body.pop("request_id")
        bodies.append(body)
    assert bodies[0]["code"] == "invalid_credentials"
    assert bodies == [bodies[0]] * len(bodies)
    assert User.objects.get(email="marie@example.org").last_login is None


def test_unknown_person_costs_a_hash_too(user, monkeypatch):
    hashed = []
    monkeypatch.setattr(User, "set_password", lambda self, raw: hashed.append(raw))
    _sign_in("nobody@example.org", "x")

    assert hashed == ["x"]


def test_switched_off_is_told_the_same_as_wrong(user):
    User.objects.update(is_active=False)

    assert _sign_in("marie@example.org").json()["code"] == "invalid_credentials"


def test_unverified_address():
    make_user(email="new@example.org", is_verified=False)

    response = _sign_in("new@example.org")
    assert (response.status_code, response.json()["code"]) == (403, "email_not_verified")
    assert _sign_in("new@example.org", "wrong").json()["code"] == "invalid_credentials"
    assert User.objects.get().last_login is None


def test_person_without_a_password():
    user = make_user(email="x@example.org")
    user.set_unusable_password()
    user.save()

    assert _sign_in("x@example.org", "").status_code == 400
    assert _sign_in("x@example.org", user.password).status_code == 401


@pytest.mark.parametrize(
    "body, errors",
    [
        ({}, [("email", "required"), ("password", "required")]),
        ({"email": "a@b.c"}, [("password", "required")]),
        ({"email": "", "password": "x"}, [("email", "blank")]),
        ({"email": None, "password": "x"}, [("email", "null")]),
        ({"email": ["a"], "password": {"$ne": 1}}, [("email", "invalid"), ("password", "invalid")]),
        ({"email": "a" * 255, "password": "x" * 257}, [("email", "max_length"), ("password", "max_length")]),
        ({"email": "a@b.c", "password": "x", "role": "admin"}, [("role", "unknown_field")]),
        ({"username": "a@b.c", "password": "x"}, [("email", "required"), ("username", "unknown_field")]),
        ([], [("", "invalid")]),
        ("x", [("", "invalid")]),
    ],
)
def test_body_that_does_not_fit(user, body, errors):
    before = contents()
    response = APIClient().post(LOGIN, body, format="json")

    assert response.status_code == 400
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == errors
    assert contents() == before


@pytest.mark.parametrize(
    "content_type, body, status, code",
    [
        ("application/json", b"{", 400, "malformed_json"),
        ("application/json", b'{"email": "a\\u0000", "password": "x"}', 400, "forbidden_characters"),
        ("application/json", b"[" * 1100, 400, "json_too_deep"),
        ("application/json", b" " * 262_145, 413, "payload_too_large"),
        ("application/x-www-form-urlencoded", b"username=" + b"a" * 262_144, 413, "payload_too_large"),
        ("application/x-www-form-urlencoded", b"&".join(b"a=1" for _ in range(1001)), 400, "invalid"),
        ("application/x-www-form-urlencoded", b"username=%00&password=x", 400, "null_characters_not_allowed"),
        ("application/x-www-form-urlencoded", b"username=a&password=x&role=admin", 400, "unknown_field"),
        ("application/x-www-form-urlencoded", b"email=marie@example.org&password=x", 400, "invalid"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a" * 262_144, 413, "payload_too_large"),
        ("multipart/form-data; boundary=x", b"nothing", 400, "required"),
        ("multipart/form-data", b"nothing", 400, "parse_error"),
        ("text/plain", b"{}", 415, "unsupported_media_type"),
        ("application/xml", b"<a/>", 415, "unsupported_media_type"),
    ],
)
def test_hostile_body(user, content_type, body, status, code):
    before = contents()
    response = APIClient().generic("POST", LOGIN, body, content_type=content_type)

    assert (response.status_code, response.json().get("code")) == (status, code), response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    assert contents() == before


def test_events(user):
    _sign_in("Marie@example.org", headers={"x-request-id": "request-0001"})
    _sign_in("Marie@example.org", "wrong")
    _sign_in("Nobody@example.org")
    make_user(email="new@example.org", is_verified=False)
    _sign_in("new@example.org")

    signed_in = Event.objects.get(action="user.signed_in")
    assert (signed_in.actor_kind, signed_in.actor_id, signed_in.entity_id) == ("user", str(user.pk), str(user.pk))
    assert (signed_in.request_id, signed_in.personal.ip) == ("request-0001", "127.0.0.1")
    failed = list(Event.objects.filter(action="user.sign_in_failed").order_by("id"))
    assert [event.changes["reason"] for event in failed] == [
        "invalid_credentials",
        "invalid_credentials",
        "email_not_verified",
    ]
    assert [event.personal.values for event in failed] == [
        {"email": "marie@example.org"},
        {"email": "nobody@example.org"},
        {"email": "new@example.org"},
    ]
    assert {event.actor_kind for event in failed} == {"anonymous"}
    assert PASSWORD not in str(contents())


def test_queries_of_a_sign_in(user):
    counts = []
    for _again in range(2):
        with CaptureQueriesContext(connection) as queries:
            _sign_in("marie@example.org")
        counts.append(len([query for query in queries if "SAVEPOINT" not in query["sql"]]))

    # The device; for a new one the address, the network and the account; the user; what is given back; the date; the
    # family; the event with its personal part.
    assert counts == ([7, 6] if connection.vendor == "postgresql" else [17, 9])


@pytest.mark.parametrize("role", Role)
def test_every_role_signs_in(role):
    user = make_user(role)

    body = _sign_in(user.email).json()
    assert body["user"]["role"] == role
    assert _claims(body["access_token"])["role"] == role


def test_other_methods(user):
    for method in ("get", "put", "patch", "delete"):
        response = getattr(APIClient(), method)(LOGIN)
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_media_type_in_any_case(user):
    body = json.dumps({"email": user.email, "password": PASSWORD})

    assert APIClient().post(LOGIN, body, content_type="Application/JSON").status_code == 200

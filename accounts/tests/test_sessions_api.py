"""One's own sessions: seen, ended one by one or all at once; the refresh cookie."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.exceptions import SessionEnded
from accounts.models import TokenFamily
from accounts.services.sessions import end_sessions, forget_expired, open_session
from accounts.tests.factories import PASSWORD, make_session, make_user
from audit.models import Event

pytestmark = pytest.mark.django_db

AUTH = "/api/v1/auth/"
LOGIN, REFRESH, SESSIONS, ME = AUTH + "login/", AUTH + "refresh/", AUTH + "sessions/", AUTH + "me/"


@pytest.fixture
def user():
    return make_user(email="marie@example.org")


def _sign_in(device="phone", ip="198.51.100.7", path=LOGIN, email="marie@example.org"):
    """A client that is signed in, with the cookies it was given."""
    client = APIClient(headers={"user-agent": device}, REMOTE_ADDR=ip)
    response = client.post(path, {"email": email, "password": PASSWORD}, format="json")
    assert response.status_code == 200, response.content
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {response.json()['access_token']}")
    return client


def _ended():
    return dict(TokenFamily.objects.exclude(revoked_for="").values_list("device", "revoked_for"))


def test_list(user):
    phone, laptop = _sign_in("phone"), _sign_in("laptop", "2001:db8::1")
    make_session(make_user())

    body = laptop.get(SESSIONS).json()
    assert set(body) == {"results", "next", "previous", "meta"}
    assert [(row["device"], row["ip"], row["current"]) for row in body["results"]] == [
        ("laptop", "2001:db8::1", True),
        ("phone", "198.51.100.7", False),
    ]
    assert set(body["results"][0]) == {"id", "device", "ip", "created_at", "last_used_at", "current"}
    assert [row["current"] for row in phone.get(SESSIONS).json()["results"]] == [False, True]


def test_list_shows_open_sessions_only(user):
    phone = _sign_in("phone")
    _sign_in("laptop").post(AUTH + "logout/")
    _sign_in("tablet")
    TokenFamily.objects.filter(device="tablet").update(expires_at=timezone.now())

    assert [row["device"] for row in phone.get(SESSIONS).json()["results"]] == ["phone"]


@pytest.mark.parametrize("count", [1, 3])
def test_queries_of_the_list(user, count):
    clients = [_sign_in() for _ in range(count)]
    with CaptureQueriesContext(connection) as queries:
        assert len(clients[0].get(SESSIONS).json()["results"]) == count
    assert len(queries) == 2


def test_me_costs_one_query(user):
    client = _sign_in()
    with CaptureQueriesContext(connection) as queries:
        assert client.get(ME).status_code == 200
    assert len(queries) == 1


def test_sign_out_ends_this_session(user):
    phone, laptop = _sign_in("phone"), _sign_in("laptop")
    response = phone.post(AUTH + "logout/")

    assert (response.status_code, response.content) == (204, b"")
    assert response.cookies["refresh_token"].value == ""
    assert phone.get(ME).status_code == 401
    assert laptop.get(ME).status_code == 200
    assert _ended() == {"phone": "signed_out"}
    event = Event.objects.get(action="session.ended")
    assert event.changes == {"user": user.pk, "reason": "signed_out"}
    assert (event.actor_id, event.entity_id) == (
        str(user.pk),
        str(TokenFamily.objects.get(device="phone").public_id),
    )


def test_sign_out_everywhere(user):
    phone, laptop, other = _sign_in("phone"), _sign_in("laptop"), make_session(make_user())

    assert phone.post(AUTH + "logout/all/").status_code == 204
    for client in (phone, laptop):
        assert client.get(ME).status_code == 401
        assert client.post(REFRESH, headers={"x-requested-with": "x"}).status_code == 401
    assert _ended() == {"phone": "signed_out", "laptop": "signed_out"}
    assert Event.objects.filter(action="session.ended").count() == 2
    assert APIClient().get(ME, headers={"authorization": f"Bearer {other.access_token}"}).status_code == 200


def test_owner_ends_another_session(user):
    phone, laptop = _sign_in("phone"), _sign_in("laptop")
    session = TokenFamily.objects.get(device="phone").public_id

    assert laptop.delete(f"{SESSIONS}{session}/").status_code == 204
    assert phone.get(ME).status_code == 401
    assert laptop.get(ME).status_code == 200
    assert _ended() == {"phone": "ended_by_owner"}
    again = laptop.delete(f"{SESSIONS}{session}/")
    assert (again.status_code, again.json()["code"]) == (404, "unknown_session")


def test_owner_ends_the_present_session(user):
    phone = _sign_in("phone")
    response = phone.delete(f"{SESSIONS}{TokenFamily.objects.get().public_id}/")

    assert response.cookies["refresh_token"].value == ""
    assert phone.get(ME).status_code == 401
    assert _ended() == {"phone": "signed_out"}


@pytest.mark.parametrize("role", [Role.PATIENT, Role.STAFF, Role.ADMIN])
def test_sessions_are_their_owners_alone(user, api, role):
    _sign_in("phone")
    other = api(make_user(role))
    session = TokenFamily.objects.get(user=user).public_id

    assert other.delete(f"{SESSIONS}{session}/").status_code == 404
    assert [row["current"] for row in other.get(SESSIONS).json()["results"]] == [True]
    assert _ended() == {}


def test_refresh_by_cookie(user):
    client = _sign_in()
    cookie = client.cookies["refresh_token"]
    assert cookie["httponly"]
    assert (cookie["path"], cookie["samesite"], cookie["max-age"]) == ("/api/v1/auth/", "Lax", 7 * 86400)

    refused = client.post(REFRESH)
    assert (refused.status_code, refused.json()["code"]) == (403, "requested_with_required")
    assert TokenFamily.objects.get().counter == 1
    response = client.post(REFRESH, headers={"x-requested-with": "XMLHttpRequest"})
    assert response.status_code == 200
    assert response.cookies["refresh_token"].value == response.json()["refresh_token"] != cookie.value
    assert response.headers["Cache-Control"] == "no-store"


def test_cookie_outside_of_debug(user, settings):
    settings.REFRESH_COOKIE_NAME, settings.REFRESH_COOKIE_SECURE = "__Secure-refresh_token", True
    client = _sign_in()

    cookie = client.cookies["__Secure-refresh_token"]
    assert cookie["secure"]
    gone = client.post(AUTH + "logout/").cookies["__Secure-refresh_token"]
    assert (gone.value, gone["path"], bool(gone["secure"])) == ("", "/api/v1/auth/", True)


def test_access_token_in_no_cookie(user):
    assert set(_sign_in().cookies) == {"refresh_token"}


@pytest.mark.parametrize(
    "role, status",
    [(Role.PATIENT, 403), (Role.DOCTOR, 403), (Role.PHARMACIST, 200), (Role.STAFF, 200), (Role.ADMIN, 200)],
)
def test_entrance_of_the_staff(role, status):
    user = make_user(role)
    body = {"email": user.email, "password": PASSWORD}
    response = APIClient().post(AUTH + "login/admin/", body, format="json")

    assert response.status_code == status
    assert response.json().get("code") == (None if status == 200 else "staff_only")
    assert TokenFamily.objects.filter(user=user).exists() == (status == 200)
    wrong = APIClient().post(AUTH + "login/admin/", {**body, "password": "wrong"}, format="json")
    assert wrong.json()["code"] == "invalid_credentials"


def test_session_that_is_opened_while_all_are_ended(user):
    """The password was checked before it was changed: too late."""
    checked = type(user).objects.get(pk=user.pk)
    end_sessions(user, reason="password_changed", by=user)

    with pytest.raises(SessionEnded):
        open_session(checked)
    assert not TokenFamily.objects.exists()
    assert not Event.objects.filter(action="user.signed_in").exists()


def test_old_families_are_forgotten(user):
    make_session(user)
    make_session(user)
    first = TokenFamily.objects.order_by("pk").first()
    TokenFamily.objects.filter(pk=first.pk).update(expires_at=timezone.now() - timedelta(days=30, seconds=1))

    assert (forget_expired(), forget_expired()) == (1, 0)
    assert TokenFamily.objects.exclude(pk=first.pk).count() == 1


@pytest.mark.parametrize(
    "origin, is_given",
    [
        (None, True),
        ("https://testserver", True),
        ("https://app.example.org", True),
        ("https://evil.example", False),
        ("null", False),
    ],
)
def test_form_of_another_site_leaves_no_cookie(user, settings, origin, is_given):
    """Otherwise a page could sign its visitors in as somebody else."""
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.org"]
    headers = {"origin": origin} if origin else {}
    answer = APIClient().post(
        LOGIN, {"username": user.email, "password": PASSWORD}, format="multipart", headers=headers
    )

    assert answer.status_code == 200
    assert ("refresh_token" in answer.cookies) is is_given

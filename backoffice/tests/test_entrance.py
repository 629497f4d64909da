"""The admin's own sign-in, sign-out and change of password: the rules of the API's, and the same events."""

import pytest
from django.test import Client

from accounts.enums import Role
from accounts.models import TokenFamily, User
from accounts.tests.factories import PASSWORD, make_session, make_user
from audit.models import Event

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
NEW = "Fromager-Bleu-7"


@pytest.fixture
def staff():
    return make_user(Role.STAFF, email="estelle@example.org")


def _sign_in(client, password=PASSWORD, email="estelle@example.org"):
    return client.post(LOGIN, {"username": email, "password": password, "next": "/admin/"})


def _refusal(response):
    assert response.status_code == 200
    [error] = response.context["form"].errors.as_data()["__all__"]
    return error.code


def test_sign_in_and_out_are_events(staff):
    client = Client()
    response = _sign_in(client)
    assert (response.status_code, response.url) == (302, "/admin/")
    client.post("/admin/logout/")

    signed_in, signed_out = Event.objects.filter(action__startswith="user.signed_").order_by("id")
    assert (signed_in.action, signed_out.action) == ("user.signed_in", "user.signed_out")
    assert signed_in.changes == {"role": "staff", "place": "admin"}
    for event in (signed_in, signed_out):
        assert (event.entity_id, event.actor_kind, event.actor_id) == (str(staff.pk), "user", str(staff.pk))
    assert client.get("/admin/").status_code == 302


def test_wrong_password_is_an_event_and_counts(staff):
    client = Client()
    assert [_refusal(_sign_in(client, "wrong")) for _ in range(6)] == ["invalid_credentials"] * 5 + ["rate_limited"]

    assert _refusal(_sign_in(client)) == "rate_limited"
    assert Event.objects.filter(action="user.sign_in_failed").count() == 5
    assert Event.objects.filter(action="user.sign_in_locked").count() == 1
    assert "_auth_user_id" not in client.session


def test_both_entrances_share_the_limits(staff, api):
    for _ in range(5):
        _sign_in(Client(), "wrong")
    body = {"email": "estelle@example.org", "password": PASSWORD}

    assert api().post("/api/v1/auth/login/", body, format="json").status_code == 429


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"is_verified": False}, "email_not_verified"),
        ({"is_active": False}, "invalid_credentials"),
        ({"role": Role.PATIENT, "is_staff": False}, "staff_only"),
    ],
)
def test_who_may_not_come_in(staff, fields, code):
    User.objects.update(**fields)
    client = Client()

    assert _refusal(_sign_in(client)) == code
    assert "_auth_user_id" not in client.session
    assert not Event.objects.filter(action="user.signed_in").exists()


def _change(client, old=PASSWORD, new=NEW):
    fields = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post("/admin/password_change/", fields)


def test_new_password_ends_the_sessions_of_the_api(staff, api):
    client, phone = Client(), api(staff)
    _sign_in(client)
    assert phone.get("/api/v1/auth/me/").status_code == 200

    response = _change(client)
    assert (response.status_code, response.url) == (302, "/admin/password_change/done/")
    staff.refresh_from_db()
    assert staff.token_version == 2
    assert staff.check_password(NEW)
    assert phone.get("/api/v1/auth/me/").status_code == 401
    assert TokenFamily.objects.get().revoked_for == "password_changed"
    assert client.get("/admin/").status_code == 200
    assert Event.objects.get(action="session.ended").changes == {"user": staff.pk, "reason": "password_changed"}


def test_wrong_old_password_changes_nothing(staff):
    client = Client()
    _sign_in(client)
    make_session(staff)
    codes = []
    for _ in range(6):
        response = _change(client, old="wrong")
        codes += [error.code for error in response.context["form"].errors.as_data()["old_password"]]

    assert codes == ["invalid_credentials"] * 5 + ["rate_limited"]
    staff.refresh_from_db()
    assert (staff.token_version, staff.check_password(PASSWORD)) == (1, True)
    assert TokenFamily.objects.get().revoked_at is None


def test_page_of_the_password_is_for_staff_only(staff):
    assert Client().get("/admin/password_change/").status_code == 302
    client = Client()
    _sign_in(client)
    assert client.get("/admin/password_change/").status_code == 200

"""Signing in with a second factor: asked for, accepted once, required of staff."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.enums import Role, SessionEnd
from accounts.models import SecondFactor, TokenFamily, User
from accounts.services import passwords, roles, second_factor
from accounts.services.sessions import end_sessions
from accounts.tests.factories import PASSWORD, make_session, make_user
from accounts.tests.phones import Phone, give_phone
from accounts.tokens import ACCESS, decode
from audit.models import Event

pytestmark = pytest.mark.django_db

LOGIN = "/api/v1/auth/login/"
TOTP = "/api/v1/auth/mfa/totp/"
CONFIRM = f"{TOTP}confirm/"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _sign_in(user, otp=None, password=PASSWORD, address=LOGIN):
    body = {"email": user.email, "password": password} | ({} if otp is None else {"otp": otp})
    return APIClient().post(address, body, format="json")


def _bearer(token):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def _refusal(response):
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize("address", [LOGIN, "/api/v1/auth/login/json/"])
def test_code_is_asked_for_and_opens_the_session(address):
    user = make_user()
    phone, _codes = give_phone(user)

    assert _refusal(_sign_in(user, address=address)) == (401, "mfa_required")
    assert _refusal(_sign_in(user, "", address=address)) == (400, "blank")
    assert not TokenFamily.objects.exists()

    response = _sign_in(user, phone.code(), address=address)

    assert response.status_code == 200
    assert response.json()["user"]["mfa_enabled"] is True
    assert TokenFamily.objects.count() == 1


def test_form_of_oauth2_clients_takes_a_code_as_well():
    user = make_user()
    phone, _codes = give_phone(user)
    fields = {"username": user.email, "password": PASSWORD, "otp": phone.code()}

    assert APIClient().post(LOGIN, fields).status_code == 200


def test_wrong_password_tells_nothing_about_the_factor():
    user = make_user()
    phone, _codes = give_phone(user)

    assert _refusal(_sign_in(user, password="Wrong-password-1")) == (401, "invalid_credentials")
    assert _refusal(_sign_in(user, phone.code(), password="Wrong-password-1")) == (401, "invalid_credentials")
    # The code was not looked at.
    assert _sign_in(user, phone.code()).status_code == 200


def test_code_is_accepted_once_and_none_before_it_either():
    user = make_user()
    phone, _codes = give_phone(user)
    with time_machine.travel(NOON, tick=False) as clock:
        assert _sign_in(user, phone.code()).status_code == 200
        assert _refusal(_sign_in(user, phone.code())) == (401, "mfa_invalid")
        assert _refusal(_sign_in(user, phone.code(-1))) == (401, "mfa_invalid")
        clock.shift(30)
        assert _refusal(_sign_in(user, phone.code(-1))) == (401, "mfa_invalid")
        assert _sign_in(user, phone.code()).status_code == 200


@pytest.mark.parametrize("steps, status", [(-2, 401), (-1, 200), (1, 200), (2, 401)])
def test_clock_of_the_phone_may_be_half_a_minute_off(steps, status):
    user = make_user()
    phone, _codes = give_phone(user)
    with time_machine.travel(NOON, tick=False):
        assert _sign_in(user, phone.code(steps)).status_code == status


@pytest.mark.parametrize(
    "spelling", [str, str.upper, lambda code: code.replace("-", ""), lambda code: code.replace("-", " ") + " "]
)
def test_recovery_code_opens_the_session_once(spelling):
    user = make_user()
    _phone, codes = give_phone(user)

    assert _sign_in(user, spelling(codes[3])).status_code == 200
    assert _refusal(_sign_in(user, codes[3])) == (401, "mfa_invalid")
    used = Event.objects.get(action="user.recovery_code_used")
    assert (used.entity_id, used.changes) == (str(user.pk), {"left": 9})


def test_code_of_somebody_else_is_wrong():
    user, other = make_user(), make_user()
    give_phone(user)
    phone, codes = give_phone(other)

    for otp in (phone.code(), codes[0]):
        assert _refusal(_sign_in(user, otp)) == (401, "mfa_invalid")
    assert _sign_in(other, codes[0]).status_code == 200


@pytest.mark.parametrize("otp", ["000", "12345678", "абвгде", "١٢٣٤٥٦", "a" * 16, "a" * 32])
def test_what_is_no_code_is_wrong(otp):
    user = make_user()
    give_phone(user)

    assert _refusal(_sign_in(user, otp)) == (401, "mfa_invalid")


def test_wrong_codes_count_like_wrong_passwords():
    user = make_user()
    phone, codes = give_phone(user)

    answers = [_sign_in(user, phone.wrong_code()).status_code for _ in range(3)]
    answers += [_sign_in(user, password="Wrong-password-1").status_code for _ in range(2)]
    right = _sign_in(user, phone.code())

    assert answers == [401] * 5
    assert _refusal(right) == (429, "rate_limited")
    assert int(right.headers["Retry-After"]) > 0
    assert _refusal(_sign_in(user, codes[0])) == (429, "rate_limited")
    failures = Event.objects.filter(action="user.sign_in_failed", entity_id=str(user.pk))
    reasons = [event.changes["reason"] for event in failures.order_by("pk")]
    assert reasons == ["mfa_invalid"] * 3 + ["invalid_credentials"] * 2


def test_asking_for_the_code_costs_no_attempt():
    user = make_user()
    phone, _codes = give_phone(user)

    assert [_sign_in(user).status_code for _ in range(8)] == [401] * 8
    assert _sign_in(user, phone.code()).status_code == 200


def test_code_from_somebody_without_a_factor_is_ignored():
    assert _sign_in(make_user(), "123456").status_code == 200


# Whoever may open the back office needs a factor.


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN, Role.PHARMACIST])
@pytest.mark.parametrize("address", [LOGIN, "/api/v1/auth/login/admin/"])
def test_staff_without_a_factor_may_only_enrol(settings, role, address):
    settings.MFA_REQUIRED = True
    user = make_user(role)

    refused = _sign_in(user, address=address)

    assert _refusal(refused) == (403, "mfa_setup_required")
    assert not TokenFamily.objects.exists()
    client = _bearer(refused.json()["mfa_token"])
    phone = Phone(client.post(TOTP).json()["secret"])
    with time_machine.travel(datetime.now(tz=UTC) - timedelta(seconds=30)):
        earlier = phone.code()
    confirmed = client.post(CONFIRM, {"otp": earlier}, format="json")
    assert confirmed.status_code == 200
    assert len(confirmed.json()["recovery_codes"]) == 10
    assert _sign_in(user, phone.code(), address=address).status_code == 200


@pytest.mark.parametrize("role", [Role.PATIENT, Role.DOCTOR])
def test_others_need_none(settings, role):
    settings.MFA_REQUIRED = True

    assert _sign_in(make_user(role)).status_code == 200


def test_staff_need_none_where_the_setting_says_so(settings):
    settings.MFA_REQUIRED = False

    assert _sign_in(make_user(Role.ADMIN)).status_code == 200


@pytest.fixture
def mfa_token(settings):
    settings.MFA_REQUIRED = True
    user = make_user(Role.STAFF)
    return user, _sign_in(user).json()["mfa_token"]


@pytest.mark.parametrize(
    "method, address",
    [
        ("get", "/api/v1/auth/me/"),
        ("get", "/api/v1/account/"),
        ("get", "/api/v1/refunds/"),
        ("get", "/api/v1/auth/sessions/"),
        ("post", "/api/v1/auth/logout/all/"),
        ("post", "/api/v1/auth/mfa/recovery-codes/"),
        ("post", "/api/v1/auth/mfa/totp/disable/"),
    ],
)
def test_enrolment_token_opens_nothing_else(mfa_token, method, address):
    _user, token = mfa_token

    assert _refusal(getattr(_bearer(token), method)(address)) == (401, "token_not_valid")


def test_enrolment_token_dies_with_the_password_also_where_its_change_keeps_a_session(mfa_token):
    user, token = mfa_token
    kept = decode(make_session(user).access_token, ACCESS).family

    passwords.set_password(user, "Medoc-other-1", keep=kept, by=user)

    assert _refusal(_bearer(token).post(TOTP)) == (401, "session_ended")
    assert not SecondFactor.objects.exists()


def test_enrolment_token_refreshes_nothing(mfa_token):
    _user, token = mfa_token

    refused = APIClient().post("/api/v1/auth/refresh/", {"refresh_token": token}, format="json")

    assert _refusal(refused) == (401, "token_not_valid")


def test_enrolment_token_is_good_for_half_an_hour(settings):
    settings.MFA_REQUIRED = True
    with time_machine.travel(NOON, tick=False) as clock:
        client = _bearer(_sign_in(make_user(Role.STAFF)).json()["mfa_token"])
        clock.shift(timedelta(minutes=29))
        assert client.post(TOTP).status_code == 200
        clock.shift(timedelta(minutes=2))
        assert _refusal(client.post(TOTP)) == (401, "token_not_valid")


def test_enrolment_token_ends_with_the_enrolment(mfa_token):
    user, token = mfa_token
    give_phone(user)

    for address in (TOTP, CONFIRM):
        assert _refusal(_bearer(token).post(address, {"otp": "1"}, format="json")) == (401, "session_ended")


def test_enrolment_token_dies_with_the_sessions(mfa_token):
    user, token = mfa_token
    end_sessions(user, reason=SessionEnd.SIGNED_OUT, by=user)

    assert _refusal(_bearer(token).post(TOTP)) == (401, "session_ended")
    assert second_factor.SecondFactor.objects.count() == 0


def test_enrolment_token_of_somebody_switched_off(mfa_token):
    user, token = mfa_token
    roles.switch_user(user, is_active=False, by=make_user(Role.ADMIN))

    assert _refusal(_bearer(token).post(TOTP)) == (401, "session_ended")


@pytest.mark.parametrize("token", ["x", "a.b.c", ""])
def test_nonsense_is_no_token(token):
    assert _refusal(_bearer(token).post(TOTP)) == (401, "token_not_valid")


def test_promotion_to_staff_ends_the_sessions_and_asks_for_a_factor(settings, api):
    settings.MFA_REQUIRED = True
    user = make_user()
    client = _bearer(make_session(user).access_token)
    roles.change_role(user, Role.STAFF, by=make_user(Role.ADMIN))

    assert _refusal(client.get("/api/v1/auth/me/")) == (401, "session_ended")
    assert _refusal(_sign_in(User.objects.get(pk=user.pk))) == (403, "mfa_setup_required")

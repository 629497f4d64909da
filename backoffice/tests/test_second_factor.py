"""The second factor at the admin's door: asked for, enrolled, and carried by the session."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client

from accounts.enums import Role, SessionEnd
from accounts.models import RecoveryCode, SecondFactor, User
from accounts.services import second_factor
from accounts.services.sessions import end_sessions
from accounts.tests.factories import PASSWORD, make_user
from accounts.tests.phones import Phone, give_phone
from audit.models import Event

pytestmark = pytest.mark.django_db

LOGIN = "/admin/login/"
PAGE = "/admin/second-factor/"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def required(settings):
    settings.MFA_REQUIRED = True


@pytest.fixture
def staff():
    return make_user(Role.STAFF, email="estelle@example.org")


@pytest.fixture
def client():
    return Client(headers={"Accept-Language": "fr"})


def _sign_in(client, otp="", password=PASSWORD, email="estelle@example.org"):
    return client.post(LOGIN, {"username": email, "password": password, "otp": otp, "next": "/admin/"})


def _refusal(response):
    assert response.status_code == 200
    [error] = response.context["form"].errors.as_data()["__all__"]
    return error.code


def _secret(response):
    return re.search(r'id="secret">([A-Z2-7 ]+)<', response.text)[1].replace(" ", "")


def _codes(response):
    return re.findall(r"<li>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</li>", response.text)


def _is_in(client):
    return client.get("/admin/").status_code == 200


def test_form_asks_for_the_code_and_says_what_is_wrong(client, staff, required):
    phone, codes = give_phone(staff)
    page = client.get(LOGIN).text
    assert 'name="otp"' in page
    assert 'autocomplete="one-time-code"' in page

    assert _refusal(_sign_in(client)) == "mfa_required"
    wrong = _sign_in(client, phone.wrong_code())
    assert _refusal(wrong) == "mfa_invalid"
    assert "Ce code n&#x27;est pas valable ou a déjà servi." in wrong.text
    assert not _is_in(client)

    response = _sign_in(client, phone.code())
    assert (response.status_code, response.url) == (302, "/admin/")
    assert _is_in(client)
    assert _is_in_with_a_recovery_code(codes[0])


def _is_in_with_a_recovery_code(code):
    client = Client()
    return _sign_in(client, code).status_code == 302 and _is_in(client)


def test_form_speaks_english(staff):
    give_phone(staff)
    client = Client(headers={"Accept-Language": "en"})

    assert "Add the 6-digit code of your authenticator application" in _sign_in(client).text


def test_code_is_good_once_at_both_doors(client, staff, api):
    phone, _codes = give_phone(staff)
    with time_machine.travel(NOON, tick=False):
        assert _sign_in(client, phone.code()).status_code == 302
        body = {"email": staff.email, "password": PASSWORD, "otp": phone.code()}
        assert api().post("/api/v1/auth/login/", body, format="json").json()["code"] == "mfa_invalid"
        assert _refusal(_sign_in(Client(), phone.code())) == "mfa_invalid"


def test_wrong_codes_lock_both_doors(client, staff, api):
    phone, _codes = give_phone(staff)

    answers = [_refusal(_sign_in(client, phone.wrong_code())) for _ in range(6)]

    assert answers == ["mfa_invalid"] * 5 + ["rate_limited"]
    body = {"email": staff.email, "password": PASSWORD, "otp": phone.code()}
    assert api().post("/api/v1/auth/login/", body, format="json").status_code == 429


# Enrolment


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN, Role.PHARMACIST])
def test_staff_without_a_factor_are_led_to_the_enrolment(client, required, role):
    user = make_user(role)
    response = _sign_in(client, email=user.email)
    assert (response.status_code, response.url) == (302, PAGE)
    assert not _is_in(client)

    page = client.get(PAGE)
    assert page.status_code == 200
    assert "no-store" in page.headers["Cache-Control"]
    assert "<svg" in page.text
    # The same picture when the page is loaded again.
    assert _secret(client.get(PAGE)) == _secret(page)
    phone = Phone(_secret(page))
    wrong = client.post(PAGE, {"otp": phone.wrong_code()})
    assert "Ce code n&#x27;est pas celui de l&#x27;application." in wrong.text
    assert _secret(wrong) == phone.secret
    assert not _is_in(client)

    shown = client.post(PAGE, {"otp": phone.code()})

    assert len(_codes(shown)) == 10
    assert "no-store" in shown.headers["Cache-Control"]
    assert _is_in(client)
    user.refresh_from_db()
    assert user.mfa_enabled
    assert second_factor.use(user, _codes(shown)[0])
    # Shown this once.
    assert _codes(client.get(PAGE)) == []
    actions = list(Event.objects.order_by("pk").values_list("action", flat=True))
    assert actions[-3:-1] == ["user.mfa_enabled", "user.signed_in"]


def test_enrolment_page_needs_a_password_just_given(client, staff, required):
    assert client.get(PAGE).status_code == 302
    assert client.post(PAGE, {"otp": "123456"}).status_code == 302
    _sign_in(client, password="Wrong-password-1")
    assert client.get(PAGE).url == f"{LOGIN}?next={PAGE}"
    assert not SecondFactor.objects.exists()


def test_waiting_for_an_enrolment_opens_nothing_else(client, staff, required):
    _sign_in(client)

    for path in ("/admin/", "/admin/accounts/user/", "/admin/password_change/"):
        assert client.get(path).status_code == 302
    assert "_auth_user_id" not in client.session


def test_enrolment_waits_half_an_hour(client, staff, required):
    with time_machine.travel(NOON, tick=False) as clock:
        _sign_in(client)
        clock.shift(timedelta(minutes=31))
        assert client.get(PAGE).status_code == 302


def test_enrolment_in_one_browser_ends_it_in_another(client, staff, required):
    other = Client()
    for each in (client, other):
        _sign_in(each)
    phone = Phone(_secret(client.get(PAGE)))
    client.post(PAGE, {"otp": phone.code()})

    assert other.get(PAGE).status_code == 302
    assert not _is_in(other)


def test_csrf_is_asked_for(staff, required):
    client = Client(enforce_csrf_checks=True)

    assert client.post(PAGE, {"otp": "123456"}).status_code == 403


# What a session carries


def test_session_from_before_the_factor_is_nobodys(client, staff):
    _sign_in(client)
    assert _is_in(client)

    give_phone(staff)

    for path in ("/admin/", "/admin/accounts/user/", PAGE, "/admin/password_change/"):
        assert client.get(path).status_code == 302, path


def test_session_from_before_the_setting_is_nobodys(client, staff, settings):
    _sign_in(client)
    settings.MFA_REQUIRED = True

    assert not _is_in(client)


def test_session_opened_without_the_form_is_nobodys(client, staff, required):
    give_phone(staff)
    client.force_login(staff)

    assert not _is_in(client)


def test_copied_cookie_is_worth_nothing_after_the_enrolment(client, staff):
    _sign_in(client)
    stolen = client.cookies["sessionid"].value
    client.post(PAGE, {"otp": Phone(_secret(client.get(PAGE))).code()})
    thief = Client()
    thief.cookies["sessionid"] = stolen

    assert _is_in(client)
    assert not _is_in(thief)


@pytest.mark.parametrize("what", ["reset", "signed out everywhere"])
def test_session_ends_with_the_sessions_of_the_api(client, staff, required, what):
    phone, _codes = give_phone(staff)
    _sign_in(client, phone.code())
    assert _is_in(client)

    if what == "reset":
        second_factor.reset(staff)
    else:
        end_sessions(staff, reason=SessionEnd.SIGNED_OUT, by=staff)

    assert not _is_in(client)


def test_session_goes_on_when_its_owner_changes_the_password(client, staff, required):
    phone, _codes = give_phone(staff)
    other = Client()
    with time_machine.travel(NOON, tick=False) as clock:
        _sign_in(other, phone.code())
        clock.shift(30)
        _sign_in(client, phone.code())
        new = "Fromager-Bleu-7"
        response = client.post(
            "/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
        )
        assert response.status_code == 302
        assert _is_in(client)
        assert not _is_in(other)


# Another phone, other recovery codes


@pytest.fixture
def inside(client, staff):
    phone, codes = give_phone(staff)
    _sign_in(client, codes[9])
    return client, phone, codes


def test_page_shows_how_many_codes_are_left(inside):
    client, _phone, _codes = inside

    assert "Il reste 9 codes de secours." in client.get(PAGE).text


def test_new_recovery_codes_for_password_and_code(inside, staff):
    client, phone, old = inside

    for fields, field in (
        ({"password": "Wrong-password-1", "otp": phone.code()}, "password"),
        ({"password": PASSWORD, "otp": phone.wrong_code()}, "otp"),
    ):
        refused = client.post(PAGE, fields | {"renew": ""})
        assert list(refused.context["form"].errors) == [field]
    shown = client.post(PAGE, {"password": PASSWORD, "otp": phone.code(), "renew": ""})

    assert len(_codes(shown)) == 10
    assert not second_factor.use(staff, old[0])
    assert RecoveryCode.objects.count() == 10


def test_another_phone_for_password_and_code(inside, staff):
    client, _old_phone, codes = inside

    response = client.post(PAGE, {"password": PASSWORD, "otp": codes[0], "replace": ""})
    assert (response.status_code, response.url) == (302, PAGE)
    phone = Phone(_secret(client.get(PAGE)))
    shown = client.post(PAGE, {"otp": phone.code()})

    assert len(_codes(shown)) == 10
    assert _is_in(client)
    assert "Votre second facteur est activé." in client.get(PAGE).text
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(minutes=5)):
        assert second_factor.use(User.objects.get(pk=staff.pk), phone.code())


def test_another_phone_is_proved_for_half_an_hour(inside, staff):
    client, _old_phone, codes = inside
    client.post(PAGE, {"password": PASSWORD, "otp": codes[0], "replace": ""})

    with time_machine.travel(datetime.now(tz=UTC) + timedelta(minutes=31)):
        assert "Votre second facteur est activé." in client.get(PAGE).text
        assert client.post(PAGE, {"otp": "123456"}).context["form"].errors.keys() == {"password"}


# Voluntary, as in the demo


def test_where_it_is_voluntary_staff_sign_in_without(client, staff):
    assert _sign_in(client).status_code == 302
    assert _is_in(client)
    assert PAGE in client.get("/admin/").text


def test_where_it_is_voluntary_staff_may_enrol(client, staff):
    _sign_in(client)
    shown = client.post(PAGE, {"otp": Phone(_secret(client.get(PAGE))).code()})

    assert len(_codes(shown)) == 10
    assert _is_in(client)


def test_patients_have_no_business_here(client):
    client.force_login(make_user())

    assert client.get(PAGE).status_code == 302
    assert not SecondFactor.objects.exists()

"""Enrolling, confirming, replacing, doing without: the routes of somebody who is signed in."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from accounts.enums import Role
from accounts.exceptions import SecondFactorEnabled
from accounts.models import RecoveryCode, SecondFactor, User
from accounts.services import second_factor
from accounts.tests.factories import PASSWORD, make_user
from accounts.tests.phones import Phone, give_phone
from audit.models import Event
from common.tests.mailbox import mails

pytestmark = pytest.mark.django_db

TOTP = "/api/v1/auth/mfa/totp/"
CONFIRM = f"{TOTP}confirm/"
DISABLE = f"{TOTP}disable/"
RECOVERY = "/api/v1/auth/mfa/recovery-codes/"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _actions(user: User) -> list[str]:
    events = Event.objects.filter(entity="user", entity_id=str(user.pk)).order_by("pk")
    return [action for action in events.values_list("action", flat=True) if "mfa" in action or "recovery" in action]


def test_enrolment_and_its_first_code(api):
    user = make_user(email="marie@example.org")
    client = api(user)

    response = client.post(TOTP)

    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json()
    assert set(body) == {"secret", "otpauth_uri"}
    address = urlsplit(body["otpauth_uri"])
    assert (address.scheme, address.netloc, address.path) == ("otpauth", "totp", "/Toc%20Toc%20Medoc:marie@example.org")
    assert parse_qs(address.query)["secret"] == [body["secret"]]
    # A secret that nobody has confirmed changes nothing.
    assert client.get("/api/v1/auth/me/").json()["mfa_enabled"] is False

    confirmed = client.post(CONFIRM, {"otp": Phone(body["secret"]).code()}, format="json")

    assert confirmed.status_code == 200
    codes = confirmed.json()["recovery_codes"]
    assert (len(codes), len(set(codes))) == (10, 10)
    assert all(len(code) == 19 and code.count("-") == 3 for code in codes)
    assert client.get("/api/v1/auth/me/").json()["mfa_enabled"] is True
    assert _actions(user) == ["user.mfa_enabled"]


def test_nothing_that_was_shown_is_stored_or_told_in_clear(api):
    user = make_user()
    client = api(user)
    secret = client.post(TOTP).json()["secret"]
    phone = Phone(secret)
    codes = client.post(CONFIRM, {"otp": phone.code()}, format="json").json()["recovery_codes"]

    factor = SecondFactor.objects.get(user=user)
    stored = [bytes(factor.secret), *(bytes(code.digest) for code in RecoveryCode.objects.filter(factor=factor))]
    events = str(list(Event.objects.values_list("changes", flat=True)))
    for text in [secret, phone.code(), *codes, *(code.replace("-", "") for code in codes)]:
        assert not any(text.encode() in value for value in stored)
        assert text not in events
    assert factor.pending_secret is None


def test_wrong_first_code_enables_nothing_and_is_noted(api):
    user = make_user()
    client = api(user)
    phone = Phone(client.post(TOTP).json()["secret"])

    refused = client.post(CONFIRM, {"otp": phone.wrong_code()}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (401, "mfa_invalid")
    assert not RecoveryCode.objects.exists()
    assert User.objects.get(pk=user.pk).mfa_enabled is False
    assert _actions(user) == ["user.mfa_failed"]
    assert client.post(CONFIRM, {"otp": phone.code()}, format="json").status_code == 200


def test_confirming_nothing(api):
    client = api(make_user())

    refused = client.post(CONFIRM, {"otp": "123456"}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (409, "mfa_not_started")


def test_enrolment_expires(api):
    user = make_user()
    with time_machine.travel(NOON, tick=False) as clock:
        phone = Phone(api(user).post(TOTP).json()["secret"])
        clock.shift(timedelta(minutes=30, seconds=1))
        refused = api(user).post(CONFIRM, {"otp": phone.code()}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (409, "mfa_not_started")
    assert User.objects.get(pk=user.pk).mfa_enabled is False


def test_only_the_latest_secret_can_be_confirmed(api):
    client = api(make_user())
    older, newer = (Phone(client.post(TOTP).json()["secret"]) for _ in range(2))

    if older.code() != newer.code():
        assert client.post(CONFIRM, {"otp": older.code()}, format="json").status_code == 401
    assert client.post(CONFIRM, {"otp": newer.code()}, format="json").status_code == 200


def test_wrong_codes_are_limited_like_wrong_passwords(api):
    user = make_user()
    client = api(user)
    phone = Phone(client.post(TOTP).json()["secret"])

    answers = [client.post(CONFIRM, {"otp": phone.wrong_code()}, format="json").status_code for _ in range(6)]
    right = client.post(CONFIRM, {"otp": phone.code()}, format="json")

    assert answers == [401] * 5 + [429]
    assert right.status_code == 429
    assert int(right.headers["Retry-After"]) > 0
    assert User.objects.get(pk=user.pk).mfa_enabled is False


def test_replacing_needs_the_password_and_the_old_phone(api):
    user = make_user()
    old, _codes = give_phone(user)
    client = api(user)

    missing = client.post(TOTP)
    assert missing.status_code == 400
    assert {(error["field"], error["code"]) for error in missing.json()["errors"]} == {
        ("password", "required"),
        ("otp", "required"),
    }
    for body, code in (
        ({"password": "Wrong-password-1", "otp": old.code()}, "invalid_credentials"),
        ({"password": PASSWORD, "otp": old.wrong_code()}, "mfa_invalid"),
    ):
        refused = client.post(TOTP, body, format="json")
        assert (refused.status_code, refused.json()["code"]) == (401, code)
    assert SecondFactor.objects.get(user=user).pending_secret is None

    new = Phone(client.post(TOTP, {"password": PASSWORD, "otp": old.code()}, format="json").json()["secret"])
    # Until the new phone has shown a code, the old one is good.
    assert second_factor.use(user, old.code(1))
    assert client.post(CONFIRM, {"otp": new.code(1)}, format="json").status_code == 200
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(minutes=5)):
        assert not second_factor.use(user, old.code())
        assert second_factor.use(user, new.code())
    assert "user.mfa_replaced" in _actions(user)


def test_enrolment_that_began_before_the_factor_does_not_replace_it(api):
    """A thief asks for a secret while the owner confirms one: what was read of the person is old then."""
    user = make_user()
    read_before = User.objects.get(pk=user.pk)
    phone, _codes = give_phone(user)

    with pytest.raises(SecondFactorEnabled):
        second_factor.start_enrolment(read_before)

    refused = api(user).post(CONFIRM, {"otp": "123456"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "mfa_not_started")
    assert second_factor.use(user, phone.code())


def test_session_of_some_time_ago_enrols_with_the_password_only(api):
    """A token that was stolen does not lock its owner out."""
    user = make_user()
    with time_machine.travel(NOON, tick=False) as clock:
        client = api(user)
        clock.shift(timedelta(minutes=10, seconds=1))
        refused = client.post(TOTP)
        assert refused.status_code == 400
        assert [(error["field"], error["code"]) for error in refused.json()["errors"]] == [("password", "required")]
        wrong = client.post(TOTP, {"password": "Wrong-password-1"}, format="json")
        assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
        assert not SecondFactor.objects.exists()

        assert set(client.post(TOTP, {"password": PASSWORD}, format="json").json()) == {"secret", "otpauth_uri"}


def test_password_that_is_given_must_be_right(api):
    refused = api(make_user()).post(TOTP, {"password": "Wrong-password-1"}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_credentials")
    assert not SecondFactor.objects.exists()


def test_owner_is_told_what_becomes_of_the_factor(api):
    user = make_user(email="marie@example.org")
    with time_machine.travel(NOON, tick=False) as clock:
        secrets = []
        for is_proved in (False, True):
            secrets.append(second_factor.start_enrolment(user, is_proved=is_proved).secret)
            second_factor.confirm_enrolment(user, otp=Phone(secrets[-1]).code(), by=user)
            clock.shift(timedelta(minutes=1))
        second_factor.disable(user, by=user)
        clock.shift(timedelta(minutes=1))
        give_phone(user)
        clock.shift(timedelta(minutes=1))
        second_factor.reset(user)
        messages = mails("marie@example.org")

    assert {message.subject for message in messages} == {"Le second facteur de votre compte a changé"}
    bodies = [message.body for message in messages]
    sentences = [
        "est demandé désormais",
        "par une autre",
        "le mot de passe suffit",
        "est demandé désormais",
        "l'assistance",
    ]
    assert [sentence in body for sentence, body in zip(sentences, bodies, strict=True)] == [True] * 5
    assert not any(secret in body for secret in secrets for body in bodies)


def test_new_recovery_codes_need_a_code_and_end_the_old_ones(api):
    user = make_user()
    phone, old = give_phone(user)
    client = api(user)

    refused = client.post(RECOVERY, {"otp": phone.wrong_code()}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (401, "mfa_invalid")
    assert RecoveryCode.objects.count() == 10

    new = client.post(RECOVERY, {"otp": phone.code()}, format="json").json()["recovery_codes"]

    assert len(set(new) - set(old)) == 10
    assert not second_factor.use(user, old[0])
    assert second_factor.use(user, new[0])
    assert _actions(user)[-2:] == ["user.recovery_codes_renewed", "user.recovery_code_used"]


@pytest.mark.parametrize("address, body", [(RECOVERY, {"otp": "1"}), (DISABLE, {"otp": "1", "password": PASSWORD})])
def test_without_a_factor_there_is_nothing_to_renew_or_disable(api, address, body):
    refused = api(make_user()).post(address, body, format="json")

    assert (refused.status_code, refused.json()["code"]) == (409, "mfa_not_enabled")


def test_disabling_needs_password_and_code(api):
    user = make_user()
    phone, codes = give_phone(user)
    client = api(user)

    for body in (
        {"password": "Wrong-password-1", "otp": phone.code()},
        {"password": PASSWORD, "otp": phone.wrong_code()},
    ):
        assert client.post(DISABLE, body, format="json").status_code == 401
    assert User.objects.get(pk=user.pk).mfa_enabled is True

    # A recovery code is as good as the phone.
    assert client.post(DISABLE, {"password": PASSWORD, "otp": codes[0]}, format="json").status_code == 204
    assert User.objects.get(pk=user.pk).mfa_enabled is False
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert _actions(user)[-1] == "user.mfa_disabled"


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN, Role.PHARMACIST])
def test_who_needs_a_factor_cannot_disable_it(api, settings, role):
    settings.MFA_REQUIRED = True
    user = make_user(role)
    phone, _codes = give_phone(user)

    refused = api(user).post(DISABLE, {"password": PASSWORD, "otp": phone.code()}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (403, "mfa_required_for_role")
    assert User.objects.get(pk=user.pk).mfa_enabled is True
    # Nothing was used up on the way.
    assert second_factor.use(user, phone.code())


@pytest.mark.parametrize("address", [TOTP, CONFIRM, DISABLE, RECOVERY])
def test_each_route_is_about_whoever_asks(api, address):
    """The cast of three: the owner's code serves neither a colleague nor a stranger."""
    owner, colleague = make_user(Role.STAFF), make_user(Role.STAFF)
    phone, _codes = give_phone(owner)
    before = list(SecondFactor.objects.values())
    body = {"otp": phone.code(), "password": PASSWORD}
    given = {name: body[name] for name in body if address in (DISABLE,) or name == "otp"}

    assert api(colleague).post(address, given, format="json").status_code in (200, 409)
    assert api().post(address, given, format="json").status_code == 401

    assert list(SecondFactor.objects.filter(user=owner).values()) == before


def test_unknown_fields_are_refused(api):
    refused = api(make_user()).post(TOTP, {"secret": "MINE"}, format="json")

    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_field")

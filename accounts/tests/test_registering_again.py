"""An address that is registered again before anybody proved it: whose word counts, and whose password opens it."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.enums import Role, SecretPurpose
from accounts.models import OneTimeSecret, TokenFamily, User
from accounts.services import one_time, registration
from accounts.services.one_time import issue_link_token
from accounts.services.passwords import reset_password
from accounts.services.profiles import change_email, correct_profile
from accounts.tests.factories import PASSWORD, balance, make_user
from audit.models import Event
from common.tests.mailbox import latest_code, mails
from tests.threads import run_together

pytestmark = pytest.mark.django_db

REGISTER, VERIFY, RESEND = (f"/api/v1/auth/{name}/" for name in ("register", "verify-otp", "resend-otp"))
MARIE = "marie@example.org"


def _post(url, **body):
    return APIClient().post(url, body, format="json")


def _register(email=MARIE, password=PASSWORD, **fields):
    return _post(REGISTER, email=email, password=password, **fields)


def _verify(otp):
    return _post(VERIFY, email=MARIE, otp=otp)


@pytest.mark.parametrize("password, is_kept", [(PASSWORD, True), ("Another-pw-1", False)])
def test_registered_again_after_the_code_died_says_anew_who_one_is(password, is_kept):
    with time_machine.travel(timezone.now(), tick=True) as clock:
        _register(first_name="X", role="doctor")
        mails()
        clock.shift(timedelta(minutes=11))
        assert _register(password=password, first_name="Marie").status_code == 201
        assert _verify(latest_code(MARIE)).status_code == 200

    user = User.objects.get()
    assert (user.first_name, user.role, user.is_provisional) == ("Marie", "patient", False)
    assert (user.check_password(password), user.has_usable_password()) == (is_kept, is_kept)
    assert list(user.groups.values_list("name", flat=True)) == ["patient"]
    assert balance(user) == 10


def test_registered_again_while_a_code_is_on_its_way_changes_nothing():
    _register(first_name="Marie")
    _register(first_name="X")

    assert len(mails(MARIE)) == 1
    assert _verify(latest_code(MARIE)).status_code == 200
    user = User.objects.get()
    assert (user.first_name, user.check_password(PASSWORD)) == ("Marie", True)


@pytest.mark.parametrize("minutes_later", [0, 2, 9])
def test_two_who_register_one_address_both_lose_their_password(minutes_later):
    """Whoever registers somebody else's address, before or after them, gets in by no password."""
    with time_machine.travel(timezone.now(), tick=True) as clock:
        _register(password="Attacker-pw-1")
        mails()
        clock.shift(timedelta(minutes=minutes_later))
        _register(password="Victim-pw-1")
        answer = _verify(latest_code(MARIE))
        subjects = [message.subject for message in mails(MARIE)]

    assert answer.status_code == 200
    user = User.objects.get()
    assert (user.is_verified, user.has_usable_password()) == (True, False)
    assert Event.objects.get(action="user.email_verified").changes == {"contested": True}
    assert subjects[-1] == "Choisissez un nouveau mot de passe"


@pytest.mark.parametrize("and_then", ["resend", "attacker registers anew"])
def test_contested_address_stays_contested_when_its_code_has_died(and_then):
    with time_machine.travel(timezone.now(), tick=True) as clock:
        _register(password="Attacker-pw-1")
        mails()
        clock.shift(timedelta(minutes=2))
        _register(password="Victim-pw-1")
        mails()
        clock.shift(timedelta(minutes=11))
        if and_then == "resend":
            _post(RESEND, email=MARIE)
        else:
            _register(password="Attacker-pw-1")
        answer = _verify(latest_code(MARIE))

    assert answer.status_code == 200
    assert User.objects.get().has_usable_password() is False


def test_registration_under_way_changes_nobody_who_has_proved_the_address_meanwhile(monkeypatch):
    user = make_user(email=MARIE, is_verified=False)
    check_password = registration.check_password

    def check_slowly(password, hashed):
        """While the attacker's hash is computed the owner follows a link."""
        reset_password(token=issue_link_token(user, SecretPurpose.RESET_PASSWORD), new_password="Victim-pw-1")
        return check_password(password, hashed)

    monkeypatch.setattr(registration, "check_password", check_slowly)

    assert _register(password="Attacker-pw-1", first_name="X", role="doctor").status_code == 201

    user.refresh_from_db()
    assert (user.first_name, user.role, user.check_password("Victim-pw-1")) == ("", "patient", True)
    assert not OneTimeSecret.objects.filter(ended_at__isnull=True).exists()


def _stranger_registers(address):
    return _register(address, password="Attacker-pw-1", first_name="Evil", role="doctor")


@pytest.mark.parametrize(
    "who",
    ["signed in on an old site", "added by staff", "invited by staff", "moved by staff", "corrected by staff"],
)
def test_stranger_changes_nothing_of_somebody_who_is_not_verified_yet(who, settings):
    settings.LEGACY_SITE_URL = "https://patients.example.org"
    if who == "signed in on an old site":
        user = registration.register_openly(email=MARIE, password=PASSWORD, first_name="Marie")
        assert APIClient().post("/auth/login", {"username": MARIE, "password": PASSWORD}).status_code == 200
    elif who == "moved by staff":
        _register("before@example.org", first_name="Marie")
        user = change_email(User.objects.get(), MARIE, by=make_user(Role.ADMIN))
    elif who == "corrected by staff":
        _register(first_name="Mary")
        user = correct_profile(User.objects.get(), first_name="Marie", by=make_user(Role.ADMIN))
    else:
        user = registration.add_person(
            email=MARIE,
            password=PASSWORD if who == "added by staff" else None,
            role=Role.PATIENT,
            first_name="Marie",
            by=make_user(Role.ADMIN),
        )
    sessions = TokenFamily.objects.filter(user=user, revoked_at__isnull=True).count()
    before = User.objects.values_list("password", "first_name", "role").get(pk=user.pk)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        assert _stranger_registers(MARIE).status_code == 201

        assert User.objects.values_list("password", "first_name", "role").get(pk=user.pk) == before
        assert TokenFamily.objects.filter(user=user, revoked_at__isnull=True).count() == sessions
        signed_in = APIClient().post("/auth/login", {"username": MARIE, "password": "Attacker-pw-1"})
        assert signed_in.status_code == 401
        # The owner proves the address: neither password opens what is theirs.
        assert _verify(latest_code(MARIE)).status_code == 200
    user.refresh_from_db()
    assert (user.is_verified, user.has_usable_password(), user.first_name) == (True, False, "Marie")


@pytest.mark.parametrize("days", [0, 3])
def test_contested_is_not_forgotten_before_somebody_proves_the_address(days):
    with time_machine.travel(timezone.now(), tick=True) as clock:
        _register(password="Attacker-pw-1")
        mails()
        clock.shift(timedelta(minutes=2))
        _register(password="Victim-pw-1")
        mails()
        clock.shift(timedelta(days=days, minutes=2))
        one_time.forget_expired()
        _post(RESEND, email=MARIE)
        assert _verify(latest_code(MARIE)).status_code == 200
    assert User.objects.get().has_usable_password() is False


def test_contested_before_the_code_that_was_asked_for_is_made():
    """The worker is slow: when the owner registers, the code that the attacker asked for is not made yet."""
    with time_machine.travel(timezone.now(), tick=True) as clock:
        _register(password="Attacker-pw-1")
        mails()
        clock.shift(timedelta(days=2))
        one_time.forget_expired()
        assert not OneTimeSecret.objects.exists()
        _post(RESEND, email=MARIE)
        _register(password="Victim-pw-1")
        assert _verify(latest_code(MARIE)).status_code == 200
    assert User.objects.get().has_usable_password() is False


@pytest.mark.django_db(transaction=True)
def test_contested_while_a_code_is_made_anew(monkeypatch):
    """While the owner's password is compared a worker mails the code that the attacker asked for."""
    registration.register(email=MARIE, password="Attacker-pw-1")
    check_password = registration.check_password
    codes = []

    def check_slowly(password, hashed):
        def resend(_number):
            codes.append(one_time.issue_code(User.objects.get(email=MARIE), SecretPurpose.VERIFY_EMAIL))

        assert run_together(1, resend) == [None]
        return check_password(password, hashed)

    monkeypatch.setattr(registration, "check_password", check_slowly)
    registration.register(email=MARIE, password="Victim-pw-1")

    user = registration.verify_email(email=MARIE, code=codes[-1])
    assert user.has_usable_password() is False


@pytest.mark.django_db(transaction=True)
def test_contested_between_the_code_and_its_end(monkeypatch):
    """The owner's code is compared already when somebody else registers the address with another password."""
    code = registration.register(email=MARIE, password="Attacker-pw-1").code
    try_code = one_time.try_code

    def try_slowly(*given):
        secret = try_code(*given)
        registration.register(email=MARIE, password="Victim-pw-1")
        return secret

    monkeypatch.setattr(one_time, "try_code", try_slowly)

    assert registration.verify_email(email=MARIE, code=code).has_usable_password() is False


def test_who_was_given_a_role_by_staff_is_not_registered_again():
    make_user(Role.STAFF, email=MARIE, is_verified=False)

    assert _register(password="Another-pw-1").status_code == 201
    user = User.objects.get()
    assert (user.role, user.check_password(PASSWORD)) == ("staff", True)

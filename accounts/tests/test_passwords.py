"""A forgotten password, and one that its owner changes."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.contrib.auth.management.commands import changepassword
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.enums import Role, SecretPurpose
from accounts.exceptions import SessionEnded
from accounts.models import OneTimeSecret, TokenFamily, User
from accounts.services import passwords
from accounts.services.one_time import issue_code, issue_link_token
from accounts.services.sessions import open_session, start_family
from accounts.services.signin import check_credentials
from accounts.tests.factories import PASSWORD, make_user
from audit.models import Event
from common.models import Mail
from common.tests.mailbox import latest_token, mails
from common.tests.rows import contents
from tests.threads import run_together

pytestmark = pytest.mark.django_db

LOGIN, FORGOT, RESET, CHANGE, ME = (
    f"/api/v1/auth/{name}/" for name in ("login", "forgot-password", "reset-password", "change-password", "me")
)
MARIE, NEW = "marie@example.org", "Another-pw-1"


@pytest.fixture
def marie():
    return make_user(email=MARIE)


def _post(url, client=None, /, **body):
    return (client or APIClient()).post(url, body, format="json")


def _forgot(email=MARIE):
    return _post(FORGOT, email=email)


def _reset(token, new_password=NEW):
    return _post(RESET, token=token, new_password=new_password)


def _signed_in(password=PASSWORD):
    answer = _post(LOGIN, email=MARIE, password=password)
    assert answer.status_code == 200, answer.content
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")
    return client


def test_forgotten_password_is_replaced_by_the_mailed_link(marie, settings):
    settings.PASSWORD_RESET_URL = "https://www.example.org/reset"
    phone, laptop = _signed_in(), _signed_in()

    assert _forgot(" MARIE@example.org").status_code == 200
    [mail] = mails(MARIE)
    assert (mail.subject, "https://www.example.org/reset?token=" in mail.body) == (
        "Choisissez un nouveau mot de passe",
        True,
    )
    answer = _reset(latest_token(MARIE))

    assert (answer.status_code, answer.json()) == (200, {"detail": "Votre mot de passe est changé. Connectez-vous."})
    assert [client.get(ME).status_code for client in (phone, laptop)] == [401, 401]
    assert set(TokenFamily.objects.values_list("revoked_for", flat=True)) == {"password_reset"}
    marie.refresh_from_db()
    assert (marie.check_password(NEW), marie.token_version) == (True, 2)
    assert _post(LOGIN, email=MARIE, password=PASSWORD).status_code == 401
    _signed_in(NEW)
    assert [message.subject for message in mails(MARIE)][-1] == "Votre mot de passe a été changé"


def test_unknown_address_is_answered_the_same_and_written_to_in_vain(marie):
    make_user(email="out@example.org", is_active=False)
    answers = [_forgot(email) for email in (MARIE, "nobody@example.org", "out@example.org", "no address")]

    seen = [(answer.status_code, answer.json(), sorted(answer.headers)) for answer in answers]
    assert seen == [seen[0]] * 4
    assert Mail.objects.count() == 4
    assert OneTimeSecret.objects.count() == 0
    assert [message.to for message in mails()] == [[MARIE]]


def test_one_link_a_minute_and_a_new_one_kills_the_old(marie):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        _forgot()
        first = latest_token(MARIE)
        clock.shift(59)
        _forgot()
        assert len(mails(MARIE)) == 1
        clock.shift(2)
        _forgot()
        second = latest_token(MARIE)
        assert _reset(first).status_code == 400
        assert _reset(second).status_code == 200


def test_link_is_good_once(marie):
    _forgot()
    token = latest_token(MARIE)
    assert _reset(token).status_code == 200

    before = contents()
    answer = _reset(token, "Third-passw-1")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_token")
    assert contents() == before


def test_new_password_ends_whatever_was_mailed_before(marie):
    _forgot()
    token = latest_token(MARIE)
    _post(CHANGE, _signed_in(), current_password=PASSWORD, new_password=NEW)

    answer = _reset(token, "Thief-pw-1")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_token")
    marie.refresh_from_db()
    assert marie.check_password(NEW)


def test_code_for_the_address_is_dead_once_a_link_has_proved_it():
    """It may be a contested one, which would take the new password away."""
    marie = make_user(email=MARIE, is_verified=False)
    code = issue_code(marie, SecretPurpose.VERIFY_EMAIL)
    OneTimeSecret.objects.update(is_contested=True)
    _reset(issue_link_token(marie, SecretPurpose.RESET_PASSWORD))

    assert _post("/api/v1/auth/verify-otp/", email=MARIE, otp=code).status_code == 400
    _signed_in(NEW)


@pytest.mark.django_db(transaction=True)
def test_link_used_many_times_at_once_is_used_once():
    make_user(email=MARIE)
    _forgot()
    token = latest_token(MARIE)

    answers = run_together(6, lambda number: _reset(token, f"Another-pw-{number}"))

    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [200] + [400] * 5
    assert User.objects.get().check_password(f"Another-pw-{codes.index(200)}")


def test_link_is_good_for_fifteen_minutes(marie):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        _forgot()
        token = latest_token(MARIE)
        clock.shift(timedelta(minutes=15))
        assert _reset(token).json()["code"] == "invalid_token"
    marie.refresh_from_db()
    assert marie.check_password(PASSWORD)


@pytest.mark.parametrize("token", ["x", "é", "a" * 43, "../..", "' OR 1=1 --"])
def test_token_that_is_none_changes_nothing(marie, token):
    _forgot()
    mails()
    before = contents()

    answer = _reset(token)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_token")
    assert contents() == before


def test_bad_new_password_leaves_the_link_good(marie):
    _forgot()
    token = latest_token(MARIE)

    answer = _reset(token, "password")
    assert sorted((error["field"], error["code"]) for error in answer.json()["errors"]) == [
        ("new_password", "password_no_digit"),
        ("new_password", "password_no_upper_case"),
        ("new_password", "password_too_common"),
    ]
    assert _reset(token).status_code == 200


def test_code_for_the_address_is_no_link(marie):
    token = issue_link_token(marie, SecretPurpose.VERIFY_EMAIL)
    assert _reset(token).json()["code"] == "invalid_token"


def test_link_proves_the_address_too():
    make_user(email=MARIE, is_verified=False)
    _forgot()
    _reset(latest_token(MARIE))

    _signed_in(NEW)


def test_who_was_shut_out_meanwhile_stays_out(marie):
    _forgot()
    token = latest_token(MARIE)
    User.objects.update(is_active=False)

    assert _reset(token).json()["code"] == "invalid_token"


def test_owner_of_a_locked_account_gets_back_in(marie):
    for _number in range(6):
        locked = _post(LOGIN, email=MARIE, password="wrong")
    assert locked.status_code == 429

    _forgot()
    assert _reset(latest_token(MARIE)).status_code == 200
    _signed_in(NEW)


def test_reset_is_an_event_without_secrets(marie):
    _forgot()
    token = latest_token(MARIE)
    _reset(token)

    event = Event.objects.get(action="user.password_reset")
    assert (event.entity, event.entity_id) == ("user", str(marie.pk))
    told = str(contents())
    assert token not in told
    assert NEW not in told


def test_reset_and_its_event_succeed_or_fail_together(marie, monkeypatch):
    _forgot()
    token = latest_token(MARIE)
    before = contents()

    def fail(*args, **kwargs):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("audit.receivers.accounts.record", fail)
        assert _reset(token).status_code == 500
    assert contents() == before
    assert _reset(token).status_code == 200


def test_changed_password_ends_the_other_sessions(marie):
    phone, laptop = _signed_in(), _signed_in()

    answer = _post(CHANGE, phone, current_password=PASSWORD, new_password=NEW)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (phone.get(ME).status_code, laptop.get(ME).status_code) == (200, 401)
    assert _post(LOGIN, email=MARIE, password=PASSWORD).status_code == 401
    _signed_in(NEW)
    event = Event.objects.get(action="user.password_changed")
    assert (event.entity_id, event.actor_id) == (str(marie.pk), str(marie.pk))
    assert [message.subject for message in mails(MARIE)] == ["Votre mot de passe a été changé"]
    assert NEW not in str(contents())


@pytest.mark.parametrize(
    "body, errors",
    [
        ({"current_password": "wrong", "new_password": NEW}, [("current_password", "wrong_password")]),
        ({"current_password": PASSWORD, "new_password": "Sh0rt"}, [("new_password", "password_too_short")]),
        ({"current_password": PASSWORD}, [("new_password", "required")]),
        ({"new_password": NEW}, [("current_password", "required")]),
        ({"current_password": PASSWORD, "new_password": NEW, "email": "x"}, [("email", "unknown_field")]),
    ],
)
def test_change_that_is_refused_changes_no_password(marie, body, errors):
    phone, laptop = _signed_in(), _signed_in()
    answer = phone.post(CHANGE, body, format="json")

    assert answer.status_code == 400, answer.content
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == errors
    marie.refresh_from_db()
    assert marie.check_password(PASSWORD)
    assert laptop.get(ME).status_code == 200
    assert mails() == []


def test_current_password_cannot_be_guessed_with_a_stolen_session(marie):
    thief = _signed_in()
    answers = [_post(CHANGE, thief, current_password=f"Wrong-{n}", new_password=NEW) for n in range(6)]

    assert [answer.status_code for answer in answers] == [400] * 5 + [429]
    answer = _post(CHANGE, thief, current_password=PASSWORD, new_password=NEW)
    assert answer.status_code == 429


@pytest.mark.parametrize("is_kept", [True, False])
def test_sign_in_under_way_with_the_old_password_is_lost(marie, is_kept):
    keep = start_family(marie).public_id if is_kept else None
    thief = check_credentials(email=MARIE, password=PASSWORD)
    passwords.set_password(User.objects.get(pk=marie.pk), NEW, keep=keep, by=marie)

    with pytest.raises(SessionEnded):
        open_session(thief)

    assert TokenFamily.objects.filter(revoked_at__isnull=True).count() == is_kept


@pytest.fixture
def old_hashers(settings):
    settings.PASSWORD_HASHERS = [*settings.PASSWORD_HASHERS, "accounts.hashers.PasslibBcryptHasher"]


def test_old_hash_that_is_made_anew_overwrites_no_newer_password(marie, old_hashers):
    User.objects.update(password=make_password(PASSWORD, hasher="bcrypt_passlib"))
    under_way = User.objects.get()
    passwords.set_password(User.objects.get(), NEW, by=marie)

    assert under_way.check_password(PASSWORD)

    assert User.objects.get().check_password(NEW)
    with pytest.raises(SessionEnded):
        open_session(under_way)


def test_old_hash_is_made_anew_by_two_at_once(marie, old_hashers):
    User.objects.update(password=make_password(PASSWORD, hasher="bcrypt_passlib"))
    phone, laptop = User.objects.get(), User.objects.get()

    assert phone.check_password(PASSWORD)
    assert laptop.check_password(PASSWORD)

    assert phone.password == laptop.password == User.objects.get().password
    assert not phone.password.startswith("bcrypt")
    for user in (phone, laptop):
        open_session(user)


def test_password_set_at_a_shell_ends_the_sessions_too(marie, monkeypatch):
    phone = _signed_in()
    monkeypatch.setattr(changepassword.getpass, "getpass", lambda prompt: NEW)

    call_command("changepassword", MARIE)

    assert phone.get(ME).status_code == 401
    assert TokenFamily.objects.get().revoked_for == "password_changed"
    assert Event.objects.get(action="user.password_changed").entity_id == str(marie.pk)
    assert [message.subject for message in mails(MARIE)] == ["Votre mot de passe a été changé"]
    _signed_in(NEW)


def test_strangers_change_nothing(marie):
    colleague = make_user(Role.STAFF)
    before = contents()

    answer = _post(CHANGE, current_password=PASSWORD, new_password=NEW)
    assert answer.status_code == 401
    assert contents() == before
    # Somebody else's session reaches their own password only.
    client = APIClient()
    token = _post(LOGIN, email=colleague.email, password=PASSWORD).json().get("access_token")
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    _post(CHANGE, client, current_password=PASSWORD, new_password=NEW)
    marie.refresh_from_db()
    assert marie.check_password(PASSWORD)


def test_exactly_as_many_queries_for_an_unknown_address(marie):
    counts = []
    for email in (MARIE, "nobody@example.org"):
        with CaptureQueriesContext(connection) as queries:
            _forgot(email)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_service_asks_nothing_about_the_person():
    passwords.request_reset("nobody@example.org")
    assert Mail.objects.get().to == "nobody@example.org"

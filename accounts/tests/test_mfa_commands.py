"""What operators do at a shell: the first administrator's factor, the lost phone, another key."""

import re

import pytest
from cryptography.fernet import InvalidToken
from django.core.management import CommandError, call_command

from accounts.enums import Role
from accounts.models import RecoveryCode, SecondFactor, TokenFamily, User
from accounts.services import second_factor
from accounts.tests.factories import make_session, make_user
from accounts.tests.phones import Phone, give_phone
from audit.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return make_user(Role.ADMIN, email="chef@example.org")


def test_enrol_prints_what_a_phone_and_a_sheet_of_paper_need(admin, capsys):
    call_command("mfa_enroll", "Chef@Example.org")

    output = capsys.readouterr().out
    uri = re.search(r"otpauth://totp/Toc%20Toc%20Medoc:chef@example\.org\?secret=([A-Z2-7]{32})&\S+", output)
    codes = re.findall(r"^  ([a-z2-7]{4}(?:-[a-z2-7]{4}){3})$", output, re.MULTILINE)
    assert uri is not None
    assert len(codes) == 10
    # The picture, in half blocks.
    assert "▀" in output or "▄" in output
    admin.refresh_from_db()
    assert admin.mfa_enabled
    assert second_factor.use(admin, Phone(uri[1]).code())
    assert second_factor.use(admin, codes[9])
    event = Event.objects.get(action="user.mfa_enabled")
    assert (event.entity_id, event.actor_kind, event.actor_id) == (str(admin.pk), "command", "mfa_enroll")


def test_enrol_does_not_replace_a_factor(admin):
    phone, _codes = give_phone(admin)

    with pytest.raises(CommandError, match=r"mfa_reset chef@example\.org"):
        call_command("mfa_enroll", admin.email)

    assert second_factor.use(admin, phone.code())


def test_reset_removes_the_factor_and_ends_the_sessions(admin, api, capsys):
    give_phone(admin)
    make_session(admin)

    call_command("mfa_reset", admin.email)

    assert "signed out everywhere" in capsys.readouterr().out
    assert User.objects.get(pk=admin.pk).mfa_enabled is False
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert not TokenFamily.objects.filter(revoked_at__isnull=True).exists()
    event = Event.objects.get(action="user.mfa_reset")
    assert (event.entity_id, event.actor_kind, event.actor_id) == (str(admin.pk), "command", "mfa_reset")


def test_reset_without_a_factor_changes_nothing(admin):
    make_session(admin)

    with pytest.raises(CommandError, match="no second factor"):
        call_command("mfa_reset", admin.email)

    assert TokenFamily.objects.filter(revoked_at__isnull=True).count() == 1
    assert not Event.objects.filter(action="user.mfa_reset").exists()


@pytest.mark.parametrize("command", ["mfa_enroll", "mfa_reset"])
def test_nobody_has_that_address(command):
    with pytest.raises(CommandError, match="Nobody has the address"):
        call_command(command, "nobody@example.org")


def test_secrets_move_to_a_new_key_and_the_old_one_can_go(admin, settings, capsys):
    old, new = "old-key-of-thirty-two-characters-1", "new-key-of-thirty-two-characters-2"
    settings.ENCRYPTION_KEYS = [old]
    phone, _codes = give_phone(admin)
    pending = make_user()
    second_factor.start_enrolment(pending)

    settings.ENCRYPTION_KEYS = [new, old]
    call_command("reencrypt")

    assert capsys.readouterr().out == "under the first key: 0 notes of doctors, 2 second factors\n"
    settings.ENCRYPTION_KEYS = [new]
    assert second_factor.use(admin, phone.code())
    assert second_factor.resume_enrolment(pending).secret
    settings.ENCRYPTION_KEYS = [old]
    with pytest.raises(InvalidToken):
        second_factor.use(admin, phone.code())

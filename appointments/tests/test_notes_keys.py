"""A key of ENCRYPTION_KEYS that goes takes nothing with it."""

from typing import Any

import pytest
from django.core.management import call_command

from accounts.enums import Role
from accounts.tests.factories import make_user
from accounts.tests.phones import give_phone
from appointments.models import Appointment
from appointments.services.handling import read_notes, write_notes
from appointments.tests.factories import make_appointment
from common import crypto

pytestmark = pytest.mark.django_db

OLD, NEW = "the key that was stolen, long enough", "the key that replaces it, long enough"


def test_notes_of_doctors_are_read_after_the_old_key_has_gone(
    settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    noted, without = make_appointment(), make_appointment()
    doctor = noted.practitioner.user
    write_notes(noted, notes="allergie à la pénicilline", by=doctor)
    give_phone(make_user(Role.STAFF))

    settings.ENCRYPTION_KEYS = [NEW, OLD]
    call_command("reencrypt")
    settings.ENCRYPTION_KEYS = [NEW]

    assert "1 notes of doctors, 1 second factors" in capsys.readouterr().out
    assert read_notes(Appointment.objects.get(pk=noted.pk), by=doctor) == "allergie à la pénicilline"
    assert bytes(Appointment.objects.get(pk=without.pk).private_notes) == b""


def test_whatever_is_kept_encrypted_is_registered() -> None:
    assert set(crypto._kept) == {"notes of doctors", "second factors"}

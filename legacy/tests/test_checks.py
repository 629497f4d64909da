"""What `check --deploy` says of the doors that the old sites need open."""

from datetime import timedelta

import pytest

from legacy.checks import open_doors


def test_every_open_door_has_a_warning(settings):
    settings.LEGACY_ANONYMOUS_ACCOUNTS = True
    assert [warning.id for warning in open_doors(None)] == ["legacy.W001", "legacy.W002", "legacy.W003", "legacy.W004"]


@pytest.mark.parametrize("is_on", [True, False])
def test_closed_doors_are_silent(settings, is_on):
    settings.LEGACY_ROUTES = is_on
    if is_on:
        settings.LEGACY_TOKEN_LIFETIME = timedelta(minutes=30)
        settings.LEGACY_ALLOW_UNVERIFIED, settings.LEGACY_STAFF_MFA = False, True
    assert open_doors(None) == []

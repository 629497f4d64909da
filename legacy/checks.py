"""What `check --deploy` says of doors that the old sites need open."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register

_HINT = "See docs/legacy.md, or switch the old routes off (LEGACY_ROUTES=false)."


@register(Tags.security, deploy=True)
def open_doors(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """One warning for each setting under which the old routes ask for less than /api/v1/ does."""
    if not settings.LEGACY_ROUTES:
        return []
    doors = [
        (settings.LEGACY_TOKEN_LIFETIME is None, "W001", "LEGACY_TOKEN_LIFETIME: tokens live to the end of the day."),
        (settings.LEGACY_ALLOW_UNVERIFIED, "W002", "LEGACY_ALLOW_UNVERIFIED lets in who has not verified an address."),
        (not settings.LEGACY_STAFF_MFA, "W003", "LEGACY_STAFF_MFA is off: staff sign in without a second factor."),
        (settings.LEGACY_ANONYMOUS_ACCOUNTS, "W004", "LEGACY_ANONYMOUS_ACCOUNTS shows balances to anybody."),
    ]
    return [Warning(text, hint=_HINT, id=f"legacy.{number}") for is_open, number, text in doors if is_open]

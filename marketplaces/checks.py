"""What a start with merchants needs, said before anybody is told that a page is empty."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.utils import DEFAULT_DB_ALIAS


@register(Tags.security, deploy=True)
def staff_have_a_login(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """On PostgreSQL staff and workers cross merchants by a login of their own."""
    if connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
        return []
    staff = settings.DATABASE_STAFF_LOGIN
    if not staff:
        return [
            Error(
                "DATABASE_STAFF_URL is missing: the admin and the workers see no merchant's rows.",
                hint="Create the role and name it: docs/marketplaces.md.",
                id="marketplaces.E001",
            )
        ]
    if staff["USER"] == connections[DEFAULT_DB_ALIAS].settings_dict["USER"]:
        return [
            Error(
                "DATABASE_STAFF_URL names the role of DATABASE_URL: every request would see every merchant's rows.",
                hint="Create a role of its own: docs/marketplaces.md.",
                id="marketplaces.E002",
            )
        ]
    return []


@register(Tags.database)
def policies_bind(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """With `check --database default`: the application's role cannot step over row-level security."""
    connection = connections[DEFAULT_DB_ALIAS]
    if DEFAULT_DB_ALIAS not in (databases or ()) or connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        (steps_over,) = cursor.fetchone()
    if not steps_over:
        return []
    return [
        Error(
            "The role of DATABASE_URL is a superuser or has BYPASSRLS: PostgreSQL shows it every merchant's rows.",
            hint="Connect as an ordinary role: docs/operations.md.",
            id="marketplaces.E003",
        )
    ]

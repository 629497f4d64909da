"""After a migration: what the roles of the application and of staff may do in the owner's tables (PostgreSQL only)."""

from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate
from django.dispatch import receiver


@receiver(post_migrate, dispatch_uid="common.grant_application_role")
def grant_application_role(sender: Any, app_config: Any, using: str, **kwargs: Any) -> None:
    """Grant SELECT, INSERT, UPDATE, DELETE on every table, but no UPDATE and DELETE on append-only ones."""
    connection = connections[using]
    if app_config.label != "common" or connection.vendor != "postgresql":
        return
    for role in filter(None, (settings.DATABASE_APPLICATION_ROLE, settings.DATABASE_STAFF_LOGIN.get("USER"))):
        _grant(connection, connection.ops.quote_name(role))


def _grant(connection: Any, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"GRANT USAGE ON SCHEMA public TO {name};"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name};"
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name};"
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {name};"
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {name};"
        )
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only_rows'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {name}")

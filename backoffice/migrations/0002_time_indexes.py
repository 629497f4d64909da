"""What the home page's open days are found by, on PostgreSQL: BRIN, a few pages for a million rows.

Rows are added in the order of their time and changed soon after or never, so that a day is a few ranges of pages. People
are not: they are changed at every sign-in. Built and dropped concurrently: nobody who writes waits.
"""

from typing import Any

from django.db import migrations

_BRIN = "USING brin (created_at) WITH (pages_per_range = 32, autosummarize = on)"
_INDEXES = (
    ("user_created", "accounts_user", "(created_at)"),
    ("entry_created_brin", "accounts_creditentry", _BRIN),
    ("reservation_created_brin", "reservations_reservation", _BRIN),
    ("payment_created_brin", "payments_payment", _BRIN),
    ("appointment_created_brin", "appointments_appointment", _BRIN),
)


def forwards(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name, table, how in _INDEXES:
            schema_editor.execute(
                f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} {how}"
            )


def backwards(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name, _table, _how in _INDEXES:
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("backoffice", "0001_daily_figures"),
        ("accounts", "0009_price_list_dates"),
        ("appointments", "0002_no_overlaps"),
        ("payments", "0004_two_eyes"),
        ("reservations", "0003_epg_confirmed_at"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]

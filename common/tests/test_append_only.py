"""What was written once stays: refused by rights on PostgreSQL, and by triggers on both engines, whoever asks."""

import os

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from accounts.models import CreditEntry
from accounts.tests.factories import make_user
from audit.models import Anchor, Archive, Event
from audit.seals.sealing import seal_next
from catalog.models import PriceChange
from common.append_only import append_only_tables
from common.tests.rows import contents

TABLES = [
    "accounts_creditentry",
    "audit_anchor",
    "audit_archive",
    "audit_event",
    "audit_seal",
    "catalog_pricechange",
]
STATEMENTS = [
    "UPDATE {table} SET updated_at = created_at",
    "UPDATE {table} SET id = id WHERE id > 0",
    "DELETE FROM {table}",
    "DELETE FROM {table} WHERE id IN (SELECT MIN(id) FROM {table})",
]
only_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite knows neither roles nor TRUNCATE"
)


def _write_one_of_each() -> None:
    make_user()
    seal = seal_next()
    assert seal is not None
    Anchor.objects.create(seal=seal, target="file:///anchor")
    Archive.objects.create(file_name="a", sha256="0" * 64, first_seal=1, last_seal=1, count=1)
    PriceChange.objects.create(
        product_code="3400935955838", old_currency="XAF", price=1, currency="XAF", is_indicative=False
    )


@pytest.mark.django_db
def test_tables_that_only_grow():
    assert append_only_tables() == TABLES


@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", STATEMENTS)
def test_application_cannot_change_or_delete(table, statement):
    _write_one_of_each()
    before = contents()

    with pytest.raises(DatabaseError, match=r"append-only|permission denied"), transaction.atomic():
        connection.cursor().execute(statement.format(table=table))

    assert contents() == before


@pytest.mark.django_db
def test_nor_can_the_models():
    _write_one_of_each()
    before = contents()

    for change in (
        lambda: CreditEntry.objects.update(amount=5),
        lambda: CreditEntry.objects.latest("id").delete(),
        lambda: Event.objects.update(changes={}),
        lambda: Event.objects.all().delete(),
        lambda: Event.objects.latest("id").save(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()

    assert contents() == before


@only_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
def test_application_has_no_right_to_change(table):
    if not settings.DATABASE_APPLICATION_ROLE:
        pytest.skip("the given PostgreSQL has one role for everything")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, " + ", ".join(["has_table_privilege(%s, %s)"] * 6),
            [
                value
                for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
                for value in (table, right)
            ],
        )
        assert cursor.fetchone() == (
            settings.DATABASE_APPLICATION_ROLE,
            *(True, True),
            *(False, False, False, False),
        )
        cursor.execute(
            "SELECT 1 FROM information_schema.column_privileges WHERE table_name = %s "
            "AND grantee = current_user AND privilege_type = 'UPDATE'",
            [table],
        )
        assert cursor.fetchone() is None


@only_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["CREATE TABLE x (id int)", "DROP TABLE audit_event", "ALTER TABLE audit_event DISABLE TRIGGER USER"]
)
def test_application_has_no_ddl(statement):
    if not settings.DATABASE_APPLICATION_ROLE:
        pytest.skip("the given PostgreSQL has one role for everything")
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement)


@only_postgresql
@pytest.mark.django_db
@pytest.mark.parametrize(
    "table, insert",
    [
        (
            "accounts_creditentry",
            "INSERT INTO accounts_creditentry (account_id, amount, balance_after, kind, reference, label) "
            "VALUES (1, 1, 1, 'grant', 'x', '')",
        ),
        (
            "audit_event",
            "INSERT INTO audit_event (occurred_at, action, entity, entity_id, actor_id, actor_kind, request_id, "
            "changes, commitment, mac) VALUES (now(), 'user.created', 'user', '1', '', 'system', '', '{}', 'x', 'x')",
        ),
        (
            "audit_seal",
            "INSERT INTO audit_seal (number, sealed_at, count, ids, seen_to, gaps, leaves, root, previous, hash, key, "
            "signature) VALUES (1, now(), 0, '', 0, '[]', '', '', '', '', '', '')",
        ),
        (
            "audit_archive",
            "INSERT INTO audit_archive (file_name, sha256, first_seal, last_seal, count) VALUES ('', '', 1, 1, 0)",
        ),
    ],
)
@pytest.mark.parametrize("statement", [*STATEMENTS, "TRUNCATE {table} CASCADE"])
def test_not_even_the_owner_can(table, insert, statement):
    url = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
    with psycopg.connect(url, dbname=connection.settings_dict["NAME"]) as owner:
        owner.execute("SET lock_timeout = '5s'")
        if not statement.startswith("TRUNCATE"):
            # A trigger for each row needs one; it is gone with the transaction.
            owner.execute(insert)
        with pytest.raises(psycopg.errors.RestrictViolation, match=f"table {table} is append-only"):
            owner.execute(statement.format(table=table))
        owner.rollback()


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL has no REPLACE; ON CONFLICT DO UPDATE is an UPDATE"
)
@pytest.mark.django_db
@pytest.mark.parametrize("table", TABLES)
def test_replace_is_no_way_around(table):
    _write_one_of_each()
    before = contents()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")

    assert contents() == before

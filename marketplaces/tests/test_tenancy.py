"""One merchant's rows are nobody else's: by the managers on both engines, by PostgreSQL's policies whoever asks."""

import os
import uuid

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, IntegrityError, connection, connections, transaction

from marketplaces import checks
from marketplaces.enums import Channel, ListingState, MemberRole
from marketplaces.exceptions import NoMerchant
from marketplaces.models import Item, ItemImage, Listing, Membership, Merchant, TenantModel
from marketplaces.models.base import TenantForeignKey
from marketplaces.tenancy import crossing, current_scope, merchant_scope, person_scope
from marketplaces.tests.factories import (
    make_authorization,
    make_connection,
    make_image,
    make_item,
    make_job_rows,
    make_listing,
    make_member,
    make_merchant,
    make_order,
)

pytestmark = pytest.mark.django_db

only_postgresql = pytest.mark.skipif(
    not settings.DATABASE_STAFF_LOGIN, reason="row-level security is PostgreSQL's, and needs the roles of production"
)
TENANT_MODELS = [model for model in apps.get_app_config("marketplaces").get_models() if issubclass(model, TenantModel)]
each_model = pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)
# Indexes of a tenant's table that `merchant_id` does not lead, each with its reason.
NOT_LED = {
    "membership_user_merchant": "a person looks for the merchants they belong to",
    "jobturn_due": "a worker looks for the merchant whose turn it is",
    "channelqueue_orders": "the sweep looks for channels whose orders are to be read",
    "job_dead_letters": "staff look at what failed, whoever's it is",
    "item_sku_of_all": "staff look for an item, whoever's it is",
    "item_code_of_all": "staff look for an item, whoever's it is",
}


def make_rows(merchant):
    """A row of this merchant's in every tenant table."""
    member = make_member(merchant, MemberRole.EDITOR)
    make_connection(merchant)
    make_authorization(merchant, member)
    item = make_item(merchant)
    make_image(item)
    make_listing(item)
    make_order(item)
    make_job_rows(item)
    return item


def fetch(statement, *params):
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall()


def test_every_model_with_a_merchant_is_a_tenants():
    named = [
        model
        for model in apps.get_app_config("marketplaces").get_models()
        if any(field.name == "merchant" for field in model._meta.concrete_fields)
    ]
    assert named == TENANT_MODELS
    assert len(named) >= 6


@each_model
def test_nobody_set_raises(model):
    for ask in (model.objects.all, model._base_manager.all, model._default_manager.count):
        with pytest.raises(NoMerchant):
            ask()
    assert current_scope() is None


@each_model
def test_block_shows_its_own_merchants_rows_only(model):
    ours, theirs = make_merchant(), make_merchant()
    make_rows(ours)
    make_rows(theirs)

    with merchant_scope(ours.pk):
        seen = {row.merchant_id for row in model.objects.all()}
    assert seen == {ours.pk}
    with crossing():
        assert {row.merchant_id for row in model.objects.all()} >= {ours.pk, theirs.pk}


@only_postgresql
@each_model
def test_raw_query_returns_nothing_foreign(model):
    ours, theirs = make_merchant(), make_merchant()
    make_rows(ours)
    make_rows(theirs)
    table = model._meta.db_table

    assert fetch(f"SELECT merchant_id FROM {table}") == []
    with merchant_scope(ours.pk):
        assert {row[0] for row in fetch(f"SELECT merchant_id FROM {table}")} == {ours.pk}
        assert fetch(f"SELECT 1 FROM {table} WHERE merchant_id = %s", theirs.pk) == []
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET updated_at = now() WHERE merchant_id = %s", [theirs.pk])
            assert cursor.rowcount == 0
            cursor.execute(f"DELETE FROM {table} WHERE merchant_id = %s", [theirs.pk])
            assert cursor.rowcount == 0
    assert fetch(f"SELECT 1 FROM {table}") == []


@only_postgresql
def test_raw_query_shows_no_foreign_merchant():
    ours, theirs = make_merchant(), make_merchant()
    somebody = make_member(ours, MemberRole.VIEWER)

    assert fetch("SELECT id FROM marketplaces_merchant") == []
    with merchant_scope(theirs.pk):
        assert fetch("SELECT id FROM marketplaces_merchant") == [(theirs.pk,)]
    with person_scope(somebody.pk):
        assert fetch("SELECT id FROM marketplaces_merchant") == [(ours.pk,)]


@only_postgresql
def test_raw_insert_for_another_merchant_is_refused():
    ours, theirs = make_merchant(), make_merchant()
    user = make_member(ours, MemberRole.OWNER)

    with merchant_scope(ours.pk), pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        fetch(
            "INSERT INTO marketplaces_membership (merchant_id, user_id, role) VALUES (%s, %s, 'owner') RETURNING id",
            theirs.pk,
            user.pk,
        )
    with merchant_scope(theirs.pk):
        assert not Membership.objects.exists()


@only_postgresql
def test_row_cannot_move_to_another_merchant():
    ours, theirs = make_merchant(), make_merchant()
    item = make_item(ours)

    with merchant_scope(ours.pk), pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        Item.objects.filter(pk=item.pk).update(merchant_id=theirs.pk)
    with merchant_scope(ours.pk):
        assert Item.objects.get().pk == item.pk


def test_row_is_not_written_for_another_merchant():
    ours, theirs = make_merchant(), make_merchant()
    foreign = make_item(theirs)

    with merchant_scope(ours.pk):
        with pytest.raises(NoMerchant), transaction.atomic():
            Listing.objects.create(merchant=theirs, item=foreign, channel=Channel.EBAY)
        with pytest.raises(NoMerchant), transaction.atomic():
            Listing.objects.bulk_create([Listing(merchant=theirs, item=foreign, channel=Channel.EBAY)])
        foreign.title = "À nous"
        with pytest.raises(DatabaseError), transaction.atomic():
            foreign.save(update_fields=["title"])
    with merchant_scope(theirs.pk):
        assert not Listing.objects.exists()
        assert Item.objects.get().title != "À nous"


def test_row_cannot_name_another_merchants_row():
    ours, theirs = make_merchant(), make_merchant()
    foreign = make_item(theirs)

    def name_it():
        with transaction.atomic(), merchant_scope(ours.pk):
            Listing.objects.create(merchant=ours, item_id=foreign.pk, channel=Channel.EBAY, state=ListingState.PENDING)
            connection.check_constraints()

    with pytest.raises(IntegrityError):
        name_it()
    with merchant_scope(ours.pk):
        assert not Listing.objects.exists()


def test_relations_stay_within_the_merchant():
    merchant = make_merchant()
    item = make_item(merchant)
    make_image(item)
    listing = make_listing(item)

    with merchant_scope(merchant.pk):
        assert Listing.objects.get().item == item
        assert Listing.objects.select_related("item").get().item == item
        assert list(Listing.objects.filter(item__title=item.title)) == [listing]
        assert item.images.get().item == item
        assert (
            "merchant_id"
            in str(Listing.objects.select_related("item").query).partition(" ON ")[2].partition("WHERE")[0]
        )
        assert ItemImage.objects.filter(item__listings__channel=Channel.EBAY).count() == 1


def test_blocks_nest_and_the_outer_one_comes_back():
    ours, theirs = make_merchant(), make_merchant()
    make_item(ours)
    make_item(theirs)

    with merchant_scope(ours.pk):
        with merchant_scope(theirs.pk):
            assert Item.objects.get().merchant_id == theirs.pk
        assert Item.objects.get().merchant_id == ours.pk
        if connection.vendor == "postgresql":
            assert fetch("SELECT DISTINCT merchant_id FROM marketplaces_item") == [(ours.pk,)]


def test_block_that_fails_leaves_nobody_set():
    ours = make_merchant()
    make_item(ours)

    def fail():
        with merchant_scope(ours.pk):
            Item.objects.update(quantity=99)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert current_scope() is None
    if connection.vendor == "postgresql":
        assert fetch("SELECT 1 FROM marketplaces_item") == []
    with merchant_scope(ours.pk):
        assert Item.objects.get().quantity == 3


def test_person_sees_their_own_memberships_and_merchants():
    ours, theirs = make_merchant(), make_merchant()
    somebody = make_member(ours, MemberRole.VIEWER)
    make_member(ours, MemberRole.OWNER)
    make_member(theirs, MemberRole.OWNER)

    with person_scope(somebody.pk):
        assert [row.user_id for row in Membership.objects.all()] == [somebody.pk]
        assert list(Merchant.objects.all()) == [ours]
        with pytest.raises(NoMerchant):
            Item.objects.all()


def test_crossing_is_no_way_out_of_a_merchants_block():
    merchant = make_merchant()

    with merchant_scope(merchant.pk), pytest.raises(RuntimeError), crossing():
        pass
    with crossing(), merchant_scope(merchant.pk), crossing():
        assert Item.objects.count() == 0


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_staff_cross_by_a_login_of_their_own():
    ours, theirs = make_merchant(), make_merchant()
    make_item(ours)
    make_item(theirs)

    assert fetch("SELECT current_user") == [(settings.DATABASE_APPLICATION_ROLE,)]
    with crossing():
        assert fetch("SELECT current_user, session_user") == [(settings.DATABASE_STAFF_LOGIN["USER"],) * 2]
        assert Item.objects.count() == 2
        with merchant_scope(ours.pk):
            assert Item.objects.get().merchant_id == ours.pk
    assert fetch("SELECT current_user") == [(settings.DATABASE_APPLICATION_ROLE,)]
    with transaction.atomic(), pytest.raises(RuntimeError, match="outside of a transaction"), crossing():
        pass


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_row_is_seen_across_merchants_only_by_the_staffs_role():
    item = make_item(make_merchant())
    place = {
        name: connection.settings_dict[key] for name, key in (("host", "HOST"), ("port", "PORT"), ("dbname", "NAME"))
    }
    asked = "SELECT id FROM marketplaces_item"
    seen = {}
    for name in ("DATABASE_URL", "DATABASE_STAFF_URL", "DATABASE_OWNER_URL"):
        with psycopg.connect(os.environ[name], **place, autocommit=True) as login:
            seen[name] = login.execute(asked).fetchall()
    assert seen == {"DATABASE_URL": [], "DATABASE_STAFF_URL": [(item.pk,)], "DATABASE_OWNER_URL": []}

    with psycopg.connect(os.environ["DATABASE_URL"], **place, autocommit=True) as login:
        for attempt in (
            f"SET ROLE {settings.DATABASE_STAFF_LOGIN['USER']}",
            f"SET SESSION AUTHORIZATION {settings.DATABASE_STAFF_LOGIN['USER']}",
            "ALTER TABLE marketplaces_item NO FORCE ROW LEVEL SECURITY",
            "DROP POLICY own_merchant ON marketplaces_item",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(attempt)
        login.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute(asked)


@only_postgresql
@pytest.mark.parametrize("model", [Merchant, *TENANT_MODELS], ids=lambda model: model.__name__)
def test_table_is_guarded(model):
    ((enabled, forced),) = fetch(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", model._meta.db_table
    )
    policies = dict(fetch("SELECT policyname, roles FROM pg_policies WHERE tablename = %s", model._meta.db_table))
    assert (enabled, forced) == (True, True)
    assert policies.pop("staff_crosses") == [settings.DATABASE_STAFF_LOGIN["USER"]]
    assert set(policies) - {"own_person", "own_person_leaves"} == {"own_merchant"}


@only_postgresql
@each_model
def test_merchant_leads_every_key_and_index(model):
    rows = fetch(
        "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
        "WHERE i.indrelid = %s::regclass",
        model._meta.db_table,
    )
    assert {name for name, first in rows if first != "merchant_id"} <= set(NOT_LED)
    keys = fetch(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u')",
        model._meta.db_table,
    )
    assert keys
    assert all(text.partition("(")[2].startswith("merchant_id") for (text,) in keys)


def test_references_are_held_on_sqlite_too():
    if connection.vendor != "sqlite":
        return
    held = {name for (name,) in fetch("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    wanted = {
        f"same_merchant_{event}_{model._meta.db_table}_{field.column}"
        for model in apps.get_app_config("marketplaces").get_models()
        for field in model._meta.local_fields
        if isinstance(field, TenantForeignKey)
        for event in ("insert", "update")
    }
    assert wanted
    assert wanted - held == set()


def test_sku_is_a_function_of_the_item():
    from marketplaces.sku import sku_for

    assert sku_for(uuid.UUID(int=0)) == "TTM" + "0" * 25
    assert sku_for(uuid.UUID(int=2**128 - 1)) == "TTMF5LXX1ZZ5PNORYNQGLHZMSP33"
    item = make_item(make_merchant())
    assert item.sku == sku_for(item.public_id)


def test_check_wants_a_login_for_staff(settings, monkeypatch):
    monkeypatch.setattr(type(connections["default"]), "vendor", "postgresql")
    settings.DATABASE_STAFF_LOGIN = {}
    assert [found.id for found in checks.staff_have_a_login(None)] == ["marketplaces.E001"]
    settings.DATABASE_STAFF_LOGIN = {"USER": connection.settings_dict["USER"], "PASSWORD": ""}
    assert [found.id for found in checks.staff_have_a_login(None)] == ["marketplaces.E002"]
    settings.DATABASE_STAFF_LOGIN = {"USER": "medoc_somebody", "PASSWORD": ""}
    assert checks.staff_have_a_login(None) == []


@only_postgresql
def test_roles_of_the_site_do_not_step_over_the_policies():
    assert checks.policies_bind(None, databases=["default"]) == []


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_without_a_login_staff_are_refused_and_told(settings):
    settings.DATABASE_STAFF_LOGIN = {}
    with pytest.raises(ImproperlyConfigured, match="DATABASE_STAFF_URL"), crossing():
        pass
    with pytest.raises(NoMerchant):
        Item.objects.all()

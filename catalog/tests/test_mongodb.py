"""What is particular about products in MongoDB: its collection, its absence, and writes that are two writes."""

import os
import socket
import subprocess
import sys
import uuid
from contextlib import suppress
from datetime import timedelta

import pymongo
import pytest
import time_machine
from django.conf import settings as project_settings
from django.db import IntegrityError, connections
from django.utils import timezone

from accounts.tests.factories import make_user
from audit.enums import Action
from audit.models import Event
from catalog.models import PriceChange, Product, ProductChange, SearchEntry
from catalog.mongodb.validator import is_valid
from catalog.router import ALIAS
from catalog.rows import ProductRow
from catalog.services.changes import settle, settle_abandoned
from catalog.services.products import delete_product, save_product, upsert_products
from catalog.tests.conftest import MONGODB_URL
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory
from common.sweeping import sweep
from config import databases
from tests.threads import run_together

pytestmark = [pytest.mark.django_db, pytest.mark.mongodb]

LATER = timedelta(hours=1)


def collection():
    return connections[ALIAS].database[Product._meta.db_table]


def actions():
    return list(Event.objects.order_by("id").values_list("action", flat=True))


@pytest.fixture(params=["refuses"])
def down(request, monkeypatch):
    """Products in a MongoDB that nobody answers for, with the limits of a web process: no port, or a silent one."""
    monkeypatch.setenv(databases.WEB_PROCESS, "1")
    here = connections[ALIAS]
    config, pool = project_settings.DATABASES[ALIAS], here._connection_pools.pop(ALIAS)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if request.param == "hangs":
            server.listen()
        url = f"mongodb://127.0.0.1:{server.getsockname()[1]}/nowhere"
        project_settings.DATABASES[ALIAS] = config | databases.mongodb(url)
        del connections[ALIAS]
        # Asks nobody yet; Django's tests forbid connections that begin later.
        connections[ALIAS].connect()
        yield
        with suppress(KeyError):
            here._connection_pools.pop(ALIAS).close()
        project_settings.DATABASES[ALIAS], here._connection_pools[ALIAS] = config, pool
        connections[ALIAS] = here


def test_collection_refuses_what_the_constraints_refuse():
    good = {"code": "A", "label": "Un", "kind": "medicine", "price": 5}
    for bad in ({"code": ""}, {"label": ""}, {"label": "x" * 661}, {"kind": "food"}, {"price": 0}, {"price": "5"}):
        with pytest.raises(pymongo.errors.WriteError):
            collection().insert_one(good | bad)
    collection().insert_one(dict(good))
    with pytest.raises(pymongo.errors.DuplicateKeyError):
        collection().insert_one(dict(good))


@pytest.mark.parametrize("bad", [{"label": ""}, {"price": 0}, {"kind": "food"}, {"code": "x" * 14}])
def test_import_of_what_the_collection_refuses_writes_nothing(bad):
    good = {"code": "A", "label": "Un", "kind": "medicine", "price": 5}
    assert is_valid(good)
    assert not is_valid(good | bad)
    with pytest.raises(IntegrityError):
        upsert_products([ProductRow("B", "Deux"), ProductRow(**(good | bad))])
    assert collection().count_documents({}) == ProductChange.objects.count() == Event.objects.count() == 0


def test_edit_is_announced_written_and_completed():
    product = ProductFactory(code="A", label="Avant")
    product.label = "Après"
    save_product(product, by=None)
    delete_product(product, by=None)
    assert actions() == [
        *(Action.PRODUCT_CHANGE_ANNOUNCED, Action.REFERENCE_CREATED),
        *(Action.PRODUCT_CHANGE_ANNOUNCED, Action.REFERENCE_UPDATED),
        *(Action.PRODUCT_CHANGE_ANNOUNCED, Action.REFERENCE_DELETED),
    ]
    announced = Event.objects.filter(action=Action.PRODUCT_CHANGE_ANNOUNCED).order_by("id")
    assert [event.changes["new"].get("label") for event in announced] == ["Avant", "Après", None]
    assert not ProductChange.objects.filter(settled_at=None).exists()
    assert not SearchEntry.objects.exists()


@pytest.mark.parametrize("code", ["A", ""])
def test_price_that_a_killed_process_changed_is_in_the_history(code):
    """Killed after the write: what the price was stands in the intent, of an edit and of an import."""
    ProductFactory(code="A", price=1500)
    ProductFactory(code="B", price=1500)
    before = {"source": "liste", "prices": {"A": [1500, "XAF"], "B": [1500, "XAF"]}}
    ProductChange.objects.create(code=code, before=before)
    collection().update_one({"code": "A"}, {"$set": {"price": 1600}})
    with time_machine.travel(timezone.now() + LATER):
        assert settle_abandoned() == 1
        assert settle_abandoned() == 0
    (row,) = PriceChange.objects.all()
    assert (row.product_code, row.old_price, row.price, row.source) == ("A", 1500, 1600, "liste")


def test_of_two_writers_each_price_is_noted_once():
    """The first to settle has seen what the second wrote: the second does not note it again."""
    ProductFactory(code="A", price=1500)
    before = {"source": "", "prices": {"A": [1500, "XAF"]}}
    first, second = (ProductChange.objects.create(code="A", before=before) for _ in range(2))
    collection().update_one({"code": "A"}, {"$set": {"price": 1700}})
    now = {"A": {"price": 1700, "currency": "XAF", "price_is_indicative": False}}
    assert [settle(change, now) for change in (first, second, second)] == [True, True, False]
    assert [(row.old_price, row.price) for row in PriceChange.objects.all()] == [(1500, 1700)]


@pytest.mark.parametrize("reached", [True, False])
def test_edit_of_a_killed_process_is_settled(reached):
    """Killed after the intent: whatever MongoDB then holds is what the entry comes to tell."""
    ProductFactory(code="A", label="Avant")
    ProductChange.objects.create(code="A")
    if reached:
        collection().update_one({"code": "A"}, {"$set": {"label": "Après"}})
    assert settle_abandoned() == 0
    with time_machine.travel(timezone.now() + LATER, tick=False):
        assert sweep()["product_changes_to_settle"] == 1
        assert settle_abandoned() == 0
    assert SearchEntry.objects.get().label == ("Après" if reached else "Avant")
    assert actions()[-1] == Action.PRODUCT_CHANGE_SETTLED


def test_deletion_of_a_killed_process_is_settled():
    ProductFactory(code="A")
    ProductChange.objects.create(code="A")
    collection().delete_one({"code": "A"})
    with time_machine.travel(timezone.now() + LATER, tick=False):
        assert settle_abandoned() == 1
    assert not SearchEntry.objects.exists()


def test_import_of_a_killed_process_is_settled():
    upsert_products([ProductRow("A", "Un"), ProductRow("B", "Deux")])
    ProductChange.objects.create()
    collection().update_one({"code": "A"}, {"$set": {"label": "Nouveau"}})
    collection().delete_one({"code": "B"})
    with time_machine.travel(timezone.now() + LATER, tick=False):
        assert settle_abandoned() == 1
    assert list(SearchEntry.objects.values_list("code", "label")) == [("A", "Nouveau")]
    assert not ProductChange.objects.filter(settled_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_entry_tells_the_last_of_many_writers():
    product = ProductFactory(code="A")

    def work(number):
        for turn in range(5):
            save_product(Product(code="A", label=f"{number} {turn}", created_at=product.created_at), by=None)

    assert run_together(4, work) == [None] * 4
    assert SearchEntry.objects.get().label == Product.objects.get().label
    assert not ProductChange.objects.filter(settled_at=None).exists()


@pytest.mark.parametrize("down", ["refuses", "hangs"], indirect=True)
def test_catalogue_that_is_down_is_a_503(api, down):
    SearchEntry.objects.create(code="A", text="doliprane", label="DOLIPRANE", kind="medicine", is_active=True)
    for path in ("products/A/", "products/?q=doliprane"):
        answer = api().get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert api().get("/health/catalog").status_code == 503


def test_reservations_and_sign_in_go_on_while_the_catalogue_is_down(api, down):
    pharmacy = PharmacyFactory(code="LBV1")
    SearchEntry.objects.create(code="A", text="doliprane", label="DOLIPRANE", kind="medicine", is_active=True)
    StockFactory(pharmacy=pharmacy, product_code="A", price=1500)
    user = make_user(credits=10)
    client = api(user)
    answer = client.post(
        "/api/v1/reservations/",
        {"pharmacy": "LBV1", "lines": [{"product": "A", "quantity": 2}]},
        format="json",
        headers={"Idempotency-Key": uuid.uuid4().hex},
    )
    assert answer.status_code == 201, answer.content
    assert (answer.json()["lines"][0]["label"], answer.json()["total"]) == ("DOLIPRANE", 3000)
    assert client.get("/api/v1/auth/me/").status_code == 200
    assert client.get("/api/v1/products/A/availability/").json()["results"][0]["quantity"] == 8


def test_edit_while_the_catalogue_is_down_is_refused_and_settled_later(client, down):
    from accounts.enums import Role

    client.force_login(make_user(Role.ADMIN))
    answer = client.post(
        "/admin/catalog/product/add/",
        {"code": "A", "label": "Un", "kind": "medicine", "currency": "XAF", "is_active": "on"},
    )
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert not SearchEntry.objects.exists()


@pytest.mark.parametrize("query", ["q[$ne]=x", "kind[$gt]=", "kind=%7B%22%24gt%22%3A%22%22%7D", "code[$ne]=A"])
def test_operators_in_a_request_are_text(api, query):
    ProductFactory(code="A")
    answer = api().get(f"/api/v1/products/?{query}")
    assert answer.status_code in (200, 400)
    assert api().get('/api/v1/products/{"$gt":""}/').status_code == 404


@pytest.mark.relational
@pytest.mark.skipif(not MONGODB_URL, reason="NOT TESTED ON MONGODB: TEST_MONGODB_URL names none")
def test_migrations_make_the_collection():
    name = f"medoc_migrated_{os.getpid()}"
    environ = os.environ | {"CATALOG_DATABASE_URL": f"{MONGODB_URL.rstrip('/')}/{name}", "DEBUG": "1"}
    with pymongo.MongoClient(MONGODB_URL) as server:
        try:
            for command in (["check", "--database", "catalog"], ["migrate", "--database", "catalog"]):
                done = subprocess.run(
                    [sys.executable, "manage.py", *command],
                    cwd=project_settings.BASE_DIR,
                    env=environ,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, done.stderr
            products = server[name][Product._meta.db_table]
            assert {"product_label_order"} <= set(products.index_information())
            with pytest.raises(pymongo.errors.WriteError):
                products.insert_one({"code": "A", "label": ""})
            assert "catalog_stock" not in server[name].list_collection_names()
        finally:
            server.drop_database(name)

"""The old MongoDB's products come into the catalogue and the stock, once, and are withdrawn again."""

import csv
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from bson import ObjectId
from django.core.management import CommandError, call_command

from audit.models import Event
from catalog.models import Product, SearchEntry, Stock
from catalog.services import products as catalogue
from catalog.services.stock import save_stock
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory
from common.models import ImportBatch, ImportedRow
from legacy.importing import products
from legacy.tests.old_database import Old, old_database, server
from reservations.tests.factories import make_reservation

MONGODB_URL = os.environ.get("TEST_MONGODB_URL", "")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not MONGODB_URL, reason="NOT TESTED ON MONGODB: TEST_MONGODB_URL names none"),
]

KEYS = "name price stock category pharmacy cip description".split()
ROWS = [
    ("PARACETAMOL 500", 1500.0, 12, "Douleur", "Pharmacie du Port", "3400930000017", "boîte de 16"),
    ("DEJA LA", 900, 4, None, "Pharmacie du Port", "3400930000024", None),
    ("AUTRE", "mille", 3, None, "Nulle part", "3400930000031", None),
    ("SANS CODE", 100, 1, None, None, None, None),
    ("PARACETAMOL bis", 1600, 2, None, "Pharmacie du Marché", "3400930000017", None),
    ("CREME", 2500.5, -3, None, "Pharmacie du Port", "CREME-1", None),
    (None, 100, 1, None, None, "3400930000048", None),
    ("STOCK LA", 100, 5, None, "Pharmacie du Marché", "3400930000024", None),
]
IDS = [ObjectId(f"6400000000000000000000{number:02d}") for number in range(len(ROWS))]


@pytest.fixture(scope="module")
def old() -> Iterator[Old]:
    with server() as url, old_database(url) as database:
        yield database


@pytest.fixture
def documents() -> Iterator[str]:
    """The URL of a MongoDB with the old collection."""
    name = f"medoc_old_{os.getpid()}"
    with pymongo.MongoClient(MONGODB_URL) as client:
        try:
            client[name]["products"].insert_many(
                {"_id": key, **dict(zip(KEYS, row, strict=True))} for key, row in zip(IDS, ROWS, strict=True)
            )
            yield f"{MONGODB_URL.rstrip('/')}/{name}"
        finally:
            client.drop_database(name)


@pytest.fixture
def here() -> None:
    """Two pharmacies, and a product of ours with stock in one of them."""
    PharmacyFactory(code="PORT", name="Pharmacie du Port")
    market = PharmacyFactory(code="MARCHE", name="Pharmacie du Marché")
    ProductFactory(code="3400930000024", label="LE NÔTRE", price=950)
    StockFactory(pharmacy=market, product_code="3400930000024", quantity=7, price=990)


@pytest.fixture
def bring(old: Old, documents: str, here: None, tmp_path: Path, capsys: Any) -> Callable[..., list[str]]:
    def run(*options: str) -> list[str]:
        report = str(tmp_path / "report.csv")
        call_command("import_legacy", "--database", old.url, "--mongodb", documents, "--report", report, *options)
        return capsys.readouterr().out.splitlines()

    return run


def shelves() -> list[tuple[Any, ...]]:
    return list(
        Stock.objects.order_by("product_code", "pharmacy__code").values_list(
            "pharmacy__code", "product_code", "quantity", "price"
        )
    )


SHELVES = [
    ("MARCHE", "3400930000017", 2, 1600),
    ("PORT", "3400930000017", 12, 1500),
    ("MARCHE", "3400930000024", 7, 990),
    ("PORT", "3400930000024", 4, 900),
]


def test_products_and_stock_come_each_by_its_rule(bring: Any, tmp_path: Path) -> None:
    lines = bring()

    assert list(Product.objects.order_by("code").values_list("code", "label", "price", "source", "is_active")) == [
        ("3400930000017", "PARACETAMOL 500", 1500, "legacy", True),
        ("3400930000024", "LE NÔTRE", 950, "test", True),
        ("3400930000031", "AUTRE", None, "legacy", True),
        ("CREME-1", "CREME", 2501, "legacy", True),
    ]
    assert SearchEntry.objects.filter(code="3400930000017", label="PARACETAMOL 500").exists()
    assert shelves() == SHELVES
    with (tmp_path / "report.csv").open(newline="") as file:
        listed = sorted((row["rule"], IDS.index(ObjectId(row["id"]))) for row in csv.DictReader(file))
    assert listed == [
        ("product_known", 1),
        ("product_left_out", 3),
        ("product_left_out", 4),
        ("product_left_out", 6),
        ("product_left_out", 7),
        ("product_value_unusable", 2),
        ("product_value_unusable", 5),
        ("stock_known", 7),
        ("stock_pharmacy_unknown", 2),
    ]
    assert "products: old 8, here 3, product_known +1, product_left_out +4: explained" in lines
    assert lines[-1].endswith("3 products, 3 stock brought over")


def test_second_run_brings_no_product(bring: Any) -> None:
    bring()
    before = list(Product.objects.order_by("code").values()), shelves(), Event.objects.count()

    assert bring()[-1] == "nothing new"
    assert (list(Product.objects.order_by("code").values()), shelves(), Event.objects.count()) == before


def test_rehearsal_of_products_writes_nothing(bring: Any) -> None:
    rehearsed = bring("--dry-run")

    assert Product.objects.count() == 1
    assert Stock.objects.count() == 1
    assert not ImportedRow.objects.exists()
    assert rehearsed[:-1] == bring()[:-1]


@pytest.mark.parametrize("moment", ["before products", "after products", "before stock"])
def test_killed_among_products_the_next_run_finishes_it(
    moment: str, bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = products.import_products

    def dies(*args: Any, **kwargs: Any) -> None:
        if moment == "after products":
            genuine(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as doomed:
        doomed.setattr(products, "set_stock" if moment == "before stock" else "import_products", dies)
        with pytest.raises(KeyboardInterrupt):
            bring()
    lines = bring()

    assert "products: old 8, here 3, product_known +1, product_left_out +4: explained" in lines
    assert shelves() == SHELVES
    assert ImportedRow.objects.filter(table="products", is_withdrawn=False).count() == 3


def test_undo_withdraws_products_and_their_stock_and_a_later_run_brings_them_again(bring: Any, capsys: Any) -> None:
    bring()
    call_command("import_legacy", "--undo", str(ImportBatch.objects.get().pk))

    assert sorted(Product.objects.filter(is_active=True).values_list("code", flat=True)) == ["3400930000024"]
    assert Product.objects.count() == 4
    assert [(quantity, price) for _pharmacy, _code, quantity, price in shelves()] == [
        (0, None),
        (0, None),
        (7, 990),
        (0, None),
    ]
    capsys.readouterr()
    assert bring()[-1].endswith("3 products, 3 stock brought over")
    assert shelves() == SHELVES
    assert Product.objects.filter(is_active=True).count() == 4


def test_import_after_undo_leaves_what_somebody_has_counted_since(bring: Any, capsys: Any) -> None:
    bring()
    call_command("import_legacy", "--undo", str(ImportBatch.objects.get().pk))
    row = Stock.objects.get(pharmacy__code="PORT", product_code="3400930000017")
    row.quantity = 3
    save_stock(row, by=None, fields=["quantity"])
    capsys.readouterr()
    assert bring()[-1].endswith("3 products, 2 stock brought over")
    row.refresh_from_db()
    assert (row.quantity, row.price) == (3, None)
    call_command("import_legacy", "--undo", str(ImportBatch.objects.latest("pk").pk))
    row.refresh_from_db()
    assert row.quantity == 3


def test_undo_is_refused_where_its_stock_is_reserved(bring: Any) -> None:
    bring()
    make_reservation(stock=Stock.objects.get(pharmacy__code="PORT", product_code="3400930000017"))

    with pytest.raises(CommandError, match="reservations are of its stock"):
        call_command("import_legacy", "--undo", str(ImportBatch.objects.get().pk))
    assert shelves() == SHELVES
    assert catalogue.Product.objects.filter(is_active=True).count() == 4

import os
import re
import zipfile
from datetime import UTC, datetime

import pymongo
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from openpyxl import Workbook

from audit.enums import Action
from audit.models import Event
from catalog.models import Pharmacy, Product, Stock
from catalog.tests.conftest import MONGODB_URL
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory

pytestmark = pytest.mark.django_db

ROWS = [
    ("3400930000017", "DOLIPRANE 500 mg", "1 500 FCFA", "12", "LBV1", "Antalgique"),
    ("3400930000017", "Doliprane encore", "1600", "3", "pharmacie du CAP", "Antalgique"),
    (3000002.0, "EFFERALGAN", "mille", 5, "LBV1", ""),
    ("", "Sans code", "100", "", "", ""),
    ("3400930000031", "", "100", "", "", ""),
    ("a/b", "Code impossible", "100", "", "", ""),
    ("PARA-1", "Crème", 2500, "beaucoup", "", "Cosmétique"),
    ("PARA-1", "Crème bis", 2500, "", "", ""),
    ("PARA-2", "Lait", 900, 4, "Nulle part", None),
]
REMARKS = [
    "{name}:4 price 'mille' cannot be read",
    "{name}:5 left out: no code",
    "{name}:6 left out: no label",
    "{name}:7 left out: code 'a/b' cannot be used",
    "{name}:8 quantity 'beaucoup' cannot be read",
    "{name}:9 left out: code PARA-1 stands on line 8 already",
    "{name}:10 stock not read: nobody knows the pharmacy 'Nulle part'",
]
FRENCH = ("Code CIP", "Libellé", "Prix de vente", "Quantité", "Pharmacie", "Catégorie")
ENGLISH = ("ean", "NAME", "Price", "stock", "pharmacy", "category")


@pytest.fixture(autouse=True)
def _pharmacies():
    PharmacyFactory(code="LBV1")
    PharmacyFactory(code="POG1", name="Pharmacie du Cap")


def make_csv(tmp_path):
    path = tmp_path / "stock.csv"
    lines = [";".join("" if cell is None else str(cell) for cell in row) for row in (FRENCH, *ROWS)]
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    return ["--csv", str(path)], "stock.csv"


def make_xlsx(tmp_path):
    path = tmp_path / "stock.xlsx"
    book = Workbook()
    for row in ([*ENGLISH, "autre"], *ROWS):
        book.active.append(row)
    book.save(path)
    return ["--xlsx", str(path)], "stock.xlsx"


def run(capsys, *options):
    call_command("import_products", *options)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("make", [make_csv, make_xlsx])
def test_import_of_a_spreadsheet(make, tmp_path, capsys):
    options, name = make(tmp_path)
    remarks = [remark.format(name=name) for remark in REMARKS]
    events = Event.objects.count()
    assert run(capsys, *options, "--dry-run") == [
        *remarks,
        "dry run: 9 lines, products: 4 created, 0 updated, 0 unchanged, "
        "stock: 0 created, 0 updated, 0 unchanged, 4 left out",
    ]
    assert not Product.objects.exists()
    assert Event.objects.count() == events
    assert run(capsys, *options)[-1] == (
        "9 lines, products: 4 created, 0 updated, 0 unchanged, stock: 3 created, 0 updated, 0 unchanged, 4 left out"
    )
    assert list(Product.objects.order_by("code").values_list("code", "label", "price", "category", "source")) == [
        ("3400930000017", "DOLIPRANE 500 mg", 1500, "Antalgique", name),
        ("3400930000021", "EFFERALGAN", None, None, name),
        ("PARA-1", "Crème", 2500, "Cosmétique", name),
        ("PARA-2", "Lait", 900, None, name),
    ]
    assert list(
        Stock.objects.order_by("pharmacy__code", "product_code").values_list(
            "pharmacy__code", "product_code", "quantity", "price"
        )
    ) == [("LBV1", "3400930000017", 12, 1500), ("LBV1", "3400930000021", 5, None), ("POG1", "3400930000017", 3, 1600)]
    assert run(capsys, *options)[-1] == (
        "9 lines, products: 0 created, 0 updated, 4 unchanged, stock: 0 created, 0 updated, 3 unchanged, 4 left out"
    )
    (event,) = Event.objects.filter(action=Action.PRODUCTS_IMPORTED)
    assert (event.actor_id, event.changes["created"], event.changes["left_out"]) == ("import_products", 4, 4)


def test_import_keeps_what_the_list_does_not_tell(tmp_path, capsys):
    ProductFactory(code="PARA-1", substance="KARITE", form="crème", price=2000)
    path = tmp_path / "liste.csv"
    path.write_text("code,name\nPARA-1,Crème de jour\n", encoding="utf-8")
    run(capsys, "--csv", str(path))
    product = Product.objects.get()
    assert (product.label, product.substance, product.form, product.price) == ("Crème de jour", "KARITE", "crème", 2000)


def test_import_of_an_old_list_leaves_stock_that_was_observed_later(tmp_path, capsys):
    stock = StockFactory(quantity=2, price=1500, pharmacy=Pharmacy.objects.get(code="LBV1"), observed_at=timezone.now())
    seen_at = stock.observed_at
    path = tmp_path / "liste.csv"
    path.write_text(
        f"code;name;stock;prix;pharmacie\n{stock.product_code};Doli;40;900;LBV1\n{stock.product_code};;;;\n"
        f"{stock.product_code};Doli;30;800;POG1\n",
        encoding="utf-8",
    )
    os.utime(path, (1_577_836_800, 1_577_836_800))
    for counts in ("1 created, 0 updated, 1 unchanged", "0 created, 0 updated, 2 unchanged"):
        out = run(capsys, "--csv", str(path))
        assert out[:-1] == [
            "liste.csv:3 left out: no label",
            "liste.csv:2 stock not set: what LBV1 has of it was observed later",
        ]
        assert f"stock: {counts}, 1 left out" in out[-1]
    stock.refresh_from_db()
    assert (stock.quantity, stock.price, stock.currency, stock.observed_at) == (2, 1500, "XAF", seen_at)
    assert Stock.objects.get(pharmacy__code="POG1").quantity == 30


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"prix;stock\n1;2\n", "lacks the columns code (cip, ean), libelle (nom, name)"),
        ("a.csv", b"", "lacks the columns"),
        ("a.xlsx", b"PK nothing", "is no spreadsheet that can be read"),
        ("absent.csv", None, "is no file"),
        ("a.csv", b'code;name\nP1;"DOLI\nP2;B\nP3;C\n', "a.csv:2 has a quote that is not closed"),
        ("a.csv", b'code;name\nP1;A\n\nP2;"DOLI\nP3;"C"\n', "a.csv:4 has a quote that is not closed"),
        ("a.csv", b'code;name\r\nP1;"DOLI\r\nP2;B"\r\nP3;C\r\n', "a.csv:2 has a quote that is not closed"),
        ("a.csv", b'code;name\nP1;"DOLI" 500 mg\n', "a.csv:2 has a quote that is not closed"),
        ("a.csv", b"code;name\nP1;" + b"x" * 200_000 + b"\n", "a.csv:2 has a quote that is not closed"),
    ],
)
def test_import_refuses_what_is_no_list(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match=re.escape(message)):
        call_command("import_products", f"--{path.suffix[1:]}", str(path))
    assert not Product.objects.exists()
    assert not Event.objects.filter(action=Action.PRODUCTS_IMPORTED).exists()


def test_import_refuses_a_spreadsheet_that_grows_when_it_is_unpacked(tmp_path):
    options, name = make_xlsx(tmp_path)
    with zipfile.ZipFile(tmp_path / name, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/bomb.xml", b"0" * 20_000_000)
    with pytest.raises(CommandError, match="trop grand une fois décompressé"):
        call_command("import_products", *options)
    assert not Product.objects.exists()


def test_import_reads_quotes_that_are_closed(tmp_path, capsys):
    path = tmp_path / "liste.csv"
    path.write_text('code;name\nP1;"Lait ""doux""; 200 ml"\nP2;Boîte "hôpital"\n', encoding="utf-8")
    run(capsys, "--csv", str(path))
    assert dict(Product.objects.values_list("code", "label")) == {"P1": 'Lait "doux"; 200 ml', "P2": 'Boîte "hôpital"'}


@pytest.mark.skipif(not MONGODB_URL, reason="NOT TESTED ON MONGODB: TEST_MONGODB_URL names none")
def test_import_of_the_old_collection(capsys):
    database = f"medoc_old_{os.getpid()}"
    keys = ("cip", "name", "price", "stock", "pharmacy", "category")
    documents = [dict(zip(keys, row, strict=True)) for row in ROWS]
    documents += [{"description": "rien"}, {"cip": ["3400930000017"], "name": {"fr": "x"}}, {"cip": None, "name": 5}]
    options = ["--mongodb", f"{MONGODB_URL.rstrip('/')}/{database}", "--collection", "anciens"]
    with pymongo.MongoClient(MONGODB_URL) as server:
        try:
            server[database]["anciens"].insert_many(documents)
            out = run(capsys, *options)
            again = run(capsys, *options)
        finally:
            server.drop_database(database)
    assert out[:-1] == [
        "anciens:3 price 'mille' cannot be read",
        "anciens:4 left out: no code",
        "anciens:5 left out: no label",
        "anciens:6 left out: code 'a/b' cannot be used",
        "anciens:7 quantity 'beaucoup' cannot be read",
        "anciens:8 left out: code PARA-1 stands on line 7 already",
        "anciens:10 left out: no code",
        "anciens:11 left out: no code",
        "anciens:12 left out: no code",
        "anciens:9 stock not read: nobody knows the pharmacy 'Nulle part'",
    ]
    assert out[-1] == (
        "12 lines, products: 4 created, 0 updated, 0 unchanged, stock: 3 created, 0 updated, 0 unchanged, 7 left out"
    )
    assert again[-1] == (
        "12 lines, products: 0 created, 0 updated, 4 unchanged, stock: 0 created, 0 updated, 3 unchanged, 7 left out"
    )
    assert Stock.objects.filter(observed_at__lte=datetime.now(UTC)).count() == 3


def test_import_of_an_address_without_a_database():
    with pytest.raises(CommandError, match="must end with the database's name"):
        call_command("import_products", "--mongodb", "mongodb://127.0.0.1:1/")

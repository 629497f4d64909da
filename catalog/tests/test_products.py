import pytest
from django.db import IntegrityError, transaction

from audit.enums import Action
from audit.models import Event
from catalog.models import CatalogVersion, Product, SearchEntry
from catalog.rows import Counts, ProductRow
from catalog.search import search
from catalog.services.products import delete_product, save_product, upsert_products
from catalog.tests.factories import ProductFactory

pytestmark = pytest.mark.django_db


def version():
    return CatalogVersion.objects.values_list("number", flat=True).first()


def events():
    """What both engines tell alike: without the intents that MongoDB needs (`test_mongodb`)."""
    return list(Event.objects.exclude(action=Action.PRODUCT_CHANGE_ANNOUNCED).order_by("id"))


def test_save_product_keeps_its_search_entry_in_step():
    product = ProductFactory(code="A1", label="Crème solaire", substance="", kind="parapharmacy")
    entry = SearchEntry.objects.get(code="A1")
    assert (entry.text, entry.label, entry.kind, entry.is_active) == (
        "creme solaire a1",
        "Crème solaire",
        "parapharmacy",
        True,
    )
    assert version() == 1
    product.label, product.is_active = "Lait solaire", False
    save_product(product, by=None)
    entry.refresh_from_db()
    assert (entry.text, entry.label, entry.is_active) == ("lait solaire a1", "Lait solaire", False)
    assert version() == 2
    assert search("creme").count == 0


def test_save_product_without_new_words_keeps_the_version(django_assert_num_queries):
    product = ProductFactory()
    product.price = 2000
    before = SearchEntry.objects.values().get()
    save_product(product, by=None)
    assert SearchEntry.objects.values().get() == before
    assert version() == 1


def test_save_product_is_audited_with_old_and_new():
    product = ProductFactory(price=1500)
    product.price = 2000
    save_product(product, by=None)
    created, updated = events()
    assert (created.action, created.entity_id) == ("reference.created", product.code)
    assert (updated.action, updated.changes) == ("reference.updated", {"old": {"price": 1500}, "new": {"price": 2000}})


@pytest.mark.relational
def test_save_product_and_its_entry_fail_together(monkeypatch):
    product = ProductFactory(label="Avant")

    def refuse(product):
        raise RuntimeError

    monkeypatch.setattr("catalog.services.products.save_entry", refuse)
    product.label = "Après"
    with pytest.raises(RuntimeError), transaction.atomic():
        save_product(product, by=None)
    assert Product.objects.get().label == SearchEntry.objects.get().label == "Avant"


def test_delete_product_removes_its_search_entry():
    product = ProductFactory(code="A1")
    delete_product(product, by=None)
    assert not Product.objects.exists()
    assert not SearchEntry.objects.exists()
    assert version() == 2


def test_upsert_products_creates_updates_and_leaves():
    rows = [ProductRow(code="A", label="Un", price=100), ProductRow(code="B", label="Deux")]
    assert upsert_products(rows, source="liste") == Counts(created=2)
    stamps = dict(Product.objects.values_list("code", "updated_at"))
    rows[0] = ProductRow(code="A", label="Un", price=105)
    assert upsert_products([*rows, ProductRow(code="C", label="Trois")]) == Counts(1, 1, 1)
    after = dict(Product.objects.values_list("code", "updated_at"))
    assert after["A"] != stamps["A"]
    assert after["B"] == stamps["B"]
    assert dict(Product.objects.values_list("code", "price")) == {"A": 105, "B": None, "C": None}
    assert search("trois").count == 1
    assert [event.changes for event in events()] == [
        {"source": "liste", "created": 2, "updated": 0, "unchanged": 0, "left_out": 0},
        {"source": "", "created": 1, "updated": 1, "unchanged": 1, "left_out": 0},
    ]


def test_upsert_products_counts_the_last_of_equal_codes():
    assert upsert_products([ProductRow(code="A", label="Un"), ProductRow(code="A", label="Deux")]) == Counts(created=1)
    assert Product.objects.get().label == SearchEntry.objects.get().label == "Deux"


def test_upsert_products_of_nothing():
    assert upsert_products([]) == Counts()
    assert not Event.objects.exists()


def test_upsert_products_twice_in_one_transaction():
    with transaction.atomic():
        assert upsert_products([ProductRow(code="A", label="Un")]) == Counts(created=1)
        assert upsert_products([ProductRow(code="A", label="Deux")]) == Counts(updated=1)


def test_upsert_products_is_all_or_nothing():
    with pytest.raises(IntegrityError):
        upsert_products([ProductRow(code="A", label="Un"), ProductRow(code="B", label="Deux", price=0)])
    assert not Product.objects.exists()
    assert not SearchEntry.objects.exists()
    assert not Event.objects.exists()


def test_upsert_products_keeps_odd_text_as_it_is():
    label = "Tab\tulation, saut\nde ligne, \\N, \\., \"guillemets\", 'apostrophes', é ñ 日本 😀"
    upsert_products([ProductRow(code="A", label=label)])
    assert Product.objects.get().label == SearchEntry.objects.get().label == label


@pytest.mark.parametrize(
    "fields",
    [{"label": ""}, {"label": "x" * 661}, {"kind": "food"}, {"price": 0}, {"price": -5}, {"code": ""}],
)
def test_product_constraints(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        Product.objects.create(**{"code": "A", "label": "Un", **fields})

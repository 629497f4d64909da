from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.models import Event
from catalog.models import Stock
from catalog.rows import Counts, StockRow, StockSet
from catalog.services.stock import delete_stock, save_stock, set_stock
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory
from common.errors import Invalid

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def test_set_stock_creates_updates_and_leaves():
    PharmacyFactory(code="P1")
    PharmacyFactory(code="P2")
    ProductFactory(code="A")
    rows = [StockRow("P1", "A", 5, 1000, NOW), StockRow("P2", "A", 3, None, NOW)]
    assert set_stock(rows, source="inventaire") == StockSet(Counts(created=2))
    assert set_stock(rows) == StockSet(Counts(unchanged=2))
    rows[1] = StockRow("P2", "A", 0, 900, NOW)
    assert set_stock(rows) == StockSet(Counts(updated=1, unchanged=1))
    assert list(Stock.objects.order_by("id").values_list("pharmacy__code", "quantity", "price", "observed_at")) == [
        ("P1", 5, 1000, NOW),
        ("P2", 0, 900, NOW),
    ]
    events = list(Event.objects.filter(entity="stock").order_by("id"))
    assert [event.changes["created"] for event in events] == [2, 0]
    assert events[0].changes["source"] == "inventaire"


def test_set_stock_leaves_what_was_observed_later():
    later, soon, place = NOW - timedelta(hours=1), NOW + timedelta(days=9), PharmacyFactory(code="P1")
    for code, at in (("A", later), ("B", later), ("C", NOW)):
        ProductFactory(code=code)
        StockFactory(pharmacy=place, product_code=code, quantity=2, price=1500, observed_at=at)
    rows = [StockRow("P1", "A", 9, 900, later - timedelta(seconds=1)), StockRow("P1", "B", 9, 900, later)]
    assert set_stock(rows) == StockSet(Counts(updated=1, unchanged=1), frozenset({("P1", "A")}))
    assert _shelf() == [("A", 2, 1500, later), ("B", 9, 900, later), ("C", 2, 1500, NOW)]
    # A clock that is ahead would lock everybody else out until then.
    set_stock([StockRow("P1", "C", 5, 900, soon)])
    assert Stock.objects.get(product_code="C").observed_at < soon
    assert set_stock([StockRow("P1", "C", 6, 900, timezone.now())]).counts == Counts(updated=1)
    Stock.objects.update(observed_at=soon)
    assert set_stock([StockRow("P1", "C", 7, 900, later)]) == StockSet(Counts(updated=1))


def _shelf():
    return list(Stock.objects.order_by("product_code").values_list("product_code", "quantity", "price", "observed_at"))


def test_set_stock_names_every_unknown_row_and_changes_nothing():
    PharmacyFactory(code="P1")
    ProductFactory(code="A")
    rows = [StockRow("P1", "A", 5, 1000, NOW), StockRow("P9", "A", 5, 1000, NOW), StockRow("P9", "Z", 5, 1000, NOW)]
    with pytest.raises(Invalid) as refusal:
        set_stock(rows)
    assert [(error.field, error.code) for error in refusal.value.errors] == [
        ("1.pharmacy", "unknown_pharmacy"),
        ("2.pharmacy", "unknown_pharmacy"),
        ("2.product", "unknown_product"),
    ]
    assert not Stock.objects.exists()


def test_save_stock_writes_and_tells_what_changed():
    stock = StockFactory(quantity=10, price=1500)
    edited = Stock.objects.get(pk=stock.pk)
    # Two boxes are collected while the form is open.
    Stock.objects.filter(pk=stock.pk).update(quantity=8)
    edited.price = 1600
    save_stock(edited, by=None, fields=["price"])
    stock.refresh_from_db()
    assert (stock.quantity, stock.price) == (8, 1600)
    event = Event.objects.get(action="catalog.stock_changed")
    assert event.entity_id == str(stock.pk)
    assert (event.changes["old"].keys(), event.changes["new"].keys()) == ({"price", "observed_at"},) * 2
    assert (event.changes["old"]["price"], event.changes["new"]["price"]) == (1500, 1600)


def test_save_stock_is_observed_when_it_is_edited_unless_the_edit_says_when():
    stock = StockFactory(quantity=10, observed_at=NOW - timedelta(days=9))
    stock.quantity = 8
    save_stock(stock, by=None, fields=["quantity"])
    stock.refresh_from_db()
    assert NOW - timedelta(days=1) < stock.observed_at <= timezone.now()
    stock.quantity, stock.observed_at = 7, NOW - timedelta(days=2)
    save_stock(stock, by=None, fields=["quantity", "observed_at"])
    stock.refresh_from_db()
    assert (stock.quantity, stock.observed_at) == (7, NOW - timedelta(days=2))
    stock.observed_at = NOW + timedelta(days=2)
    save_stock(stock, by=None, fields=["observed_at"])
    stock.refresh_from_db()
    assert stock.observed_at <= timezone.now()


def test_save_stock_of_a_new_row():
    stock = save_stock(
        Stock(pharmacy=PharmacyFactory(), product_code=ProductFactory().code, quantity=3, price=500), by=None
    )
    event = Event.objects.get(action="catalog.stock_changed")
    assert event.changes["old"] == {}
    assert (event.changes["new"]["quantity"], event.changes["new"]["price"]) == (3, 500)
    assert event.entity_id == str(stock.pk)


def test_save_stock_unchanged_tells_nothing():
    stock = StockFactory()
    save_stock(stock, by=None)
    assert not Event.objects.filter(action="catalog.stock_changed").exists()


def test_delete_stock_is_told():
    stock = StockFactory(quantity=4)
    pk = stock.pk
    delete_stock(stock, by=None)
    event = Event.objects.get(action="catalog.stock_changed")
    assert (event.entity_id, event.changes["old"]["quantity"], event.changes["new"]) == (str(pk), 4, {})
    assert not Stock.objects.exists()


@pytest.mark.parametrize("fields", [{"quantity": -1}, {"price": 0}, {"price": -1}, {"product_code": ""}])
def test_stock_constraints(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        StockFactory(**fields)


def test_stock_is_unique_in_its_pharmacy():
    stock = StockFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        StockFactory(pharmacy=stock.pharmacy, product_code=stock.product_code)

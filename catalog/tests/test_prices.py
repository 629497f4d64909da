from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.enums import Role
from accounts.tests.factories import make_user
from audit.enums import Action
from audit.models import Event
from catalog.models import PlannedPrice, PriceChange, Product
from catalog.rows import ProductRow
from catalog.services.prices import apply_due_prices
from catalog.services.products import delete_product, import_products, save_product, upsert_products
from catalog.tests.factories import ProductFactory
from common.sweeping import sweep
from tests.threads import run_together

pytestmark = pytest.mark.django_db


def history(code="A"):
    rows = PriceChange.objects.filter(product_code=code).order_by("pk")
    return [(row.old_price, row.price, row.currency, row.is_indicative, row.source) for row in rows]


def plan(code="A", price=900, *, minutes=-1):
    return PlannedPrice.objects.create(
        product_code=code, price=price, effective_at=timezone.now() + timedelta(minutes=minutes)
    )


def test_edit_of_a_price_leaves_a_row_and_no_other_edit_does():
    product = ProductFactory(code="A", price=1500)
    product.label = "Autre"
    save_product(product, by=None)
    assert history() == []
    product.price = 1600
    save_product(product, by=None)
    product.price = None
    save_product(product, by=None)
    delete_product(product, by=None)
    assert history() == [(1500, 1600, "XAF", False, ""), (1600, None, "XAF", False, "")]


def test_import_leaves_a_row_where_it_changes_a_price():
    for code, price, vague in (("A", 1500, False), ("B", 1500, False), ("C", 100, True), ("D", None, False)):
        ProductFactory(code=code, label=code, price=price, price_is_indicative=vague)
    rows = [
        ProductRow("A", "A", price=1600, source="liste"),
        ProductRow("B", "B", price=1600, price_is_indicative=True, source="liste"),
        ProductRow("C", "C", price=200, price_is_indicative=True, source="liste"),
        ProductRow("D", "D", price=300, currency="EUR", source="liste"),
        ProductRow("E", "E", price=400, source="liste"),
    ]
    import_products(rows, source="liste", dry_run=True)
    assert not PriceChange.objects.exists()
    upsert_products(rows, source="liste")
    upsert_products(rows, source="liste")
    assert history("A") == [(1500, 1600, "XAF", False, "liste")]
    # A real price stays, and the first price of a product is no change.
    assert history("B") == history("E") == []
    assert history("C") == [(100, 200, "XAF", True, "liste")]
    assert history("D") == [(None, 300, "EUR", False, "liste")]


@pytest.mark.relational
def test_history_is_append_only():
    product = ProductFactory(code="A", price=1500)
    product.price = 1600
    save_product(product, by=None)
    for change in (lambda: PriceChange.objects.update(price=1), lambda: PriceChange.objects.all().delete()):
        with pytest.raises(Exception, match=r"append-only|permission denied"), transaction.atomic():
            change()
    assert history() == [(1500, 1600, "XAF", False, "")]


def test_planned_price_becomes_the_price_at_its_time():
    ProductFactory(code="A", label="Un", price=1500, price_is_indicative=True, substance="X")
    due, later = plan(price=900), plan(price=1000, minutes=5)
    assert sweep()["prices_to_apply"] == 1
    assert sweep()["prices_to_apply"] == 0
    product = Product.objects.get(code="A")
    assert (product.price, product.price_is_indicative) == (900, False)
    assert (product.label, product.substance, product.source) == ("Un", "X", "test")
    assert history() == [(1500, 900, "XAF", False, "planned")]
    due.refresh_from_db()
    later.refresh_from_db()
    assert due.settled_at is not None
    assert due.is_applied
    assert (later.settled_at, later.is_applied) == (None, False)
    event = Event.objects.filter(action=Action.PRODUCTS_IMPORTED).last()
    assert event is not None
    assert event.changes["source"] == "planned"


def test_of_plans_that_are_due_together_the_last_counts():
    ProductFactory(code="A", price=1500)
    later, earlier = plan(price=1100, minutes=-1), plan(price=900, minutes=-2)
    unknown = plan("Z")
    assert apply_due_prices() == 1
    assert history() == [(1500, 1100, "XAF", False, "planned")]
    assert dict(PlannedPrice.objects.values_list("pk", "is_applied")) == {
        later.pk: True,
        earlier.pk: False,
        unknown.pk: False,
    }
    assert not PlannedPrice.objects.filter(settled_at=None).exists()
    assert not Product.objects.filter(code="Z").exists()


@pytest.mark.relational
@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_apply_a_price_once():
    for number in range(5):
        ProductFactory(code=f"A{number}", price=1500)
        plan(f"A{number}")
    assert sum(run_together(4, lambda number: apply_due_prices())) == 5
    assert PriceChange.objects.count() == 5


def test_planned_prices_that_cannot_be():
    plan(minutes=5)
    with pytest.raises(IntegrityError), transaction.atomic():
        plan(price=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        PlannedPrice.objects.create(product_code="A", price=1, effective_at=PlannedPrice.objects.get().effective_at)


def test_staff_plan_prices_and_read_the_history(client):
    client.force_login(make_user(Role.STAFF))
    product = ProductFactory(code="A", price=1500)
    product.price = 1600
    save_product(product, by=None)
    add = reverse("admin:catalog_plannedprice_add")
    given = {"price": 1700, "currency": "XAF", "effective_at_0": "01/02/2099", "effective_at_1": "08:00"}
    refused = client.post(add, {"product_code": "Z", **given})
    assert refused.context["adminform"].form.errors["product_code"] == ["Produit inconnu."]
    assert client.post(add, {"product_code": "A", **given}).status_code == 302
    planned = PlannedPrice.objects.get()
    assert planned.effective_at == datetime(2099, 2, 1, 7, tzinfo=UTC)
    assert Event.objects.filter(action="reference.created", entity="plannedprice").count() == 1
    text = client.get(reverse("admin:catalog_product_change", args=["A"])).content.decode().replace("\xa0", " ")
    assert "1 700 XAF" in text.replace("\u202f", " ")
    assert "1 500 XAF → 1 600 XAF" in text.replace("\u202f", " ")


def test_settled_plan_and_history_cannot_be_edited(client):
    client.force_login(make_user(Role.ADMIN))
    ProductFactory(code="A", price=1500)
    planned = plan()
    apply_due_prices()
    page = reverse("admin:catalog_plannedprice_change", args=[planned.pk])
    assert client.post(page, {"price": 1}).status_code == 403
    assert client.post(reverse("admin:catalog_plannedprice_delete", args=[planned.pk])).status_code == 403
    change = PriceChange.objects.get()
    assert client.post(reverse("admin:catalog_pricechange_change", args=[change.pk]), {"price": 1}).status_code == 403


def test_history_in_the_api(api):
    product = ProductFactory(code="A", price=1500)
    for price in (1600, 1700):
        product.price = price
        save_product(product, by=None)
    answer = api().get("/api/v1/products/A/prices/")
    assert answer.status_code == 200
    first, second = answer.json()["results"]
    assert first.pop("changed_at") >= second.pop("changed_at")
    rest = {"old_currency": "XAF", "currency": "XAF", "is_indicative": False}
    assert first == {"old_price": 1600, "price": 1700} | rest
    assert second == {"old_price": 1500, "price": 1600} | rest
    assert api().get("/api/v1/products/Z/prices/").status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_history_takes_as_many_queries_for_any_number_of_rows(api, rows, django_assert_num_queries):
    product = ProductFactory(code="A", price=1500)
    for number in range(rows):
        product.price = 1600 + number
        save_product(product, by=None)
    client = api()
    with django_assert_num_queries(2):
        assert len(client.get("/api/v1/products/A/prices/").json()["results"]) == rows

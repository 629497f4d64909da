import pytest

from accounts.models import User
from catalog.models import Product, SearchEntry, Stock
from catalog.router import CatalogRouter
from catalog.selectors import check_health
from common import health

router = CatalogRouter()


def test_router_without_a_database_for_products_decides_nothing():
    assert router.db_for_read(Product) is None
    assert router.db_for_write(Product) is None
    assert router.allow_migrate("default", "catalog", "product") is None


def test_router_sends_products_and_nothing_else_to_their_database(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES, "catalog", {})
    assert router.db_for_read(Product) == router.db_for_write(Product) == "catalog"
    for model in (SearchEntry, Stock, User):
        assert router.db_for_read(model) is None
    assert router.allow_migrate("catalog", "catalog", "product") is True
    assert router.allow_migrate("default", "catalog", "product") is False
    assert router.allow_migrate("default", "catalog", "stock") is True
    assert router.allow_migrate("catalog", "catalog", "stock") is False
    # Migrations that run code or SQL name no model: they are for the relational database.
    assert router.allow_migrate("catalog", "catalog") is False
    assert router.allow_migrate("default", "catalog") is True
    assert router.allow_migrate("catalog", "accounts", "user") is False


@pytest.mark.django_db
def test_health_of_the_catalogue(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert check_health() is True
    assert health._checks["catalog"] is check_health

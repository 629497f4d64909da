import random

import pytest
from django.utils import timezone

from catalog.models import Stock
from catalog.rows import Counts, StockRow, StockSet
from catalog.services.stock import set_stock
from catalog.tests.factories import PharmacyFactory, ProductFactory
from tests.threads import run_together


@pytest.mark.django_db(transaction=True)
def test_set_stock_of_the_same_rows_at_once_in_any_order():
    """Every writer locks rows in one order: whoever comes second waits, and nobody is a deadlock's victim."""
    now = timezone.now()
    pharmacies = [PharmacyFactory().code for _ in range(4)]
    products = [ProductFactory().code for _ in range(25)]

    def work(number):
        rows = [StockRow(p, code, number, 1000, now) for p in pharmacies for code in products]
        random.Random(number).shuffle(rows)
        return [set_stock(rows) for _ in range(3)][1:]

    outcomes = run_together(4, work)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert all(done.counts.created == 0 for outcome in outcomes for done in outcome)
    assert Stock.objects.count() == 100
    # The last one to commit has written every row.
    assert Stock.objects.values("quantity").distinct().count() == 1
    assert set_stock([]) == StockSet(Counts())

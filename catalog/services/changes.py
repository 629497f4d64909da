"""Writes of products in a database of their own, made safe: intent, write, completion; the sweep settles the rest.

A process that is killed in between leaves an intent behind. Whatever the products' database then holds is the truth:
settling makes the search entries follow it.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.utils import timezone

from catalog.models import Product, ProductChange, SearchEntry
from catalog.services import price_history
from catalog.services.entries import ENTRY_FIELDS, delete_entry, save_entry, write_entries
from catalog.signals import product_change_announced, product_change_settled
from common.unit_of_work import unit_of_work

# No write takes longer: the driver gives up after two seconds.
_ABANDONED_AFTER = timedelta(minutes=1)
# An import may.
_IMPORT_ABANDONED_AFTER = timedelta(minutes=30)
_TRIES = 5


def values_of(product: Product) -> dict[str, Any]:
    ours = {"created_at", "updated_at"}
    return {f.name: getattr(product, f.name) for f in Product._meta.concrete_fields if f.name not in ours}


@contextmanager
def announced(code: str, *, values: Mapping[str, Any]) -> Iterator[None]:
    """Around the write of one product: `values` is what it is to become, empty where it is deleted.

    The event that completes it is the one of the write itself, or of settling. Where the write fails the intent stays
    open: it may have reached the database all the same.
    """
    old = price_history.stored(code) if values else None
    prices = [(code, old)] if old is not None and price_history.differs(old, values) else []
    with unit_of_work():
        change = ProductChange.objects.create(code=code, before=price_history.before(prices, source=""))
        product_change_announced.send(ProductChange, change=change, values=values)
    yield
    _follow(change)


def announce_import(source: str, prices: Iterable[tuple[str, Mapping[str, Any]]]) -> ProductChange:
    """`prices` are the products whose price the import changes, with what they are now (`PRICE_FIELDS`)."""
    with unit_of_work():
        change = ProductChange.objects.create(before=price_history.before(prices, source=source))
        product_change_announced.send(ProductChange, change=change, values={"source": source})
    return change


def settle(change: ProductChange, prices: Mapping[str, Mapping[str, Any]]) -> bool:
    """Note, in the caller's transaction, that entries follow what was announced. Of several only one is told True.

    `prices` are those of the products that `change` names, as they are now.
    """
    now = timezone.now()
    if not ProductChange.objects.filter(pk=change.pk, settled_at=None).update(settled_at=now, updated_at=now):
        return False
    price_history.record_settled(change, prices)
    return True


def settle_abandoned() -> int:
    """Settle what processes that were killed have left; how many writes. Safe to run twice at the same time."""
    now = timezone.now()
    settled = 0
    for change in ProductChange.objects.filter(settled_at=None, created_at__lt=now - _ABANDONED_AFTER).order_by("pk"):
        if change.code:
            _follow(change, is_abandoned=True)
        elif change.created_at < now - _IMPORT_ABANDONED_AFTER:
            _follow_all(change)
        else:
            continue
        settled += 1
    return settled


def _follow(change: ProductChange, *, is_abandoned: bool = False) -> None:
    """The entry as the product is now. Of two writers the last one to look sees what both have written."""
    seen = _stored(change.code)
    prices = price_history.present(change)
    for _ in range(_TRIES):
        with unit_of_work():
            if seen is None:
                delete_entry(change.code)
            else:
                save_entry(seen)
            if settle(change, prices) and is_abandoned:
                product_change_settled.send(ProductChange, change=change)
        again = _stored(change.code)
        if again == seen:
            return
        seen = again


def _follow_all(change: ProductChange) -> None:
    products = list(Product.objects.order_by().values(*ENTRY_FIELDS))
    prices = price_history.present(change)
    with unit_of_work():
        write_entries(products)
        gone = set(SearchEntry.objects.values_list("code", flat=True)) - {product["code"] for product in products}
        for code in sorted(gone):
            delete_entry(code)
        if settle(change, prices):
            product_change_settled.send(ProductChange, change=change)


def _stored(code: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = Product.objects.filter(code=code).values(*ENTRY_FIELDS).first()
    return found

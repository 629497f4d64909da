"""Products and what follows from them. No other code writes products."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, fields

from accounts.models import User
from catalog.models import Product
from catalog.progress import Progress, unseen
from catalog.rows import Counts, ProductRow
from catalog.services.bulk import upsert
from catalog.services.entries import delete_entry, save_entry, write_entries
from catalog.signals import products_imported
from common.unit_of_work import unit_of_work

_COLUMNS = tuple(field.name for field in fields(ProductRow))
_KEPT_WHERE_UNKNOWN = ("category", "prescription_required")


def save_product(product: Product, *, by: User | None) -> Product:
    """Store a new or edited product together with its search entry."""
    with unit_of_work():
        product.save()
        save_entry(product)
    return product


def delete_product(product: Product, *, by: User | None) -> None:
    """Remove a product that was entered by mistake; one no longer sold is set inactive instead."""
    with unit_of_work():
        code = product.code
        product.delete()
        delete_entry(code)


def upsert_products(rows: Iterable[ProductRow], *, source: str = "", by: User | None = None) -> Counts:
    """Create or update so many products and their search entries; what does not differ is not touched.

    Of rows with the same code the last one counts.
    """
    with unit_of_work():
        counts = write_products(list({row.code: row for row in rows}.values()))
        announce_import(counts, left_out=0, source=source, by=by)
    return counts


def write_products(rows: Sequence[ProductRow], *, progress: Progress = unseen) -> Counts:
    """As `upsert_products`, with distinct codes, in the caller's transaction and unannounced."""
    counts = upsert(
        Product,
        map(astuple, progress(rows, len(rows), "products")),
        columns=_COLUMNS,
        key=("code",),
        rules={name: f"coalesce({{new}}.{name}, {{old}}.{name})" for name in _KEPT_WHERE_UNKNOWN},
    )
    write_entries(progress(rows, len(rows), "search entries"))
    return counts


def announce_import(counts: Counts, *, left_out: int, source: str, by: User | None) -> None:
    if counts.changed:
        products_imported.send(Product, source=source, counts={**asdict(counts), "left_out": left_out}, by=by)

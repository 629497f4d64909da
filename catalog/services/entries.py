"""Search entries follow their products; the catalogue's version follows the entries."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection
from django.utils import timezone

from catalog.fulltext import refresh_statistics
from catalog.models import Product, SearchEntry
from catalog.services.bulk import upsert
from catalog.text import entry_text
from common import sql

Row = Mapping[str, Any]

# What an entry takes over from its product as it is.
ENTRY_FIELDS = ("code", "label", "substance", "form", "category", "kind", "prescription_required", "is_active")

_MANY = 1_000


def write_entries(products: Iterable[Row]) -> None:
    """Entries for so many products (their `ENTRY_FIELDS`), in the caller's transaction."""
    counts = upsert(
        SearchEntry,
        (
            (entry_text(row["label"], row["substance"], row["code"]), *(row[name] for name in ENTRY_FIELDS))
            for row in products
        ),
        columns=("text", *ENTRY_FIELDS),
        key=("code",),
    ).counts
    if counts.changed:
        _bump_version()
    if counts.changed >= _MANY:
        refresh_statistics()


def save_entry(product: Row) -> None:
    """The entry of one product (its `ENTRY_FIELDS`) as it is now, in the caller's transaction."""
    values = {"text": entry_text(product["label"], product["substance"], product["code"]), **product}
    stored = SearchEntry.objects.filter(code=product["code"]).values(*values).first()
    if stored == values:
        return
    SearchEntry.objects.update_or_create(code=product["code"], defaults=values)
    if stored is None or stored["text"] != values["text"]:
        _bump_version()


def entry_of(product: Product) -> Row:
    return {name: getattr(product, name) for name in ENTRY_FIELDS}


def delete_entry(code: str) -> None:
    if SearchEntry.objects.filter(code=code).delete()[0]:
        _bump_version()


def _bump_version() -> None:
    """Tell every process that the words have changed. The row is locked until the commit: done last."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    sql.fetch_one(
        "INSERT INTO catalog_catalogversion (id, number, updated_at) VALUES (1, 1, %s) ON CONFLICT (id) DO UPDATE "
        "SET number = catalog_catalogversion.number + 1, updated_at = excluded.updated_at RETURNING number",
        [now],
    )

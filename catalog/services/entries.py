"""Search entries follow their products; the catalogue's version follows the entries."""

from collections.abc import Iterable

from django.db import connection
from django.utils import timezone

from catalog.fulltext import refresh_statistics
from catalog.models import Product, SearchEntry
from catalog.rows import ProductRow
from catalog.services.bulk import upsert
from catalog.text import entry_text
from common import sql

_MANY = 1_000
_COLUMNS = ("code", "text", "label", "substance", "kind", "prescription_required", "is_active")


def write_entries(rows: Iterable[ProductRow]) -> None:
    """Entries for so many products, in the caller's transaction."""
    counts = upsert(
        SearchEntry,
        (
            (
                row.code,
                entry_text(row.label, row.substance, row.code),
                row.label,
                row.substance,
                row.kind,
                row.prescription_required,
                row.is_active,
            )
            for row in rows
        ),
        columns=_COLUMNS,
        key=("code",),
        rules={"prescription_required": "coalesce({new}.prescription_required, {old}.prescription_required)"},
    )
    if counts.changed:
        _bump_version()
    if counts.changed >= _MANY:
        refresh_statistics()


def save_entry(product: Product) -> None:
    """The entry of one product as it is now, in the caller's transaction."""
    values = {
        "text": entry_text(product.label, product.substance, product.code),
        "label": product.label,
        "substance": product.substance,
        "kind": product.kind,
        "prescription_required": product.prescription_required,
        "is_active": product.is_active,
    }
    stored = SearchEntry.objects.filter(code=product.code).values(*values).first()
    if stored == values:
        return
    SearchEntry.objects.update_or_create(code=product.code, defaults=values)
    if stored is None or stored["text"] != values["text"]:
        _bump_version()


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

"""Products and what follows from them. No other code writes products.

Where products share the relational database, everything happens in one transaction. Where they live apart
(`catalog.router`) it cannot: an intent is committed, the products are written, and a second transaction brings the
search entries after them and settles the intent (`catalog.services.changes`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from operator import attrgetter

from django.db import connection

from accounts.models import User
from catalog.models import Product, SearchEntry
from catalog.progress import Progress, unseen
from catalog.router import products_live_apart
from catalog.rows import Counts, ProductRow
from catalog.services import changes, price_history
from catalog.services.bulk import rehearsable, upsert
from catalog.services.entries import ENTRY_FIELDS, Row, delete_entry, entry_of, save_entry, write_entries
from catalog.services.rules import Rule, keep_where_unknown, real_price_stays
from catalog.signals import products_imported
from common import sql
from common.unit_of_work import unit_of_work

_COLUMNS = tuple(field.name for field in fields(ProductRow))
# As `dataclasses.astuple`, without its copy of every value.
_VALUES = attrgetter(*_COLUMNS)
# More codes than these are looked for by reading all.
_NAMED = 500

RULES: Mapping[str, Rule] = {
    **{name: keep_where_unknown(name) for name in ("category", "prescription_required")},
    **{name: real_price_stays(name) for name in ("price", "price_is_indicative", "currency")},
}


def save_product(product: Product, *, by: User | None) -> Product:
    """Store a new or edited product together with its search entry."""
    if products_live_apart():
        with changes.announced(product.code, values=changes.values_of(product)):
            product.save()
        return product
    with unit_of_work():
        old = price_history.stored(product.code, lock=True)
        product.save()
        save_entry(entry_of(product))
        if old is not None:
            price_history.record_change(product.code, old, changes.values_of(product))
    return product


def delete_product(product: Product, *, by: User | None) -> None:
    """Remove a product that was entered by mistake; one no longer sold is set inactive instead."""
    code = product.code
    if products_live_apart():
        with changes.announced(code, values={}):
            product.delete()
        return
    with unit_of_work():
        product.delete()
        delete_entry(code)


def upsert_products(rows: Iterable[ProductRow], *, source: str = "", by: User | None = None) -> Counts:
    """Create or update so many products and their search entries; what does not differ is not touched.

    Of rows with the same code the last one counts.
    """
    return import_products(list({row.code: row for row in rows}.values()), source=source, by=by)


def import_products(
    rows: Sequence[ProductRow],
    *,
    source: str,
    left_out: int = 0,
    dry_run: bool = False,
    rules: Mapping[str, Rule] = RULES,
    progress: Progress = unseen,
    by: User | None = None,
) -> Counts:
    """As `upsert_products`, with distinct codes; announced once, with the `left_out` rows that were refused before.

    `rules` say what of a stored product an incoming row may not replace. A dry run changes nothing.
    """
    if products_live_apart():
        return _import_documents(rows, source, left_out, dry_run, rules, progress, by)
    with rehearsable(dry_run=dry_run):
        done = upsert(
            Product,
            map(_VALUES, progress(rows, len(rows), "products")),
            columns=_COLUMNS,
            key=("code",),
            rules=rules,
            before=(price_history.recording(rules),),
        )
        stale = _stale([row.code for row in rows]) if rows else []
        write_entries(progress(stale, len(stale), "search entries"))
        _announce(done.counts, left_out=left_out, source=source, by=by)
    return done.counts


def _import_documents(
    rows: Sequence[ProductRow],
    source: str,
    left_out: int,
    dry_run: bool,
    rules: Mapping[str, Rule],
    progress: Progress,
    by: User | None,
) -> Counts:
    # The driver is only loaded where it is needed.
    from catalog.services import documents

    plan = documents.plan_upsert(
        [dict(zip(_COLUMNS, _VALUES(row), strict=True)) | {"kind": str(row.kind)} for row in rows],
        rules=rules,
        progress=progress,
    )
    if dry_run:
        return plan.counts
    change = changes.announce_import(source, plan.repriced) if plan.operations else None
    documents.write(plan, progress=progress)
    with unit_of_work():
        stale = _differing([{name: document[name] for name in ENTRY_FIELDS} for document in plan.now])
        write_entries(progress(stale, len(stale), "search entries"))
        _announce(plan.counts, left_out=left_out, source=source, by=by)
        if change is not None:
            changes.settle(change, {document["code"]: document for document in plan.now})
    return plan.counts


def _stale(codes: Sequence[str]) -> list[Row]:
    """The products among these whose search entry is missing or tells something else; of many, any in the catalogue."""
    differs = "IS DISTINCT FROM" if connection.vendor == "postgresql" else "IS NOT"
    named = "" if len(codes) > _NAMED else f"p.code IN ({sql.placeholders(len(codes))}) AND "
    rows = sql.fetch_all(
        f"SELECT {', '.join(f'p.{name}' for name in ENTRY_FIELDS)} "
        "FROM catalog_product p LEFT JOIN catalog_searchentry e ON e.code = p.code "
        f"WHERE {named}({' OR '.join(f'p.{name} {differs} e.{name}' for name in ENTRY_FIELDS)})",
        codes if named else (),
    )
    return [dict(zip(ENTRY_FIELDS, row, strict=True)) for row in rows]


def _differing(entries: list[Row]) -> list[Row]:
    """As `_stale`, of products that no query reaches together with their entries."""
    rows = SearchEntry.objects.order_by().values(*ENTRY_FIELDS)
    if len(entries) <= _NAMED:
        rows = rows.filter(code__in=[entry["code"] for entry in entries])
    stored = {row["code"]: row for row in rows}
    return [entry for entry in entries if stored.get(entry["code"]) != entry]


def _announce(counts: Counts, *, left_out: int, source: str, by: User | None) -> None:
    if counts.changed:
        products_imported.send(Product, source=source, counts={**asdict(counts), "left_out": left_out}, by=by)

"""What pharmacies have on the shelf. Reservations lower it when boxes are collected; nobody else writes it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from catalog.exceptions import StockHeld
from catalog.holds import units_held
from catalog.models import Pharmacy, SearchEntry, Stock
from catalog.rows import StockRow, StockSet
from catalog.services.bulk import upsert
from catalog.signals import stock_changed, stock_imported
from common import sql
from common.errors import FieldError, Invalid
from common.unit_of_work import unit_of_work

_COLUMNS = ("pharmacy_id", "product_code", "quantity", "price", "currency", "observed_at")
# What somebody has looked at, so that `observed_at` is when.
_OBSERVED = frozenset({"quantity", "price", "currency"})
_EDITED = ("product_code", "pharmacy_id", "quantity", "price", "currency", "observed_at")


def save_stock(stock: Stock, *, by: User | None, fields: Collection[str] | None = None) -> Stock:
    """Store a new row of stock, or the edited `fields` of one (all, where None) that differ from what is stored.

    Say what was edited: a quantity that was lowered meanwhile, by boxes that were collected, then stays so. A quantity
    or price that is edited was observed now, unless the edit says when; nothing was observed in days to come.
    """
    now = timezone.now()
    with unit_of_work():
        old = Stock.objects.select_for_update(no_key=True).filter(pk=stock.pk).values(*_EDITED).first()
        stock.observed_at = min(stock.observed_at, now)
        new = {name: getattr(stock, name) for name in _EDITED}
        if old is None:
            stock.save(force_insert=True)
        else:
            new = {n: value for n, value in new.items() if value != old[n] and (fields is None or n in fields)}
            if not new:
                return stock
            if "observed_at" not in new and new.keys() & _OBSERVED:
                stock.observed_at = new["observed_at"] = now
            old = {name: old[name] for name in new}
            stock.save(update_fields=[*new, "updated_at"])
        stock_changed.send(Stock, stock=stock, old=old or {}, new=new, by=by)
    return stock


def delete_stock(stock: Stock, *, by: User | None) -> None:
    """Raises `StockHeld` (409) while reservations hold boxes of it: they would have nothing left to hold."""
    with unit_of_work():
        list(Stock.objects.select_for_update().filter(pk=stock.pk).values_list("pk"))
        if units_held([stock.pk]):
            raise StockHeld
        stock_changed.send(Stock, stock=stock, old={name: getattr(stock, name) for name in _EDITED}, new={}, by=by)
        stock.delete()


def set_stock(rows: Iterable[StockRow], *, source: str = "", by: User | None = None) -> StockSet:
    """Set quantity and price of so many products in their pharmacies; what does not differ, or was observed later than
    the row, is not touched. What was observed in days to come was observed now.

    Of rows for the same product and pharmacy the last one counts. Raises `Invalid` with every row whose pharmacy or
    product nobody knows, and then changes nothing.
    """
    distinct = {(row.pharmacy_code, row.product_code): row for row in rows}
    wanted = list(distinct.values())
    now = timezone.now()
    with unit_of_work():
        pharmacy_ids = _pharmacy_ids(wanted)
        observed_at = Stock._meta.get_field("observed_at")
        done = upsert(
            Stock,
            (
                (
                    pharmacy_ids[row.pharmacy_code],
                    row.product_code,
                    row.quantity,
                    row.price,
                    row.currency,
                    sql.adapt(min(row.observed_at, now), observed_at),
                )
                for row in wanted
            ),
            columns=_COLUMNS,
            key=("pharmacy_id", "product_code"),
            as_of="observed_at",
        )
        if done.counts.changed:
            stock_imported.send(Stock, source=source, counts={**asdict(done.counts), "left_out": 0}, by=by)
    codes = {pk: code for code, pk in pharmacy_ids.items()}
    return StockSet(done.counts, frozenset((codes[pk], product) for pk, product in done.overtaken))


def _pharmacy_ids(rows: Sequence[StockRow]) -> dict[str, int]:
    """Pharmacy ids by code, once every row is known to name a pharmacy and a product that exist."""
    ids = dict(Pharmacy.objects.filter(code__in={row.pharmacy_code for row in rows}).values_list("code", "id"))
    products = set(_known_products({row.product_code for row in rows}))
    errors = []
    for number, row in enumerate(rows):
        if row.pharmacy_code not in ids:
            errors.append(FieldError(f"{number}.pharmacy", "unknown_pharmacy", _("Pharmacie inconnue.")))
        if row.product_code not in products:
            errors.append(FieldError(f"{number}.product", "unknown_product", _("Produit inconnu.")))
    if errors:
        raise Invalid(errors=errors)
    return ids


def _known_products(codes: set[str]) -> Iterable[str]:
    ordered = sorted(codes)
    # SQLite limits the number of parameters of a statement.
    for start in range(0, len(ordered), 10_000):
        yield from SearchEntry.objects.filter(code__in=ordered[start : start + 10_000]).values_list("code", flat=True)

"""The documents of the old MongoDB: products and stock that nobody here has yet. What is here already stays."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from catalog.models import SearchEntry, Stock
from catalog.product_list import ShelfRow, read_list
from catalog.progress import Progress
from catalog.rows import ProductRow, StockRow
from catalog.services.lists import pharmacy_codes
from catalog.services.products import import_products
from catalog.services.rules import keep_stored, own_source_only
from catalog.services.stock import set_stock
from catalog.text import normalize
from common.unit_of_work import unit_of_work
from legacy.importing.batches import PRODUCTS, SOURCE, STOCK, Batch, Known
from legacy.importing.report import Report, Total

COLLECTION = "products"
# A description is no substance.
_UNREAD = ("_id", "description")
_SOME = 5_000
_STORED = ("label substance form category kind prescription_required price price_is_indicative currency source").split()
# Only our own rows come back to the market, or leave it; nothing else of a stored product changes.
RULES = {**{name: keep_stored(name) for name in _STORED}, "is_active": own_source_only("is_active")}

Document = tuple[int, Mapping[str, Any], datetime | None]


@dataclass(slots=True)
class Shelves:
    """What comes, by the key of its document."""

    products: list[tuple[str, ProductRow]] = field(default_factory=list)
    stock: list[tuple[str, StockRow]] = field(default_factory=list)


def judge_products(documents: Sequence[Document], report: Report, total: Total) -> Shelves:
    """The products and the stock that come or have come; notes every rule that a document met."""
    keys = {number: str(document.get("_id", number)) for number, document, _made in documents}
    made = {number: at for number, _document, at in documents}
    found = Shelves()
    rows: dict[int, ProductRow] = {}
    shelves: list[ShelfRow] = []
    left_out: set[int] = set()
    line = 0

    def lines() -> Iterator[tuple[int, Mapping[str, Any]]]:
        nonlocal line
        for line, document, _made in documents:
            yield line, {name: value for name, value in document.items() if name not in _UNREAD}

    for item in read_list(lines(), name=SOURCE):
        if isinstance(item, ProductRow):
            rows[line] = item
        elif isinstance(item, ShelfRow):
            shelves.append(item)
        elif item.reason.startswith("left out"):
            left_out.add(item.line)
            report.note("product_left_out", PRODUCTS, keys[item.line], item.reason)
        else:
            report.note("product_value_unusable", PRODUCTS, keys[item.line], item.reason)
    for number in sorted(keys.keys() - rows.keys() - left_out):
        report.note("product_left_out", PRODUCTS, keys[number], "its code stood before; its stock is read")
    if missing := len(keys) - len(rows):
        total.leave_out("product_left_out", missing)
    _keep_new_products(rows, keys, found, report, total)
    _keep_new_stock(shelves, keys, made, found, report)
    return found


def _keep_new_products(
    rows: Mapping[int, ProductRow], keys: Mapping[int, str], found: Shelves, report: Report, total: Total
) -> None:
    known = Known(PRODUCTS)
    here = _codes_here([row.code for row in rows.values()])
    for line, row in rows.items():
        key = keys[line]
        if row.code in here and key not in known.living and key not in known.withdrawn:
            report.note("product_known", PRODUCTS, key, row.code)
            total.leave_out("product_known")
        else:
            found.products.append((key, row))


def _keep_new_stock(
    shelves: Iterable[ShelfRow],
    keys: Mapping[int, str],
    made: Mapping[int, datetime | None],
    found: Shelves,
    report: Report,
) -> None:
    pharmacies, known = pharmacy_codes(), Known(STOCK)
    here = set(Stock.objects.values_list("pharmacy__code", "product_code"))
    for shelf in shelves:
        key = keys[shelf.line]
        code = pharmacies.get(normalize(shelf.pharmacy))
        if code is None:
            report.note("stock_pharmacy_unknown", STOCK, key, shelf.pharmacy)
        elif (code, shelf.product_code) in here and key not in known.living and key not in known.withdrawn:
            report.note("stock_known", STOCK, key, f"{code} {shelf.product_code}")
        else:
            here.add((code, shelf.product_code))
            at = made[shelf.line] or timezone.now()
            found.stock.append((key, StockRow(code, shelf.product_code, shelf.quantity, shelf.price, at)))


def _codes_here(codes: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(codes), _SOME):
        found |= set(SearchEntry.objects.filter(code__in=codes[start : start + _SOME]).values_list("code", flat=True))
    return found


def write_products(shelves: Shelves, batch: Batch, progress: Progress) -> int:
    """What is not here yet; how many products.

    Products may live where no transaction of ours reaches: they are remembered as withdrawn before they are written,
    and as living after it, so that a killed run neither loses nor forgets one.
    """
    known = Known(PRODUCTS)
    new = [(key, row) for key, row in shelves.products if key not in known.living]
    if new:
        ids = [(key, row.code) for key, row in new]
        with unit_of_work():
            batch.remember(PRODUCTS, ids, is_withdrawn=True)
        import_products([row for _key, row in new], source=SOURCE, rules=RULES, progress=progress)
        with unit_of_work():
            batch.remember(PRODUCTS, ids)
    return len(new)


def write_stock(shelves: Shelves, batch: Batch) -> int:
    """As `write_products`, in one transaction; how many rows of stock."""
    known = Known(STOCK)
    new = [(key, row) for key, row in shelves.stock if key not in known.living]
    if new:
        with unit_of_work():
            done = set_stock((row for _key, row in new), source=SOURCE)
            # What somebody has counted since it was taken back is theirs.
            new = [(key, row) for key, row in new if (row.pharmacy_code, row.product_code) not in done.overtaken]
            batch.remember(STOCK, ((key, f"{row.pharmacy_code}:{row.product_code}") for key, row in new))
    return len(new)

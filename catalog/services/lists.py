"""Pharmacists' lists and old collections become products and stock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import User
from catalog.models import Pharmacy
from catalog.product_list import Line, ShelfRow, read_list
from catalog.progress import Progress, unseen
from catalog.rows import Counts, ProductRow, Remark, StockRow
from catalog.services.bulk import rehearsable
from catalog.services.products import RULES, import_products
from catalog.services.rules import keep_where_empty
from catalog.services.stock import set_stock
from catalog.text import normalize

# A list that lacks a column, or a cell, leaves what is stored.
LIST_RULES = {**RULES, **{name: keep_where_empty(name) for name in ("substance", "form")}}


@dataclass(slots=True)
class ListReport:
    """Every line is either imported (as a product or as stock) or left out with a remark. Stock that was observed later
    than the list stays, with a remark too."""

    lines: int = 0
    counts: Counts = field(default_factory=Counts)
    stock: Counts = field(default_factory=Counts)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def left_out(self) -> int:
        return sum(remark.reason.startswith("left out") for remark in self.remarks)


def import_list(
    lines: Iterable[Line],
    *,
    name: str,
    observed_at: datetime,
    dry_run: bool = False,
    progress: Progress = unseen,
    by: User | None = None,
) -> ListReport:
    """Read a list (`catalog.product_list`) into products, and into stock where it names pharmacies.

    `observed_at` is when the stock was so: a second run then changes nothing. A dry run changes nothing either.
    """
    lines = list(lines)
    report = ListReport(lines=len(lines))
    rows: list[ProductRow] = []
    shelves: list[ShelfRow] = []
    for item in read_list(progress(lines, len(lines), "lines"), name=name):
        if isinstance(item, Remark):
            report.remarks.append(item)
        elif isinstance(item, ShelfRow):
            shelves.append(item)
        else:
            rows.append(item)
    stock = _stock(shelves, name, observed_at, report.remarks)
    report.counts = import_products(
        rows, source=name, left_out=report.left_out, dry_run=dry_run, rules=LIST_RULES, progress=progress, by=by
    )
    if stock and not dry_run:
        with rehearsable(dry_run=False):
            done = set_stock((row for _line, row in stock), source=name, by=by)
        report.stock = done.counts
        report.remarks += [
            Remark(name, line, f"stock not set: what {row.pharmacy_code} has of it was observed later")
            for line, row in stock
            if (row.pharmacy_code, row.product_code) in done.overtaken
        ]
    return report


def _stock(
    shelves: Iterable[ShelfRow], name: str, observed_at: datetime, remarks: list[Remark]
) -> list[tuple[int, StockRow]]:
    """What each line says of a pharmacy that is known, by the line's number."""
    codes = pharmacy_codes()
    found = []
    for shelf in shelves:
        code = codes.get(normalize(shelf.pharmacy))
        if code is None:
            remarks.append(
                Remark(name, shelf.line, f"stock not read: nobody knows the pharmacy {shelf.pharmacy[:80]!r}")
            )
        else:
            row = StockRow(code, shelf.product_code, shelf.quantity, shelf.price, observed_at)
            found.append((shelf.line, row))
    return found


def pharmacy_codes() -> Mapping[str, str | None]:
    """Codes of pharmacies by code and by name, both normalised; a name that two share tells none of them."""
    rows = list(Pharmacy.objects.values_list("code", "name"))
    by_name: dict[str, str | None] = {}
    for code, name in rows:
        key = normalize(name)
        by_name[key] = None if key in by_name else code
    return by_name | {normalize(code): code for code, _name in rows}

"""Products, pharmacies and what is on their shelves, by the services that imports use."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils.timezone import localtime

from backoffice.demo.load import demo_pharmacies, demo_products
from backoffice.load.sizes import Sizes
from catalog.models import Pharmacy, SearchEntry, Stock
from catalog.rows import DutyRow, PharmacyRow, ProductRow, StockRow
from catalog.services.hours import import_duty
from catalog.services.pharmacies import upsert_pharmacies
from catalog.services.products import upsert_products
from catalog.services.stock import set_stock

_SOURCE = "load"
# Products on the shelf of one pharmacy.
_SHELF = 1_000
_DUTY_DAYS = 365
# As many of the pharmacies let EPG answer for them.
EPG_EVERY = 10


class Shelf(NamedTuple):
    """A row of stock, as a reservation's line needs it."""

    stock_id: int
    product_code: str
    label: str
    price: int


@dataclass(frozen=True)
class Catalogue:
    pharmacy_ids: list[int]
    shelves: dict[int, list[Shelf]]
    codes: list[str]

    def is_epg(self, pharmacy_id: int) -> bool:
        return self.pharmacy_ids.index(pharmacy_id) % EPG_EVERY == 0


def load_catalogue(sizes: Sizes, chance: random.Random, until: datetime) -> Catalogue:
    products = _products(sizes.products)
    pharmacies = _pharmacies(sizes.pharmacies)
    upsert_products(products, source=_SOURCE)
    upsert_pharmacies(pharmacies, source=_SOURCE)
    set_stock(_stock(products, pharmacies, chance, until), source=_SOURCE)
    import_duty(_duty(pharmacies, until))
    return _read()


def _read() -> Catalogue:
    labels = dict(SearchEntry.objects.values_list("code", "label"))
    shelves: dict[int, list[Shelf]] = {}
    stock = Stock.objects.order_by("pharmacy_id", "product_code")
    for pharmacy_id, pk, code, price in stock.values_list("pharmacy_id", "pk", "product_code", "price"):
        shelves.setdefault(pharmacy_id, []).append(Shelf(pk, code, labels[code], price or 0))
    ids = list(Pharmacy.objects.order_by("code").values_list("pk", flat=True))
    for pharmacy_id in ids[::EPG_EVERY]:
        Pharmacy.objects.filter(pk=pharmacy_id).update(epg_id=f"64b0000000000000{pharmacy_id:08d}")
    return Catalogue(ids, shelves, sorted(labels))


def _products(count: int) -> list[ProductRow]:
    """The demo's, over and over, in packs of another size and under house codes of their own."""
    demo = list(demo_products())
    return [
        ProductRow(
            code=f"LOAD{number:09d}",
            label=f"{row.label}, lot {number // len(demo) + 1}",
            substance=row.substance,
            form=row.form,
            category=row.category,
            kind=row.kind,
            prescription_required=row.prescription_required,
            price=(row.price or 1_000) + 5 * (number % 97),
            source=_SOURCE,
        )
        for number, row in ((number, demo[number % len(demo)]) for number in range(count))
    ]


def _pharmacies(count: int) -> list[PharmacyRow]:
    demo = list(demo_pharmacies())
    return [
        PharmacyRow(
            code=f"LOAD-{number:05d}",
            name=f"{row.name} {number + 1}",
            town=row.town,
            quarter=row.quarter,
            phones=row.phones,
            latitude=row.latitude,
            longitude=row.longitude,
            hours=row.hours,
            always_open=row.always_open,
        )
        for number, row in ((number, demo[number % len(demo)]) for number in range(count))
    ]


def _stock(
    products: list[ProductRow], pharmacies: list[PharmacyRow], chance: random.Random, until: datetime
) -> list[StockRow]:
    """Enough of everything on the shelf that what is held never exceeds it."""
    return [
        StockRow(
            pharmacy_code=pharmacy.code,
            product_code=product.code,
            quantity=chance.randint(5_000, 9_000),
            price=(product.price or 0) + 5 * chance.randint(0, 20),
            observed_at=until - timedelta(hours=chance.randint(1, 72)),
        )
        for pharmacy in pharmacies
        for product in chance.sample(products, min(_SHELF, len(products)))
    ]


def _duty(pharmacies: list[PharmacyRow], until: datetime) -> list[DutyRow]:
    """A turn a day over the year that has been and the weeks to come, from noon to noon."""
    noon = localtime(until).replace(hour=12, minute=0, second=0, microsecond=0)
    starts = [noon + timedelta(days=day) for day in range(-_DUTY_DAYS, 30)]
    return [
        DutyRow(pharmacies[number % len(pharmacies)].code, start, start + timedelta(days=1), zone="Libreville")
        for number, start in enumerate(starts)
    ]

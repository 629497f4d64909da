"""Loads the demo's invented catalogue, pharmacies, stock, prices and people. A second run only restocks."""

import csv
import random
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.enums import PricedAction
from accounts.models import PriceList, Rate
from backoffice.demo import people
from backoffice.demo.doctors import load_doctors
from backoffice.demo.shop import load_shop
from catalog.enums import ProductKind
from catalog.epg.codes import is_cip
from catalog.models import Pharmacy, PharmacyMember, Product, Stock
from catalog.rows import DutyRow, PharmacyRow, ProductRow, StockRow
from catalog.services.hours import import_duty
from catalog.services.pharmacies import save_pharmacy, upsert_pharmacies
from catalog.services.products import upsert_products
from catalog.services.stock import set_stock
from common.phones import to_e164

_DATA = Path(__file__).parent / "data"

# The pharmacy of the demo's pharmacist: it has everything.
PHARMACY_CODE = "DEMO-LBV-01"
# The pharmacy whose own software answers, through EPG. It has everything, too.
EPG_PHARMACY_CODE, EPG_PHARMACY_ID = "DEMO-LBV-02", "64b0000000000000000000d2"
_BOXES_AT_EPG = 500
_RATES = (("Découverte", 1_000, 10), ("Famille", 2_500, 30), ("Sérénité", 5_000, 75))
_ACTIONS = ((PricedAction.CHECK_AVAILABILITY, 1), (PricedAction.RESERVE, 2))


def load_demo() -> Pharmacy:
    """Everything the journey and a first look need; returns the pharmacist's pharmacy."""
    products = list(demo_products())
    pharmacies = list(demo_pharmacies())
    upsert_products(products)
    upsert_pharmacies(pharmacies)
    set_stock(_stock(products, pharmacies))
    import_duty(_duty(pharmacies))
    Pharmacy.objects.filter(code__in=[row.code for row in pharmacies[::2]]).update(accepts_cnamgs=True)
    for label, price, credits in _RATES:
        Rate.objects.get_or_create(label=label, defaults={"price": price, "credits": credits})
    for action, credits in _ACTIONS:
        PriceList.objects.get_or_create(action=action, defaults={"label": action.label, "credits": credits})
    users = {person.email: people.ensure(person) for person in people.PEOPLE}
    load_doctors(users)
    _connect_to_epg(Pharmacy.objects.get(code=EPG_PHARMACY_CODE))
    pharmacy = Pharmacy.objects.get(code=PHARMACY_CODE)
    PharmacyMember.objects.get_or_create(pharmacy=pharmacy, user=users[people.PHARMACIST.email])
    load_shop(pharmacy, owner=users[people.PHARMACIST.email])
    return pharmacy


def epg_data() -> dict[str, Any]:
    """What the simulated EPG knows: that one pharmacy, with boxes of everything at the prices it has with us."""
    pharmacy = Pharmacy.objects.get(code=EPG_PHARMACY_CODE)
    prices = dict(Stock.objects.filter(pharmacy=pharmacy).values_list("product_code", "price"))
    products = [
        {"CIP": code, "libelle": label, "prix_vente": prices[code]}
        for code, label in Product.objects.filter(code__in=prices).order_by("code").values_list("code", "label")
        if is_cip(code)
    ]
    return {
        "products": products,
        "pharmacies": [
            {
                "_id": pharmacy.epg_id,
                "nom": pharmacy.name,
                "adresse": pharmacy.town,
                "telephone": "",
                "stock": {product["CIP"]: _BOXES_AT_EPG for product in products},
            }
        ],
    }


def _connect_to_epg(pharmacy: Pharmacy) -> None:
    if pharmacy.epg_id != EPG_PHARMACY_ID:
        pharmacy.epg_id = EPG_PHARMACY_ID
        save_pharmacy(pharmacy, by=None)


def _read(name: str) -> Iterator[dict[str, str]]:
    with (_DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def demo_products() -> Iterator[ProductRow]:
    for row in _read("medicines.csv"):
        yield ProductRow(
            code=row["code"],
            label=row["label"],
            substance=row["substance"],
            form=row["form"],
            category=row["category"] or None,
            kind=ProductKind(row["kind"]),
            prescription_required=row["prescription_required"].lower() in ("1", "true", "oui"),
            price=int(row["price"]),
            source="demo",
        )


def demo_pharmacies() -> Iterator[PharmacyRow]:
    for row in _read("pharmacies.csv"):
        yield PharmacyRow(
            code=row["code"],
            name=row["name"],
            town=row["town"],
            quarter=row["quarter"],
            phones=tuple(to_e164(phone, region=settings.PHONE_REGION) for phone in row["phones"].split("/")),
            latitude=float(row["latitude"]),
            longitude=float(row["longitude"]),
            hours=row["hours"],
            always_open=row["always_open"].lower() in ("1", "true", "oui"),
        )


def _duty(pharmacies: list[PharmacyRow]) -> Iterator[DutyRow]:
    """A week of duty: each day another pharmacy of Libreville that closes, from noon to noon."""
    turns = [row for row in pharmacies if not row.always_open and row.town == "Libreville"]
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    for number, pharmacy in enumerate(turns[:8]):
        start = noon + timedelta(days=number)
        yield DutyRow(pharmacy.code, start, start + timedelta(days=1), zone="Libreville", surcharge=500)


def _stock(products: Iterable[ProductRow], pharmacies: Iterable[PharmacyRow]) -> Iterator[StockRow]:
    """Some two thirds of the catalogue in each pharmacy, always the same; prices differ by a few coins."""
    chance = random.Random("toc toc medoc")  # noqa: S311  (the same shelves at every start)
    now = timezone.now()
    products = list(products)
    for pharmacy in pharmacies:
        for product in products:
            stocked = chance.random() < 0.65
            surcharge = 5 * chance.randint(0, 20)
            quantity = chance.randint(4, 60)
            if stocked or pharmacy.code in (PHARMACY_CODE, EPG_PHARMACY_CODE):
                yield StockRow(
                    pharmacy_code=pharmacy.code,
                    product_code=product.code,
                    quantity=quantity,
                    price=(product.price or 0) + surcharge,
                    observed_at=now,
                )

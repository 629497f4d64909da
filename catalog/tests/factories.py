"""Products with their search entries, pharmacies and stock, made by the services that make real ones."""

from typing import Any

import factory

from catalog.enums import ProductKind
from catalog.models import Pharmacy, PharmacyMember, Product, Stock
from catalog.services.pharmacies import save_pharmacy
from catalog.services.products import save_product


class ProductFactory(factory.django.DjangoModelFactory):
    """A product and its search entry."""

    class Meta:
        model = Product

    code = factory.Sequence(lambda number: f"{3400930000000 + number}")
    label = factory.Sequence(lambda number: f"MEDICAMENT {number} mg, comprimé - boîte de 30")
    substance = ""
    form = "comprimé"
    kind = ProductKind.MEDICINE
    price = 1500
    source = "test"

    @classmethod
    def _create(cls, model_class: type[Product], *args: Any, **kwargs: Any) -> Product:
        return save_product(model_class(*args, **kwargs), by=None)


class PharmacyFactory(factory.django.DjangoModelFactory):
    """An active pharmacy of Libreville with a position of its own."""

    class Meta:
        model = Pharmacy

    code = factory.Sequence(lambda number: f"PH{number:04}")
    name = factory.Sequence(lambda number: f"Pharmacie {number:04}")
    town = "Libreville"
    quarter = "Louis"
    phones = factory.LazyFunction(lambda: ["+24177123456"])
    latitude = 0.3924
    longitude = 9.4536

    @classmethod
    def _create(cls, model_class: type[Pharmacy], *args: Any, **kwargs: Any) -> Pharmacy:
        return save_pharmacy(model_class(*args, **kwargs), by=None)


class PharmacyMemberFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = PharmacyMember

    pharmacy = factory.SubFactory(PharmacyFactory)


class StockFactory(factory.django.DjangoModelFactory):
    """Ten boxes of a product of its own at 1500 francs."""

    class Meta:
        model = Stock

    pharmacy = factory.SubFactory(PharmacyFactory)
    product_code = factory.LazyFunction(lambda: ProductFactory().code)
    quantity = 10
    price = 1500

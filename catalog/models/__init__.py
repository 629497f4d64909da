from catalog.models.pharmacies import Pharmacy, PharmacyMember
from catalog.models.products import LABEL_MAX_LENGTH, Product, ProductChange, validate_code
from catalog.models.search import CatalogVersion, SearchEntry
from catalog.models.stock import Stock

__all__ = [
    "LABEL_MAX_LENGTH",
    "CatalogVersion",
    "Pharmacy",
    "PharmacyMember",
    "Product",
    "ProductChange",
    "SearchEntry",
    "Stock",
    "validate_code",
]

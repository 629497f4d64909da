from catalog.models.alerts import StockAlert
from catalog.models.hours import MINUTES_OF_A_DAY, DutyPeriod, Holiday, OpeningHours
from catalog.models.pharmacies import Pharmacy, PharmacyMember
from catalog.models.prices import PlannedPrice, PriceChange
from catalog.models.products import LABEL_MAX_LENGTH, Product, ProductChange, validate_code
from catalog.models.search import CatalogVersion, SearchEntry
from catalog.models.stock import Stock

__all__ = [
    "LABEL_MAX_LENGTH",
    "MINUTES_OF_A_DAY",
    "CatalogVersion",
    "DutyPeriod",
    "Holiday",
    "OpeningHours",
    "Pharmacy",
    "PharmacyMember",
    "PlannedPrice",
    "PriceChange",
    "Product",
    "ProductChange",
    "SearchEntry",
    "Stock",
    "StockAlert",
    "validate_code",
]

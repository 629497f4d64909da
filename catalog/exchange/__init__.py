"""What the back office takes in and gives out of the catalogue: a resource a table, written by the import services."""

from catalog.exchange.pharmacies import DutyResource, PharmacyResource
from catalog.exchange.products import ProductPriceResource, ProductResource
from catalog.exchange.stock import StockResource
from common.exchange.resources import ServiceResource

RESOURCES: tuple[type[ServiceResource], ...] = (
    ProductResource,
    ProductPriceResource,
    StockResource,
    PharmacyResource,
    DutyResource,
)

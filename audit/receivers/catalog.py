"""Products, pharmacies and stock: from domain signals to events."""

from typing import Any

from django.dispatch import receiver

from audit.enums import Action
from audit.services import record
from catalog import signals as catalog
from catalog.models import ProductChange, Stock


@receiver(catalog.products_imported, dispatch_uid="audit.products_imported")
def products_imported(source: str, counts: dict[str, int], **kwargs: Any) -> None:
    record(Action.PRODUCTS_IMPORTED, entity="product", changes={"source": source, **counts})


@receiver(catalog.product_change_announced, dispatch_uid="audit.product_change_announced")
def product_change_announced(change: ProductChange, values: dict[str, Any], **kwargs: Any) -> None:
    record(Action.PRODUCT_CHANGE_ANNOUNCED, entity="product", entity_id=change.code, changes={"new": values})


@receiver(catalog.product_change_settled, dispatch_uid="audit.product_change_settled")
def product_change_settled(change: ProductChange, **kwargs: Any) -> None:
    record(Action.PRODUCT_CHANGE_SETTLED, entity="product", entity_id=change.code)


@receiver(catalog.pharmacies_imported, dispatch_uid="audit.pharmacies_imported")
def pharmacies_imported(source: str, counts: dict[str, int], **kwargs: Any) -> None:
    record(Action.PHARMACIES_IMPORTED, entity="pharmacy", changes={"source": source, **counts})


@receiver(catalog.duty_imported, dispatch_uid="audit.duty_imported")
def duty_imported(source: str, counts: dict[str, int], **kwargs: Any) -> None:
    record(Action.DUTY_IMPORTED, entity="dutyperiod", changes={"source": source, **counts})


@receiver(catalog.stock_imported, dispatch_uid="audit.stock_imported")
def stock_imported(source: str, counts: dict[str, int], **kwargs: Any) -> None:
    record(Action.STOCK_IMPORTED, entity="stock", changes={"source": source, **counts})


@receiver(catalog.availability_checked, dispatch_uid="audit.availability_checked")
def availability_checked(code: str, **kwargs: Any) -> None:
    record(Action.AVAILABILITY_CHECKED, entity="product", entity_id=code)


@receiver(catalog.stock_changed, dispatch_uid="audit.stock_changed")
def stock_changed(stock: Stock, old: dict[str, Any], new: dict[str, Any], **kwargs: Any) -> None:
    record(Action.STOCK_CHANGED, entity="stock", entity_id=stock.pk, changes={"old": old, "new": new})

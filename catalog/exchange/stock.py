"""What pharmacies have, as files."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.fields import Field

from catalog.exchange import cells as read
from catalog.models import Stock
from catalog.rows import StockRow
from catalog.services.prices import known_labels
from catalog.services.stock import set_stock
from common.chunks import by_pk
from common.exchange.resources import (
    Column,
    Key,
    RowResource,
    Values,
    currency,
    text,
)


class StockResource(RowResource):
    name, title = "stock", gettext_lazy("Stock")
    required = key_columns = ("pharmacie", "code")
    view_permission = "catalog.view_stock"
    change_permission, add_permission = "catalog.change_stock", "catalog.add_stock"

    pharmacy = Field("pharmacy__code", "pharmacie", Column(text(32)))
    code = Field("product_code", "code", Column(read.product))
    quantity = Field("quantity", "quantite", Column(read.boxes))
    price = Field("price", "prix", Column(read.price))
    currency = Field("currency", "devise", Column(currency))

    def rows(self) -> Iterator[Stock]:
        for rows in by_pk(Stock.objects.select_related("pharmacy")):
            yield from rows

    def read_key(self, cells: Values) -> Key:
        return cells["pharmacie"], cells["code"]

    def stored(self, keys: Sequence[Key]) -> dict[Key, Values]:
        pairs: list[Any] = list(keys)
        found = Stock.objects.filter(
            pharmacy__code__in={pharmacy for pharmacy, _code in pairs},
            product_code__in={code for _pharmacy, code in pairs},
        ).select_related("pharmacy")
        # Held until the step ends: boxes that are collected meanwhile would otherwise come back with the old quantity.
        found = found.order_by("pk").select_for_update(of=("self",), no_key=True)
        return {
            (each.pharmacy.code, each.product_code): {
                "pharmacie": each.pharmacy.code,
                "code": each.product_code,
                "quantite": each.quantity,
                "prix": each.price,
                "devise": each.currency,
            }
            for each in found
        }

    def refuse(self, keys: Sequence[Key]) -> dict[Key, str]:
        pairs: list[Any] = list(keys)
        pharmacies = read.unknown_pharmacies({pharmacy for pharmacy, _code in pairs})
        products = known_labels({code for _pharmacy, code in pairs})
        return {
            pair: _("Pharmacie inconnue.") if pair[0] in pharmacies else _("Produit inconnu.")
            for pair in pairs
            if pair[0] in pharmacies or pair[1] not in products
        }

    def missing(self, values: Values) -> str:
        return "" if "quantite" in values else _("Quantité manquante.")

    def write(self, rows: Sequence[tuple[Key, Values]], *, source: str, left_out: int, by: Any) -> None:
        now = timezone.now()
        stock = [
            StockRow(
                values["pharmacie"],
                values["code"],
                values["quantite"],
                values.get("prix"),
                now,
                values.get("devise") or settings.CURRENCY,
            )
            for _key, values in rows
        ]
        set_stock(stock, source=source, by=by)

"""Products and their prices as files."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.fields import Field

from catalog.enums import ProductKind
from catalog.exchange import cells as read
from catalog.models import LABEL_MAX_LENGTH, Product
from catalog.router import products_live_apart
from catalog.rows import ProductRow
from catalog.services import price_files
from catalog.services.lists import LIST_RULES
from catalog.services.products import import_products
from catalog.services.rules import keep_stored
from common.chunks import by_pk
from common.exchange.reports import Line, Report
from common.exchange.resources import (
    Column,
    Key,
    RowResource,
    ServiceResource,
    Values,
    shown_yes_or_no,
    text,
    yes_or_no,
)

# This file has no prices: what a product costs by the time its line is written stays.
_PRICE = ("price", "price_is_indicative", "currency", "source")
_RULES = {**LIST_RULES, **{name: keep_stored(name) for name in _PRICE}}


class ProductResource(RowResource):
    name, title = "products", gettext_lazy("Produits")
    required = key_columns = ("code",)
    view_permission = "catalog.view_product"
    change_permission, add_permission = "catalog.change_product", "catalog.add_product"

    code = Field("code", "code", Column(read.product))
    label = Field("label", "libelle", Column(text(LABEL_MAX_LENGTH)))
    substance = Field("substance", "substance", Column(text(LABEL_MAX_LENGTH)))
    form = Field("form", "forme", Column(text(LABEL_MAX_LENGTH)))
    category = Field("category", "categorie", Column(text(120)))
    kind = Field("kind", "genre", Column(read.kind, read.shown_kind))
    prescription = Field("prescription_required", "ordonnance", Column(yes_or_no, shown_yes_or_no))
    is_active = Field("is_active", "actif", Column(yes_or_no, shown_yes_or_no))

    @property
    def is_atomic(self) -> bool:  # type: ignore[override]
        """Not with products in MongoDB: their intent is committed first."""
        return not products_live_apart()

    def rows(self) -> Iterator[Product]:
        for products in by_pk(Product.objects.all()):
            yield from products

    def read_key(self, cells: Values) -> Key:
        return str(cells["code"])

    def stored(self, keys: Sequence[Key]) -> dict[Key, Values]:
        found = Product.objects.filter(code__in=keys)
        fields = [(field.column_name, field.attribute) for field in self.get_import_fields()]
        return {each.code: {name: getattr(each, attribute) for name, attribute in fields} for each in found}

    def missing(self, values: Values) -> str:
        return "" if values.get("libelle") else _("Libellé manquant.")

    def write(self, rows: Sequence[tuple[Key, Values]], *, source: str, left_out: int, by: Any) -> None:
        codes = [str(key) for key, _values in rows]
        kept = {each.code: each for each in Product.objects.filter(code__in=codes)}
        products = [
            ProductRow(
                code=str(code),
                label=values["libelle"],
                substance=values.get("substance") or "",
                form=values.get("forme") or "",
                category=values.get("categorie"),
                kind=ProductKind(values.get("genre") or ProductKind.MEDICINE),
                prescription_required=values.get("ordonnance"),
                price=kept[code].price if code in kept else None,
                price_is_indicative=kept[code].price_is_indicative if code in kept else False,
                currency=kept[code].currency if code in kept else settings.CURRENCY,
                is_active=values.get("actif", True),
                source=kept[code].source if code in kept else price_files.SOURCE,
            )
            for code, values in {str(key): values for key, values in rows}.items()
        ]
        import_products(products, source=source, left_out=left_out, rules=_RULES, by=by)


class ProductPriceResource(ServiceResource):
    name, title = "product_prices", gettext_lazy("Prix des produits")
    required = price_files.REQUIRED
    view_permission = "catalog.view_product"
    change_permission = "catalog.change_product"

    code = Field("code", "code", Column(str))
    label = Field("label", "libelle", Column(str))
    price = Field("price", "prix", Column(str))
    currency = Field("currency", "devise", Column(str))
    effective_at = Field(None, "valable_des", Column(str))

    @property
    def is_atomic(self) -> bool:  # type: ignore[override]
        return not products_live_apart()

    def rows(self) -> Iterator[Product]:
        for products in by_pk(Product.objects.only("code", "label", "price", "currency")):
            yield from products

    def import_lines(self, lines: Sequence[Line], *, dry_run: bool, may_add: bool, source: str, by: Any) -> Report:
        return price_files.import_prices(lines, dry_run=dry_run, by=by)

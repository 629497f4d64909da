from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
)
from unfold.decorators import display

from catalog.admin.prices import history_of
from catalog.admin.searching import HasPriceFilter, codes_found
from catalog.models import (
    Product,
    ProductChange,
    SearchEntry,
)
from catalog.services.products import delete_product, save_product
from common.admin import ExchangeMixin, ModelAdmin, ReadOnlyAdmin, money


@admin.register(Product)
class ProductAdmin(ExchangeMixin, ModelAdmin):
    exchanges = ("products", "product_prices")
    list_display = ("label", "code", "substance", "kind", "price_shown", "is_active", "source")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("is_active", BooleanRadioFilter),
        ("prescription_required", BooleanRadioFilter),
        HasPriceFilter,
    )
    search_fields = ("code",)
    search_help_text = _("Code, libellé ou substance")
    ordering = ("label", "code")
    fieldsets = (
        (None, {"fields": ("code", "label", "substance", "form", "category", "kind", "prescription_required")}),
        (_("Prix"), {"fields": ("price", "currency", "price_is_indicative", "price_history")}),
        (_("Suivi"), {"fields": ("is_active", "source", "created_at", "updated_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        # Stock and reservations know a product by its code.
        return ("source", "price_history", "created_at", "updated_at", *(("code",) if obj else ()))

    @display(description=_("historique"))
    def price_history(self, product: Product) -> str:
        return history_of(product.code)

    @display(description=_("prix"))
    def price_shown(self, product: Product) -> str:
        return money(product.price, product.currency)

    def search_condition(self, term: str) -> Q:
        return Q(code__in=codes_found(term))

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        save_product(obj, by=request.user)

    def delete_model(self, request: HttpRequest, obj: Product) -> None:
        delete_product(obj, by=request.user)


@admin.register(SearchEntry)
class SearchEntryAdmin(ReadOnlyAdmin):
    """What search knows of each product; it follows the products."""

    list_display = ("label", "code", "substance", "kind", "is_active")
    list_filter = (("kind", ChoicesDropdownFilter), ("is_active", BooleanRadioFilter))
    search_fields = ("code",)
    search_help_text = _("Code, libellé ou substance")
    ordering = ("id",)
    fields = (
        "code",
        "label",
        "substance",
        "text",
        "kind",
        "prescription_required",
        "is_active",
        "created_at",
        "updated_at",
    )

    def search_condition(self, term: str) -> Q:
        return Q(code__in=codes_found(term))


@admin.register(ProductChange)
class ProductChangeAdmin(ReadOnlyAdmin):
    """Writes of products in a database of their own, and whether search has come after them."""

    list_display = ("code", "created_at", "settled_at")
    fields = ("code", "created_at", "settled_at")

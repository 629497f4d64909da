from typing import Any

from django.contrib import admin, messages
from django.db.models import Field, ForeignKey, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    DropdownFilter,
)
from unfold.decorators import display

from catalog.admin.searching import HasPriceFilter, codes_found
from catalog.exceptions import StockHeld
from catalog.models import (
    Pharmacy,
    Stock,
    StockAlert,
)
from catalog.own_pharmacies import OwnPharmaciesMixin, own_pharmacies
from catalog.services.stock import delete_stock, save_stock
from common.admin import ExchangeMixin, ModelAdmin, ReadOnlyAdmin, money


class InStockFilter(DropdownFilter):
    title = _("disponibilité")
    parameter_name = "in_stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("yes", _("en stock")), ("no", _("épuisé")))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(quantity__gt=0) if self.value() == "yes" else queryset.filter(quantity=0)


@admin.register(Stock)
class StockAdmin(OwnPharmaciesMixin, ExchangeMixin, ModelAdmin):
    """All stock for staff; pharmacists keep their own pharmacies'."""

    exchanges = ("stock",)
    list_display = ("product_code", "pharmacy", "quantity", "price_shown", "observed_at")
    list_select_related = ("pharmacy",)
    # As the unique index has them.
    ordering = ("pharmacy_id", "product_code")
    search_fields = ("product_code",)
    search_help_text = _("Code, libellé ou substance du produit")
    autocomplete_fields = ("pharmacy",)
    fields = ("product_code", "pharmacy", "quantity", "price", "currency", "observed_at", "created_at", "updated_at")

    def get_list_filter(self, request: HttpRequest) -> Any:
        filters: tuple[Any, ...] = (InStockFilter, HasPriceFilter)
        return (*filters, ("pharmacy", AutocompleteSelectFilter)) if self.sees_all(request) else filters

    def get_readonly_fields(self, request: HttpRequest, obj: Stock | None = None) -> tuple[str, ...]:
        return ("created_at", "updated_at", *(("product_code", "pharmacy") if obj else ()))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) or self.is_own(request)

    def has_change_permission(self, request: HttpRequest, obj: Stock | None = None) -> bool:
        return bool(super().has_change_permission(request, obj)) or self.is_own(request, obj)

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "pharmacy" and not self.sees_all(request):
            kwargs["queryset"] = Pharmacy.objects.filter(pk__in=own_pharmacies(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "quantity":
            # Tells an edited quantity from one that a reservation lowered while the page was open.
            field.show_hidden_initial = True
        return field

    @display(description=_("prix"))
    def price_shown(self, stock: Stock) -> str:
        return money(stock.price, stock.currency)

    def search_condition(self, term: str) -> Q:
        return Q(product_code__in=codes_found(term))

    def save_model(self, request: HttpRequest, obj: Stock, form: Any, change: bool) -> None:
        save_stock(obj, by=request.user, fields=form.changed_data)

    def delete_model(self, request: HttpRequest, obj: Stock) -> None:
        delete_stock(obj, by=request.user)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except StockHeld as error:
            self.message_user(request, error.detail, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:catalog_stock_change", args=(object_id,)))


@admin.register(StockAlert)
class StockAlertAdmin(ReadOnlyAdmin):
    """Who waits for what, and whom the mail has reached."""

    person_path = "user_id"
    list_display = ("product_code", "user", "pharmacy", "created_at", "fired_at")
    list_select_related = ("user", "pharmacy")
    fields = ("product_code", "user", "pharmacy", "created_at", "fired_at")

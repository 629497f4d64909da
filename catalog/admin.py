import re
from datetime import time
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Field, ForeignKey, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    DropdownFilter,
)
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTimeWidget

from catalog.exceptions import StockHeld
from catalog.models import (
    MINUTES_OF_A_DAY,
    DutyPeriod,
    Holiday,
    OpeningHours,
    Pharmacy,
    PharmacyMember,
    Product,
    ProductChange,
    SearchEntry,
    Stock,
    StockAlert,
)
from catalog.own_pharmacies import OwnPharmaciesMixin, own_pharmacies
from catalog.search import CANDIDATES, search
from catalog.services.hours import mark_hours_entered
from catalog.services.pharmacies import save_pharmacy
from catalog.services.products import delete_product, save_product
from catalog.services.stock import delete_stock, save_stock
from catalog.text import words
from common.admin import ModelAdmin, ReadOnlyAdmin, money
from common.phones import InvalidPhone, to_e164


def _codes_found(term: str) -> list[str]:
    """Codes of the products that search finds: the same index, and the same forgiveness, as patients have."""
    return [hit.code for hit in search(term, limit=CANDIDATES).results]


class HasPriceFilter(DropdownFilter):
    title = _("prix")
    parameter_name = "has_price"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("yes", _("avec prix")), ("no", _("sans prix")))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(price__isnull=self.value() == "no")


class InStockFilter(DropdownFilter):
    title = _("disponibilité")
    parameter_name = "in_stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("yes", _("en stock")), ("no", _("épuisé")))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(quantity__gt=0) if self.value() == "yes" else queryset.filter(quantity=0)


@admin.register(Product)
class ProductAdmin(ModelAdmin):
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
        (_("Prix"), {"fields": ("price", "currency", "price_is_indicative")}),
        (_("Suivi"), {"fields": ("is_active", "source", "created_at", "updated_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        # Stock and reservations know a product by its code.
        return ("source", "created_at", "updated_at", *(("code",) if obj else ()))

    @display(description=_("prix"))
    def price_shown(self, product: Product) -> str:
        return money(product.price, product.currency)

    def search_condition(self, term: str) -> Q:
        return Q(code__in=_codes_found(term))

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        save_product(obj, by=request.user)

    def delete_model(self, request: HttpRequest, obj: Product) -> None:
        delete_product(obj, by=request.user)


class PharmacyForm(forms.ModelForm):
    """Takes phone numbers as people write them."""

    phones = forms.CharField(
        label=_("Téléphones"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("Un numéro par ligne"),
    )

    class Meta:
        model = Pharmacy
        fields = ("phones",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["phones"] = "\n".join(self.instance.phones)

    def clean_phones(self) -> list[str]:
        phones: list[str] = []
        for written in filter(None, map(str.strip, re.split(r"[\n/;,]", self.cleaned_data["phones"]))):
            try:
                phone = to_e164(written, region=settings.PHONE_REGION)
            except InvalidPhone as error:
                raise forms.ValidationError(f"{written} : {error.detail}") from error
            if phone not in phones:
                phones.append(phone)
        return phones


class OpeningHoursForm(forms.ModelForm):
    """Takes times as clocks show them; what closes at or before it opens closes on the next day."""

    opens = forms.TimeField(label=_("ouvre"), widget=UnfoldAdminTimeWidget)
    closes = forms.TimeField(label=_("ferme"), widget=UnfoldAdminTimeWidget)

    class Meta:
        model = OpeningHours
        fields = ("day", "opens", "closes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("opens", "closes"):
            minutes = getattr(self.instance, name)
            if minutes is not None:
                self.initial[name] = time(minutes // 60 % 24, minutes % 60)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("opens") is not None and cleaned.get("closes") is not None:
            opens, closes = (cleaned[name].hour * 60 + cleaned[name].minute for name in ("opens", "closes"))
            cleaned["opens"], cleaned["closes"] = opens, closes if closes > opens else closes + MINUTES_OF_A_DAY
        return cleaned


class OpeningHoursInline(TabularInline):
    """A pharmacist keeps the hours of their own pharmacy; the page of any other is not shown to them."""

    model = OpeningHours
    form = OpeningHoursForm
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_view_permission(request, obj)) or self._is_own(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_add_permission(request, obj)) or self._is_own(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj)) or self._is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) or self._is_own(request, obj)

    def _is_own(self, request: HttpRequest, obj: Any) -> bool:
        return obj is not None and obj.pk in own_pharmacies(request)


class PharmacyMemberInline(TabularInline):
    model = PharmacyMember
    extra = 0
    autocomplete_fields = ("user",)


# What a pharmacist changes of their own pharmacy; the rest identifies it or says where it is.
KEPT_BY_MEMBERS = frozenset({"phones", "is_listed", "accepts_cnamgs"})


@admin.register(Pharmacy)
class PharmacyAdmin(OwnPharmaciesMixin, ModelAdmin):
    """All pharmacies for staff; pharmacists see their own, and keep its phones, hours and whether it is listed."""

    pharmacy_field = "pk"
    form = PharmacyForm
    list_display = ("name", "code", "town", "quarter", "hours_status", "always_open", "is_listed", "is_active")
    list_filter = (
        ("hours_status", ChoicesDropdownFilter),
        ("is_active", BooleanRadioFilter),
        ("always_open", BooleanRadioFilter),
        ("position_is_approximate", BooleanRadioFilter),
    )
    search_fields = ("name",)
    search_help_text = _("Code, nom, ville ou quartier")
    ordering = ("name", "id")
    inlines = (OpeningHoursInline, PharmacyMemberInline)
    fieldsets = (
        (None, {"fields": ("code", "name", "is_active", "is_listed", "accepts_cnamgs", "epg_id")}),
        (_("Où"), {"fields": ("town", "quarter", "latitude", "longitude", "position_is_approximate")}),
        (_("Contact et horaires"), {"fields": ("phones", "hours", "hours_status", "always_open")}),
        (_("Suivi"), {"fields": ("created_at", "updated_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Pharmacy | None = None) -> tuple[str, ...]:
        fixed = ("created_at", "updated_at", "hours_status", *(("code",) if obj else ()))
        if obj is None or super().has_change_permission(request, obj):
            return fixed
        ours = (name for _title, options in self.fieldsets for name in options["fields"] if name not in KEPT_BY_MEMBERS)
        return tuple(dict.fromkeys((*fixed, *ours)))

    def has_change_permission(self, request: HttpRequest, obj: Pharmacy | None = None) -> bool:
        return bool(super().has_change_permission(request, obj)) or self.is_own(request, obj)

    def search_condition(self, term: str) -> Q:
        return Q(*(Q(search_text__contains=word) for word in words(term)))

    def save_model(self, request: HttpRequest, obj: Pharmacy, form: Any, change: bool) -> None:
        save_pharmacy(obj, by=request.user)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.model is OpeningHours and formset.has_changed():
            mark_hours_entered(form.instance, by=request.user)


@admin.register(Stock)
class StockAdmin(OwnPharmaciesMixin, ModelAdmin):
    """All stock for staff; pharmacists keep their own pharmacies'."""

    list_display = ("product_code", "pharmacy", "quantity", "price_shown", "observed_at")
    list_select_related = ("pharmacy",)
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
        return Q(product_code__in=_codes_found(term))

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
        return Q(code__in=_codes_found(term))


@admin.register(ProductChange)
class ProductChangeAdmin(ReadOnlyAdmin):
    """Writes of products in a database of their own, and whether search has come after them."""

    list_display = ("code", "created_at", "settled_at")
    fields = ("code", "created_at", "settled_at")


@admin.register(DutyPeriod)
class DutyPeriodAdmin(ModelAdmin):
    list_display = ("pharmacy", "starts_at", "ends_at", "zone", "surcharge")
    list_select_related = ("pharmacy",)
    list_filter = (("pharmacy", AutocompleteSelectFilter),)
    ordering = ("-starts_at", "-pk")
    autocomplete_fields = ("pharmacy",)
    fields = ("pharmacy", "starts_at", "ends_at", "zone", "surcharge", "currency", "created_at", "updated_at")
    readonly_fields = ("created_at", "updated_at")


@admin.register(Holiday)
class HolidayAdmin(ModelAdmin):
    list_display = ("date", "name")
    ordering = ("-date",)
    fields = ("date", "name", "created_at", "updated_at")
    readonly_fields = ("created_at", "updated_at")


@admin.register(StockAlert)
class StockAlertAdmin(ReadOnlyAdmin):
    """Who waits for what, and whom the mail has reached."""

    list_display = ("product_code", "user", "pharmacy", "created_at", "fired_at")
    list_select_related = ("user", "pharmacy")
    fields = ("product_code", "user", "pharmacy", "created_at", "fired_at")

import re
from datetime import time
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    ChoicesDropdownFilter,
)
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTimeWidget

from catalog.models import (
    MINUTES_OF_A_DAY,
    DutyPeriod,
    Holiday,
    OpeningHours,
    Pharmacy,
    PharmacyMember,
)
from catalog.own_pharmacies import OwnPharmaciesMixin, own_pharmacies
from catalog.services.hours import mark_hours_entered, read_imported_hours
from catalog.services.pharmacies import save_pharmacy
from catalog.text import words
from common.admin import ExchangeMixin, ModelAdmin
from common.phones import InvalidPhone, to_e164


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

    def clean_epg_id(self) -> str:
        return str(self.cleaned_data["epg_id"]).lower()

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
class PharmacyAdmin(OwnPharmaciesMixin, ExchangeMixin, ModelAdmin):
    """All pharmacies for staff; pharmacists see their own, and keep its phones, hours and whether it is listed."""

    pharmacy_field = "pk"
    exchanges = ("pharmacies",)
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
        # To read the text now would take the rows away that the page has shown, and that come back edited.
        save_pharmacy(obj, by=request.user, reads_hours=False)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if any(formset.model is OpeningHours and formset.has_changed() for formset in formsets):
            mark_hours_entered(form.instance, by=request.user)
        else:
            read_imported_hours(form.instance)


@admin.register(DutyPeriod)
class DutyPeriodAdmin(ExchangeMixin, ModelAdmin):
    exchanges = ("duty",)
    list_display = ("pharmacy", "starts_at", "ends_at", "zone", "surcharge")
    list_select_related = ("pharmacy",)
    list_filter = (("pharmacy", AutocompleteSelectFilter),)
    ordering = ("-starts_at", "-pk")
    autocomplete_fields = ("pharmacy",)
    fields = ("pharmacy", "starts_at", "ends_at", "zone", "surcharge", "currency", "created_at", "updated_at")
    readonly_fields = ("created_at", "updated_at")


@admin.register(Holiday)
class HolidayAdmin(ModelAdmin):
    list_display = ("date", "name", "is_observed")
    ordering = ("-date",)
    fields = ("date", "name", "is_observed", "created_at", "updated_at")
    readonly_fields = ("created_at", "updated_at")

"""What products cost: plans for it, and the history of it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.decorators import display

from catalog.admin.searching import codes_found
from catalog.models import PlannedPrice, PriceChange, SearchEntry
from common.admin import ModelAdmin, ReadOnlyAdmin, moment, money

# Of a product's history, how much its page shows.
SHOWN = 20


def history_of(code: str) -> SafeString | str:
    """What is planned, soonest last, and what has been, newest first."""
    plans = PlannedPrice.objects.filter(product_code=code, settled_at=None).order_by("-effective_at")[:SHOWN]
    changes = PriceChange.objects.filter(product_code=code).order_by("-pk")[:SHOWN]
    lines = [(moment("effective_at", "")(plan), money(plan.price, plan.currency), _("prévu")) for plan in plans] + [
        (
            moment("created_at", "")(change),
            f"{money(change.old_price, change.old_currency)} → {money(change.price, change.currency)}",
            change.source or _("saisi"),
        )
        for change in changes
    ]
    return format_html_join("", "<div>{} : {} ({})</div>", lines) or "–"


class PlannedPriceForm(forms.ModelForm):
    class Meta:
        model = PlannedPrice
        fields = ("product_code", "price", "currency", "effective_at")

    def clean_product_code(self) -> str:
        code: str = self.cleaned_data["product_code"]
        if not SearchEntry.objects.filter(code=code).exists():
            raise forms.ValidationError(_("Produit inconnu."))
        return code


@admin.register(PlannedPrice)
class PlannedPriceAdmin(ModelAdmin):
    """Prices that begin later; what is settled stays as it was."""

    form = PlannedPriceForm
    list_display = (
        "product_code",
        "price_shown",
        moment("effective_at", _("valable dès")),
        moment("settled_at", _("réglé le")),
        "is_applied",
    )
    list_filter = (("is_applied", BooleanRadioFilter),)
    search_fields = ("product_code",)
    search_help_text = _("Code, libellé ou substance du produit")
    ordering = ("-effective_at", "-pk")
    fields = ("product_code", "price", "currency", "effective_at", "settled_at", "is_applied")
    readonly_fields = ("settled_at", "is_applied")

    @display(description=_("prix"))
    def price_shown(self, plan: PlannedPrice) -> str:
        return money(plan.price, plan.currency)

    def search_condition(self, term: str) -> Q:
        return Q(product_code__in=codes_found(term))

    def has_change_permission(self, request: HttpRequest, obj: PlannedPrice | None = None) -> bool:
        return bool(super().has_change_permission(request, obj)) and _is_open(obj)

    def has_delete_permission(self, request: HttpRequest, obj: PlannedPrice | None = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and _is_open(obj)


def _is_open(plan: Any) -> bool:
    return plan is None or plan.settled_at is None


@admin.register(PriceChange)
class PriceChangeAdmin(ReadOnlyAdmin):
    """Every change of a product's price: when, from what to what, and where the new price came from."""

    list_display = (
        moment("created_at", _("créé le")),
        "product_code",
        "old_price_shown",
        "price_shown",
        "is_indicative",
        "source",
    )
    search_fields = ("product_code",)
    search_help_text = _("Code, libellé ou substance du produit")
    ordering = ("-pk",)
    fields = ("created_at", "product_code", "old_price_shown", "price_shown", "is_indicative", "source")

    @display(description=_("ancien prix"))
    def old_price_shown(self, change: PriceChange) -> str:
        return money(change.old_price, change.old_currency)

    @display(description=_("prix"))
    def price_shown(self, change: PriceChange) -> str:
        return money(change.price, change.currency)

    def search_condition(self, term: str) -> Q:
        return Q(product_code__in=codes_found(term))

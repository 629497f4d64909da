"""What is sold and what actions cost."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.decorators import display

from accounts.models import PriceList, Rate
from common.admin import (
    ExchangeMixin,
    ModelAdmin,
    moment,
    money,
)


@admin.register(Rate)
class RateAdmin(ModelAdmin):
    """Packs on sale. Never deleted, because payments on their way still name them: taken off sale instead."""

    list_display = ("label", "price_shown", "credits", "is_active", moment("updated_at", _("modifié le")))
    list_filter = (("is_active", BooleanRadioFilter),)
    ordering = ("price", "id")
    empty_hint = _("Ajoutez un premier forfait : sans lui, personne ne peut acheter de crédits.")
    fields = ("label", "price", "currency", "credits", "is_active")

    @display(description=_("prix"))
    def price_shown(self, rate: Rate) -> str:
        return money(rate.price, rate.currency)

    def has_delete_permission(self, request: HttpRequest, obj: Rate | None = None) -> bool:
        return False


@admin.register(PriceList)
class PriceListAdmin(ExchangeMixin, ModelAdmin):
    """What actions cost, in credits."""

    exchanges = ("price_lists",)

    empty_hint = _("Sans tarif, toutes les actions sont gratuites. Ajoutez le premier pour en faire payer une.")
    list_display = (
        "label",
        "action",
        "credits",
        "next_credits",
        moment("next_from", _("valable dès")),
        moment("updated_at", _("modifié le")),
    )
    ordering = ("id",)
    fields = ("action", "label", "credits", "next_credits", "next_from")

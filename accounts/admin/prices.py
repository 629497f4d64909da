"""What is sold and what actions cost."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.decorators import display

from accounts.models import PriceList, Rate
from accounts.services import price_lists
from common.admin import (
    CsvExchangeMixin,
    ModelAdmin,
    moment,
    money,
)
from common.csv_import import Line, Report


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
class PriceListAdmin(CsvExchangeMixin, ModelAdmin):
    """What actions cost, in credits."""

    csv_name, csv_columns, csv_required = "tarifs.csv", price_lists.COLUMNS, price_lists.REQUIRED

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

    def csv_rows(self) -> Iterator[tuple[Any, ...]]:
        for row in PriceList.objects.order_by("pk"):
            when = "" if row.next_from is None else timezone.localtime(row.next_from).isoformat()
            yield row.action or "", row.label, row.credits, row.next_credits, when

    def csv_import_rows(self, lines: Iterator[Line], *, dry_run: bool, by: Any) -> Report:
        return price_lists.import_price_list(lines, dry_run=dry_run, by=by)

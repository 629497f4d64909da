from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, ChoicesDropdownFilter
from unfold.decorators import display

from common.admin import ReadOnlyInline, moment, money
from marketplaces.admin.base import TenantAdmin
from marketplaces.models import Order, OrderLine


class LineInline(ReadOnlyInline):
    model = OrderLine
    fields = ("title", "sku", "quantity", "unit_price")
    readonly_fields = fields
    ordering = ("pk",)
    verbose_name_plural = _("lignes")


@admin.register(Order)
class OrderAdmin(TenantAdmin):
    """What channels say was bought, and what the merchant has to do about it."""

    list_display = (
        "external_id",
        "merchant",
        "channel",
        "state",
        "task",
        "total_text",
        moment("ordered_at", _("commandée le")),
    )
    list_select_related = ("merchant",)
    list_filter = (
        ("state", ChoicesCheckboxFilter),
        ("task", ChoicesDropdownFilter),
        ("channel", ChoicesDropdownFilter),
    )
    fields = (
        *("merchant", "channel", "external_id", "state", "task", "task_note", "buyer", "total_text", "ordered_at"),
        *("created_at", "updated_at"),
    )
    readonly_fields = ("total_text",)
    inlines = (LineInline,)

    @display(description=_("total"))
    def total_text(self, order: Order) -> str:
        return money(order.total, order.currency)

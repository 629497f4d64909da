"""What the back office takes in and gives out of prices in credits."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from import_export.fields import Field

from accounts.models import PriceList
from accounts.services import price_lists
from common.exchange.reports import Line, Report
from common.exchange.resources import Column, ServiceResource


class PriceListResource(ServiceResource):
    name, title = "price_lists", _("Grille tarifaire")
    required = price_lists.REQUIRED
    view_permission = "accounts.view_pricelist"
    change_permission, add_permission = "accounts.change_pricelist", "accounts.add_pricelist"

    action = Field("action", "action", Column(str))
    label = Field("label", "libelle", Column(str))
    credits = Field("credits", "credits", Column(str))
    next_credits = Field("next_credits", "nouveaux_credits", Column(str))
    next_from = Field("next_from", "valable_des", Column(str))

    def rows(self) -> Iterator[PriceList]:
        yield from PriceList.objects.order_by("pk")

    def import_lines(self, lines: Sequence[Line], *, dry_run: bool, may_add: bool, source: str, by: Any) -> Report:
        return price_lists.import_price_list(lines, dry_run=dry_run, may_add=may_add, by=by)

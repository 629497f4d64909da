from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import (
    DropdownFilter,
)

from catalog.search import search
from catalog.search_sql import CANDIDATES


def codes_found(term: str) -> list[str]:
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

"""Filters with fixed choices: none asks the database which values there are."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

# Whole days before today's midnight.
_PERIODS = {"today": 0, "week": 6, "month": 29, "quarter": 89}


class _PeriodFilter(DropdownFilter):
    title = _("période")
    parameter_name = "period"
    field_name: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, Any]]:
        return (
            ("today", _("aujourd'hui")),
            ("week", _("7 derniers jours")),
            ("month", _("30 derniers jours")),
            ("quarter", _("90 derniers jours")),
        )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        days = _PERIODS.get(self.value() or "")
        if days is None:
            return queryset
        midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        return queryset.filter(**{f"{self.field_name}__gte": midnight - timedelta(days=days)})


def period_filter(field: str) -> type[_PeriodFilter]:
    """A filter of fixed ranges of days, today included, over a date and time column."""
    return type("PeriodFilter", (_PeriodFilter,), {"field_name": field})


def fixed_filter(field: str, title: Any, choices: Sequence[tuple[str, Any]]) -> type[DropdownFilter]:
    """A filter over a column without `choices` of its own; `choices` are value and label."""

    class FixedFilter(DropdownFilter):
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, Any]]:
            return choices

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    FixedFilter.title = title
    return FixedFilter

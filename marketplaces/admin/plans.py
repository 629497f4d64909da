from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline

from common.admin import ModelAdmin
from marketplaces.models import Plan, SubscriptionQuota


class QuotaInline(TabularInline):
    """A kind without a row has no limit."""

    model = SubscriptionQuota
    extra = 0
    fields = ("kind", "limit")
    ordering = ("kind",)


@admin.register(Plan)
class PlanAdmin(ModelAdmin):
    list_display = ("name", "code", "is_default")
    fields = ("name", "code", "is_default")
    inlines = (QuotaInline,)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

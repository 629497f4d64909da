"""What every admin page of the house is made of: lists that stay fast, rows that only services change."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from common.admin.actions import ServiceForm, service_action
from common.admin.base import ModelAdmin, ReadOnlyAdmin, ReadOnlyInline
from common.admin.display import address, badge, json_block, link, moment, money, text_block
from common.admin.exchange import ExchangeMixin
from common.admin.file_imports import FileImportAdmin
from common.admin.filters import period_filter
from common.models import IdempotencyKey

__all__ = [
    "ExchangeMixin",
    "FileImportAdmin",
    "ModelAdmin",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "ServiceForm",
    "address",
    "badge",
    "json_block",
    "link",
    "moment",
    "money",
    "period_filter",
    "service_action",
    "text_block",
]


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    """Without the stored answer: it is encrypted, because it may tell what somebody takes."""

    person_path = "user_id"
    list_display = (moment("created_at", _("créé le")), "user", "key", "status", "lease_until")
    list_select_related = ("user",)
    list_filter = (period_filter("created_at"),)
    fields = ("user", "key", "status", "lease_until", "created_at", "updated_at")

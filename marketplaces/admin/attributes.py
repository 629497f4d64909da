"""What items are described by. Nothing is deleted: what is no longer offered is switched off."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter

from common.admin import ModelAdmin
from marketplaces.models import ATTRIBUTES, Attribute, Category


class AttributeAdmin(ModelAdmin):
    list_display = ("name_fr", "name_en", "code", "is_active")
    list_filter = (("is_active", BooleanRadioFilter),)
    search_fields = ("name_fr",)
    search_help_text = _("Nom français ou anglais")
    ordering = ("position", "name_fr", "pk")
    fields = ("name_fr", "name_en", "code", "position", "is_active")

    def search_condition(self, term: str) -> Q:
        return Q(name_fr__icontains=term) | Q(name_en__icontains=term)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class CategoryAdmin(AttributeAdmin):
    list_display = ("name_fr", "name_en", "product_class", "is_allowed", "is_active")
    list_filter = (
        ("product_class", ChoicesDropdownFilter),
        ("is_allowed", BooleanRadioFilter),
        ("is_active", BooleanRadioFilter),
    )
    autocomplete_fields = ("parent",)
    fields = ("name_fr", "name_en", "code", "parent", "product_class", "is_allowed", "position", "is_active")


def _register(model: type[Attribute]) -> None:
    numbers: Any = model._meta.get_field("channel_ids").related_model
    inline = type(
        f"{numbers.__name__}Inline",
        (TabularInline,),
        {"model": numbers, "extra": 0, "fields": ("channel", "external_id")},
    )
    base = CategoryAdmin if model is Category else AttributeAdmin
    admin.site.register(model, type(f"{model.__name__}Admin", (base,), {"inlines": (inline,)}))


for _model in ATTRIBUTES.values():
    _register(_model)

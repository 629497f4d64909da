"""The addresses of the admin, and what its pages say."""

from typing import Any

from django.contrib import admin
from django.contrib.messages import get_messages
from django.db.models import Model
from django.http import HttpResponse
from django.urls import reverse

from marketplaces.tenancy import crossing


def page(model: type[Model] | Model, name: str, *args: object) -> str:
    """The address of `changelist`, `add`, or for an object `change`, `delete`, `history` or one of its actions."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def page_of(obj: Model, name: str = "change") -> str:
    return page(obj, name, obj.pk)


def model_admins() -> list[tuple[type[Model], Any]]:
    return [(model, admin.site.get_model_admin(model)) for model in admin.site._registry]


def rows_of(model: type[Model]) -> list[Any]:
    """Every row, in the order of their keys: those of merchants as staff see them."""
    with crossing():
        return list(model._default_manager.order_by("pk"))


def said(response: HttpResponse) -> list[str]:
    """The messages that the response leaves for the next page."""
    return [str(message) for message in get_messages(response.wsgi_request)]

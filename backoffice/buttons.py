"""The actions of an object's page as buttons on another one, which they come back to."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True)
class Button:
    """An action of an object's page; it comes back to where it was."""

    label: Any
    icon: str
    url: str
    is_dangerous: bool


def buttons_of(request: HttpRequest, obj: Model, back: str) -> list[Button]:
    """The actions that the object's state and the reader's rights allow; each returns to `back`."""
    model_admin: Any = admin.site.get_model_admin(type(obj))
    if not model_admin.has_view_permission(request, obj):
        return []
    made = []
    for name in model_admin.actions_detail:
        action = getattr(model_admin, name)
        if action.is_offered(model_admin, request, obj):
            url = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_{name}", args=(obj.pk,))
            made.append(
                Button(
                    action.short_description,
                    action.icon,
                    f"{url}?{urlencode({'next': back})}",
                    getattr(action.variant, "value", "") == "danger",
                )
            )
    return made

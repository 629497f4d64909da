"""Pages that see every merchant: each is asked for, and drawn, by the staff's login."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from common.admin import ReadOnlyAdmin
from marketplaces.tenancy import crossing


def _crossing(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def crosses(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with crossing():
            response = view(request, *args, **kwargs)
            # A template reads its rows while it is drawn.
            if not getattr(response, "is_rendered", True):
                response.render()  # type: ignore[attr-defined]
            return response

    return crosses


class CrossingMixin:
    """For the admin of a model with merchants' rows, and of what those rows point at."""

    # The key of such tables: what every list and count walks along.
    ordering: tuple[str, ...] = ("-merchant_id", "-pk")

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        for pattern in urls:
            pattern.callback = _crossing(pattern.callback)
        return urls


class TenantAdmin(CrossingMixin, ReadOnlyAdmin):
    """Rows of merchants: staff look, and press the buttons of services."""

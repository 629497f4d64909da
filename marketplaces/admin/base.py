"""Pages that see every merchant: each is asked for, and drawn, by the staff's login."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from common.admin import ReadOnlyAdmin
from marketplaces.models import Job, Listing
from marketplaces.tenancy import crossing
from marketplaces.trouble import in_words


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


class TroubleShown:
    """For the admin of jobs and listings: what stands in their way, in words."""

    @display(description=_("ce qui l'arrête"))
    def trouble(self, row: Job | Listing) -> str:
        return in_words(row.last_error_code, row.last_error) or "–"


class TenantAdmin(CrossingMixin, ReadOnlyAdmin):
    """Rows of merchants: staff look, and press the buttons of services."""

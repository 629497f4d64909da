"""Pages that see every merchant: each is asked for, and drawn, by the staff's login."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from common.admin import ReadOnlyAdmin, badge
from marketplaces.enums import ConnectionState, JobState, ListingState
from marketplaces.models import ChannelConnection, Job, Listing
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


_STATE_COLOURS = {
    **dict.fromkeys((ListingState.LIVE, JobState.COMPLETED, ConnectionState.CONNECTED), "success"),
    **dict.fromkeys((ListingState.PENDING, ListingState.WITHDRAWING, JobState.RUNNING), "warning"),
    **dict.fromkeys((ListingState.FAILED, JobState.EXPIRED, ConnectionState.STOPPED), "danger"),
}


class StateShown:
    """For the admin of what has a `state`: the same colours for the same words, whatever they are said of."""

    @display(description=_("état"))
    def state_badge(self, row: Job | Listing | ChannelConnection) -> str:
        return badge(row.get_state_display(), _STATE_COLOURS.get(row.state, ""))


class TroubleShown:
    """For the admin of jobs and listings: what stands in their way, in words."""

    @display(description=_("ce qui l'arrête"))
    def trouble(self, row: Job | Listing) -> str:
        return in_words(row.last_error_code, row.last_error) or "–"


class TenantAdmin(CrossingMixin, ReadOnlyAdmin):
    """Rows of merchants: staff look, and press the buttons of services."""

"""What a phone on a bad line need not ask for again: ETags, and how long an answer stays good."""

from typing import Any

from django.utils.cache import patch_cache_control
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from rest_framework.request import Request
from rest_framework.response import Response

# Seconds. Long enough for a person to go back and forth, short enough for a price to be true.
FRESH_SECONDS = 60


class CachedMixin:
    """Answers to anonymous GETs may be kept for a minute, and are 304 to who has them still.

    What is answered to a signed-in person is nobody else's; availability is asked anew each time.
    """

    uncached_actions = frozenset({"availability"})

    @method_decorator(conditional_page)
    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(*args, **kwargs)  # type: ignore[misc]

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        is_plain = request.method in ("GET", "HEAD") and response.status_code == 200
        if is_plain and "Authorization" not in request.headers:
            if self.action in self.uncached_actions:  # type: ignore[attr-defined]
                patch_cache_control(response, no_cache=True)
            else:
                patch_cache_control(response, public=True, max_age=FRESH_SECONDS)
        return response

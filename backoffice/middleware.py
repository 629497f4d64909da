from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from common.context import set_actor


class StaffActorMiddleware:
    """In the admin the session names the actor, as the token does in the API."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(settings.ADMIN_PATH) and request.user.is_authenticated:
            set_actor("user", request.user.pk)
        return self.get_response(request)

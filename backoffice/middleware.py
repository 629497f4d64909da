from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.exceptions import SecondFactorSetupRequired
from backoffice.second_factor import has_passed
from common.context import set_actor


class SecondFactorMiddleware:
    """In the admin a session without the second factor that it needs is nobody's: every page asks for a sign-in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(settings.ADMIN_PATH) and not has_passed(request):
            request.user = AnonymousUser()
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, SecondFactorSetupRequired) and request.path_info.startswith(settings.ADMIN_PATH):
            return redirect("second_factor")
        return None


class StaffActorMiddleware:
    """In the admin the session names the actor, as the token does in the API."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(settings.ADMIN_PATH) and request.user.is_authenticated:
            set_actor("user", request.user.pk)
        return self.get_response(request)

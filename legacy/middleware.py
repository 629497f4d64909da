"""What holds for every old address, also where no view of ours is reached."""

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from common.api.problems import CONTENT_TYPE, problem_response, to_domain_error

GetResponse = Callable[[HttpRequest], HttpResponse]

# The first parts of the old addresses; the sites also ask for some that never answered anything.
PLACES = frozenset("auth user account rate price_list event api_epg my_pay_ga sing_pay_api contact facture".split())
_EXPOSED = "Deprecation, Link, Retry-After, X-Event-Limit, X-Request-ID"
_METHODS = "GET, POST, PUT, DELETE, PATCH, OPTIONS"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def is_legacy(path: str) -> bool:
    """Whether a path belongs to the old contract, however many slashes it begins with."""
    return settings.LEGACY_ROUTES and (path == "/" or path.lstrip("/").split("/", 1)[0] in PLACES)


class LegacyMiddleware:
    """One leading slash, French, no cookies, our own CORS headers, and refusals in the old form, whoever refused."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_legacy(request.path_info):
            return self.get_response(request)
        request.path_info = "/" + request.path_info.lstrip("/")
        request.path = "/" + request.path.lstrip("/")
        # The sites know these texts: a browser's own language changes nothing.
        request.META["HTTP_ACCEPT_LANGUAGE"] = settings.LANGUAGE_CODE
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response = HttpResponse(status=200)
        else:
            response = self._answer(request)
        _old_form(response)
        _name_origins(request, response)
        patch_vary_headers(response, ["Origin", "Authorization"])
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        except Exception as error:  # Whatever comes through here would leave without the headers.
            return problem_response(request, to_domain_error(error))


def _old_form(response: HttpResponse) -> None:
    if response.headers.get("Content-Type", "") != CONTENT_TYPE:
        return
    problem = json.loads(response.content)
    details = dict.fromkeys(item["detail"] for item in problem.get("errors", ()))
    response.content = json.dumps({"detail": " ".join(details) or problem["detail"]}, ensure_ascii=False).encode()
    response.headers["Content-Type"] = "application/json"
    response.headers["Content-Length"] = str(len(response.content))


def _name_origins(request: HttpRequest, response: HttpResponse) -> None:
    """No cookies and no credentials, also for origins that /api/v1/ grants them."""
    for name in [name for name in response.headers if name.lower().startswith("access-control-")]:
        del response.headers[name]
    origin = request.headers.get("Origin", "")
    if not _is_ours(origin):
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Headers"] = "authorization, content-type"
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Max-Age"] = "86400"


def _is_ours(origin: str) -> bool:
    if origin in settings.LEGACY_ORIGINS:
        return True
    try:
        return settings.DEBUG and urlsplit(origin).hostname in _LOOPBACK
    except ValueError:
        return False

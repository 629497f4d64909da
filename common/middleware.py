"""Around every request: a context, an input gate for the URL, one canonical path, one log line."""

import ipaddress
import logging
import re
import time
import uuid
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from common.api.problems import problem_response, to_domain_error
from common.context import acting, current
from common.errors import DomainError, Invalid, Unavailable

logger = logging.getLogger("common.requests")

API_PATH = "/api/"

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_FILES = (".csv", ".ics")

# The last part of the address is a secret: of a callback ours, of a calendar the person's whose visits it tells.
_SECRET_ADDRESS = re.compile(r"(/callbacks/[^/]+/|/calendar/)[^/]+")

GetResponse = Callable[[HttpRequest], HttpResponse]


def client_ip(request: HttpRequest) -> str:
    """The caller's address: of `X-Forwarded-For` only the entry that our own outermost proxy wrote is believed."""
    remote: str = request.META.get("REMOTE_ADDR") or ""
    if settings.NUM_PROXIES == 0:
        return remote
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    hop = hops[-min(settings.NUM_PROXIES, len(hops))] if hops else remote
    return hop if _is_address(hop) else remote


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _keep_private(request: HttpRequest, response: HttpResponse) -> None:
    """No cache gives one person's answer to another."""
    if request.path.startswith(API_PATH):
        patch_vary_headers(response, ["Authorization"])
        if "Authorization" in request.headers:
            response.headers.setdefault("Cache-Control", "no-store")


class ContextMiddleware:
    """Gives the request its id (the proxy's, when it looks like one) and its anonymous actor; logs it when done."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = offered if _REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
        started = time.perf_counter()
        user_agent = request.META.get("HTTP_USER_AGENT", "")
        with acting("anonymous", request_id=request_id, ip=client_ip(request), user_agent=user_agent):
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id
            _keep_private(request, response)
            logger.info(
                "request",
                extra={
                    "method": request.method,
                    "path": _SECRET_ADDRESS.sub(r"\1***", request.path),
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                    "ip": current().ip,
                },
            )
        return response


def _unavailable_page(request: HttpRequest, error: DomainError) -> HttpResponse:
    logger.warning("unavailable", extra={"path": request.path, "code": error.code})
    response = render(request, "503.html", {"detail": error.detail}, status=Unavailable.status)
    response.headers["Retry-After"] = str(error.retry_after or 5)
    return response


class LastResortMiddleware:
    """Outside of the admin an exception nobody caught is problem details, also with DEBUG: never a stack trace.

    In the admin a database that is down is a page that says so.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        error = to_domain_error(exception)
        if request.path_info.startswith(settings.ADMIN_PATH):
            return _unavailable_page(request, error) if error.status == Unavailable.status else None
        if error.status >= 500:
            logger.error("unplanned error", exc_info=exception)
        return problem_response(request, error)


class UrlGateMiddleware:
    """Refuses URLs that no database can store: NUL, bytes that are no UTF-8, lone surrogates; and NUL in cookies.

    UTF-8 it is whatever charset the request declares: read otherwise, the same bytes could be something else.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        raw = unquote_to_bytes(request.META.get("QUERY_STRING", "").encode("latin-1", "replace"))
        try:
            raw.decode()
            hostile = b"\x00" in raw or "\x00" in request.path or "\ufffd" in request.path
        except UnicodeDecodeError:
            hostile = True
        if hostile:
            return problem_response(request, Invalid(_("L'adresse contient des caractères interdits.")))
        if any("\x00" in value for value in request.COOKIES.values()):
            # In quotes a cookie may spell it `\000`.
            return problem_response(request, Invalid(_("Un cookie contient des caractères interdits.")))
        if request.encoding is not None:
            # Parsed once more, and before that not at all: not every charset can be used to parse.
            request.GET = QueryDict()  # type: ignore[assignment]
            request.encoding = "utf-8"
        return self.get_response(request)


class SlashMiddleware:
    """Every route answers with and without its trailing slash, without a redirect.

    API routes are written with it and everything else without; files (`entries.csv`) never have one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.startswith(API_PATH):
            if path.rstrip("/").endswith(_FILES):
                path = path.rstrip("/")
            elif not path.endswith("/"):
                path += "/"
        elif path + "/" == settings.ADMIN_PATH:
            path = settings.ADMIN_PATH
        elif path != "/" and path.endswith("/") and not path.startswith(settings.ADMIN_PATH):
            path = path.rstrip("/")
        request.path_info = path
        return self.get_response(request)

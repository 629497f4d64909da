"""Around every request: a context, an input gate for the URL, one canonical path, one log line."""

import logging
import re
import time
import uuid
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from common.api.problems import problem_response
from common.context import acting, current
from common.errors import Invalid

logger = logging.getLogger("common.requests")

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

GetResponse = Callable[[HttpRequest], HttpResponse]


def client_ip(request: HttpRequest) -> str:
    """The caller's address: of `X-Forwarded-For` only the entry that our own outermost proxy wrote is believed."""
    remote: str = request.META.get("REMOTE_ADDR") or ""
    if settings.NUM_PROXIES == 0:
        return remote
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    return hops[-min(settings.NUM_PROXIES, len(hops))] if hops else remote


class ContextMiddleware:
    """Gives the request its id (the proxy's, when it looks like one) and its anonymous actor; logs it when done."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = offered if _REQUEST_ID.fullmatch(offered) else uuid.uuid4().hex
        started = time.perf_counter()
        with acting("anonymous", request_id=request_id, ip=client_ip(request)):
            response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id
            logger.info(
                "request",
                extra={
                    "method": request.method,
                    "path": request.path,
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                    "ip": current().ip,
                },
            )
        return response


class UrlGateMiddleware:
    """Refuses URLs that no database can store: NUL, bytes that are no UTF-8, lone surrogates."""

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
        return self.get_response(request)


class SlashMiddleware:
    """Every route answers with and without its trailing slash, without a redirect.

    API routes are written with it and everything else without; files (`entries.csv`) never have one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if path.startswith("/api/"):
            last = path.rstrip("/").rsplit("/", 1)[-1]
            if "." in last:
                path = path.rstrip("/")
            elif not path.endswith("/"):
                path += "/"
        elif path != "/" and path.endswith("/") and not path.startswith(settings.ADMIN_PATH):
            path = path.rstrip("/")
        request.path_info = path
        return self.get_response(request)

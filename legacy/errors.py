"""Refusals in the old form: `{"detail": "…"}`, and a list only for a malformed request."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from common.api.problems import to_domain_error
from common.errors import DomainError, FieldError
from common.strict_json import MalformedJson

logger = logging.getLogger(__name__)

NOT_AUTHENTICATED = "Not authenticated"
NOT_ALLOWED = "Vous n'êtes pas autorisé à effectuer cette action"


class Refused(DomainError):
    """What the sites print, word for word as they know it: these texts are never translated."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Malformed(DomainError):
    """422 with every field that cannot be read: `loc` is where (`["body", "price"]`)."""

    code = "malformed"
    status = 422

    def __init__(self, faults: Iterable[Mapping[str, Any]]) -> None:
        super().__init__([dict(fault) for fault in faults])


def not_allowed() -> Refused:
    return Refused(403, NOT_ALLOWED)


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """As `common.api.problems.exception_handler`, in the old form."""
    set_rollback()
    headers: dict[str, str] = {}
    if isinstance(exc, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
        missing = isinstance(exc, exceptions.NotAuthenticated)
        return Response({"detail": NOT_AUTHENTICATED if missing else NOT_ALLOWED}, status=401, headers=headers)
    error = to_domain_error(exc)
    if error.status >= 500 and not isinstance(exc, DomainError):
        logger.error("unplanned error", exc_info=exc)
    if isinstance(exc, exceptions.MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(exc, MalformedJson):
        fault = {"loc": ["body"], "msg": str(error.detail), "type": "value_error.jsondecode"}
        return Response({"detail": [fault]}, status=422)
    return Response({"detail": detail_of(error)}, status=error.status, headers=headers)


def detail_of(error: DomainError) -> Any:
    """One sentence, or the faults of a malformed request: where fields or lines failed, what is wrong with them."""
    if isinstance(error, Malformed):
        return error.detail
    return " ".join(dict.fromkeys(map(_text, error.errors))) or str(error.detail)


def _text(item: FieldError) -> str:
    return str(item.detail)

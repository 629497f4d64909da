"""RFC 9457 problem details: the one shape of every refusal of the API."""

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler
from rest_framework.views import set_rollback

from common.context import current
from common.errors import Conflict, DomainError, FieldError, Forbidden, Invalid, NotFound, TooLarge, Unavailable

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

# PostgreSQL: unique violation, exclusion violation: the last word of the database in a race.
_TAKEN = {"23505", "23P01"}
# PostgreSQL: serialization failure, deadlock, lock not available, statement cancelled by its time-out.
_BUSY = {"40001", "40P01", "55P03", "57014"}


def problem(error: DomainError) -> dict[str, Any]:
    """The body for a refusal. `type` names the code below `PROBLEM_BASE_URL`, a page of the docs."""
    body: dict[str, Any] = {
        "type": f"{settings.PROBLEM_BASE_URL}{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": str(error.detail),
        "code": error.code,
        "request_id": current().request_id,
        **error.extra,
    }
    if error.errors:
        body["errors"] = [
            {"field": item.field, "code": item.code, "detail": str(item.detail), **item.extra} for item in error.errors
        ]
    return body


def problem_response(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A refusal outside of DRF: middleware, unknown routes, the last resort."""
    response = JsonResponse(problem(error), status=error.status, content_type=CONTENT_TYPE)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Turn any exception of an API view into an answer; what nobody planned is logged and tells only its id."""
    error = to_domain_error(exc)
    if error.status >= 500 and not isinstance(exc, DomainError):
        logger.error("unplanned error", exc_info=exc)
    set_rollback()
    headers = {}
    if isinstance(exc, exceptions.APIException):
        original = drf_exception_handler(exc, dict(context))
        if original is not None:
            headers = {name: value for name, value in original.headers.items() if name.lower() != "content-type"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Response(problem(error), status=error.status, headers=headers, content_type=CONTENT_TYPE)


def to_domain_error(exc: Exception) -> DomainError:
    """The refusal that an exception stands for; the last resort is a 500 without details."""
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, exceptions.ValidationError):
        errors = list(_field_errors(exc.get_full_details()))
        codes = {error.code for error in errors}
        return Invalid(errors=errors, code=codes.pop() if len(codes) == 1 else None)
    if isinstance(exc, exceptions.APIException):
        return _from_api_exception(exc)
    if isinstance(exc, Http404):
        return NotFound()
    if isinstance(exc, PermissionDenied):
        return Forbidden()
    if isinstance(exc, RequestDataTooBig):
        return TooLarge()
    if isinstance(exc, SuspiciousOperation | UnreadablePostError):
        return malformed_request()
    if isinstance(exc, IntegrityError) and _is_taken(exc):
        return Conflict(_("Une opération simultanée a été plus rapide. Réessayez."), retry_after=1)
    # PostgreSQL refuses a number that is too large, SQLite's driver already knows none.
    if isinstance(exc, DataError | OverflowError):
        return Conflict(_("Une valeur dépasse ce qui peut être enregistré."), code="out_of_range")
    if isinstance(exc, OperationalError):
        if getattr(exc.__cause__, "sqlstate", None) in _BUSY or "database is locked" in str(exc):
            return Conflict(
                _("Une autre opération est en cours. Réessayez dans un instant."), code="busy", retry_after=1
            )
        return Unavailable(code="database_unavailable", retry_after=5)
    error = DomainError(
        _("Une erreur inattendue s'est produite. Indiquez le numéro de requête à l'assistance."), code="internal_error"
    )
    error.status = 500
    return error


def malformed_request() -> Invalid:
    """Too many form fields, a connection that broke off: nothing that a field could be blamed for."""
    return Invalid(_("La requête est mal formée."))


def _is_taken(error: IntegrityError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in _TAKEN or str(error).startswith("UNIQUE constraint failed")


_CODES = {400: "parse_error", 401: "not_authenticated", 404: "not_found"}


def _from_api_exception(exc: exceptions.APIException) -> DomainError:
    code = exc.get_codes() if isinstance(exc.detail, str) else None
    error = DomainError(exc.detail, code=str(code or _CODES.get(exc.status_code, "refused")))
    error.status = exc.status_code
    if isinstance(exc, exceptions.Throttled) and exc.wait is not None:
        error.retry_after = max(int(exc.wait), 1)
    return error


def _field_errors(details: Any, path: str = "") -> Iterable[FieldError]:
    """Flatten DRF's nested details into dotted paths: `lines.0.quantity`."""
    if _is_leaf(details):
        yield FieldError(path, str(details["code"]), details["message"])
    elif isinstance(details, dict):
        for name, value in details.items():
            if name == "non_field_errors":
                yield from _field_errors(value, path)
            else:
                yield from _field_errors(value, f"{path}.{name}" if path else str(name))
    elif isinstance(details, list):
        nested = not all(map(_is_leaf, details))
        for index, item in enumerate(details):
            yield from _field_errors(item, f"{path}.{index}" if nested and path else path)


def _is_leaf(details: Any) -> bool:
    """`{"message": text, "code": code}`; fields that are called so have lists or dicts below them."""
    return isinstance(details, dict) and set(details) == {"message", "code"} and isinstance(details["message"], str)


# Nothing happens there, so nothing has to be protected: without this a POST would be answered by Django's own page.
@csrf_exempt
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem_response(request, NotFound(_("Cette adresse n'existe pas. Le contrat est à /docs.")))


def server_error(request: HttpRequest) -> HttpResponse:
    return problem_response(request, to_domain_error(Exception()))


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem_response(request, malformed_request())

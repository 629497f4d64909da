"""What every old route shares."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from common.api.negotiation import AnyContent
from legacy import refusals
from legacy.authentication import LegacyAuthentication
from legacy.errors import exception_handler, not_allowed
from legacy.inputs import AnyBody
from legacy.schema import LegacySchema

ANYONE = "anyone"
SIGNED_IN = "signed in"
SAFE = ("GET", "HEAD", "OPTIONS")
# The first of January 2026, as RFC 9745 writes it.
DEPRECATED_SINCE = "@1767225600"


class Who(BasePermission):
    """Reads `who` of the view; staff are those who hold the permission that a method names, by whatever role."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = view.needs(request.method)
        if needed in (None, ANYONE):
            return True  # None: the method does not exist here, which is a 405 whoever asks.
        return bool(request.user.is_authenticated and (needed == SIGNED_IN or request.user.has_perms(needed.split())))


class LegacyView(APIView):
    """`who`: method → `ANYONE`, `SIGNED_IN`, or the permissions that it needs; `successor`: what replaces it."""

    authentication_classes = [LegacyAuthentication]
    permission_classes = [Who]
    parser_classes = [AnyBody]
    content_negotiation_class = AnyContent
    schema = LegacySchema()
    who: dict[str, str] = {}
    successor = "/docs"

    def needs(self, method: str | None) -> str | None:
        name = (method or "").lower()
        return self.who.get("get" if name == "head" else name)

    def is_public(self, method: str | None) -> bool:
        return self.needs(method) in (None, ANYONE)

    def get_exception_handler(self) -> Any:
        return exception_handler

    def permission_denied(self, request: Request, message: str | None = None, code: str | None = None) -> Any:
        if request.method not in SAFE and self.needs(request.method) != SIGNED_IN:
            refusals.note(request, refusals.NOT_STAFF)
        if request.user.is_authenticated:
            raise not_allowed()
        return super().permission_denied(request, message, code)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Deprecation"] = DEPRECATED_SINCE
        response.headers["Link"] = f'<{self.successor}>; rel="successor-version"'
        return response


def caller(request: Request) -> User:
    """Who is signed in, on a route that nobody else reaches."""
    if not isinstance(request.user, User):
        raise not_allowed()
    return request.user


def require_self_or(request: Request, user_id: int, permission: str) -> User:
    """The caller, who is this person or holds the permission; somebody else is refused, and that is an event."""
    by = caller(request)
    if by.pk != user_id and not by.has_perm(permission):
        if request.method not in SAFE:
            refusals.note(request, refusals.NOT_THEIRS, entity="user", entity_id=user_id)
        raise not_allowed()
    return by


def message(text: str) -> Response:
    return Response({"msg": text})

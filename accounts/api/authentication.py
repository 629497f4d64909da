import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from accounts.enums import Role
from accounts.exceptions import ReadOnly, SessionEnded, TokenNotValid
from accounts.models import User
from accounts.selectors import live_session
from accounts.tokens import ACCESS, MFA, InvalidToken, decode, is_for
from common.context import set_actor


@dataclass(frozen=True)
class AccessToken:
    """`request.auth`: which session the request belongs to, by its public id, and since when there is one."""

    family: uuid.UUID
    opened_at: datetime


class TokenAuthentication(BaseAuthentication):
    """A bearer token, one query for its user and its family: a session that has ended is 401 at once."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        token = _bearer_token(request)
        if token is None:
            return None
        try:
            claims = decode(token, ACCESS)
        except InvalidToken as error:
            raise _refused(TokenNotValid) from error
        session = live_session(claims)
        if session is None:
            raise _refused(SessionEnded)
        user, family = session
        set_actor("user", user.pk)
        refuse_writes(request, user)
        return user, AccessToken(family.public_id, family.created_at)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class EnrolmentAuthentication(TokenAuthentication):
    """An access token, or the `mfa_token` of somebody whose sign-in waits for a second factor.

    The latter is good until there is a factor, and dies with the sessions like every other token.
    """

    def authenticate(self, request: Request) -> tuple[User, AccessToken | None] | None:  # type: ignore[override]
        token = _bearer_token(request)
        try:
            claims = decode(token or "", MFA)
        except InvalidToken:
            return super().authenticate(request)
        user = User.objects.filter(pk=claims.user_id, is_active=True, mfa_enabled=False).first()
        if user is None or not is_for(claims, user):
            raise _refused(SessionEnded)
        set_actor("user", user.pk)
        return user, None


def refuse_writes(request: Request, user: User) -> None:
    """Raise `ReadOnly` (403) where somebody with `accounts.only_read` would change something by an unsafe method.

    Also what anybody may change of their own: an auditor's hand is found nowhere in what they audit. Views about one's
    own way in say so with `is_own_access`.
    """
    view = (request.parser_context or {}).get("view")
    if request.method in SAFE_METHODS or getattr(view, "is_own_access", False):
        return
    # A superuser would be found to hold this right too.
    if user.role == Role.STAFF and not user.is_superuser and user.has_perm("accounts.only_read"):
        raise ReadOnly


def _bearer_token(request: Request) -> str | None:
    kind, *rest = get_authorization_header(request).split() or [b""]
    if kind.lower() != b"bearer":
        return None
    if len(rest) != 1 or not rest[0].isascii():
        raise _refused(TokenNotValid)
    return rest[0].decode()


def _refused(reason: type[TokenNotValid] | type[SessionEnded]) -> exceptions.AuthenticationFailed:
    """The framework's own exception: it alone gets the `WWW-Authenticate` header."""
    return exceptions.AuthenticationFailed(reason.detail, code=reason.code)


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class EnrolmentScheme(TokenScheme):
    target_class = EnrolmentAuthentication
    name = "bearer_or_mfa_token"

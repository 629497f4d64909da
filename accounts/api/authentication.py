import uuid
from dataclasses import dataclass
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts.exceptions import SessionEnded, TokenNotValid
from accounts.models import User
from accounts.selectors import live_session
from accounts.tokens import ACCESS, InvalidToken, decode
from common.context import set_actor


@dataclass(frozen=True)
class AccessToken:
    """`request.auth`: which session the request belongs to, by its public id."""

    family: uuid.UUID


class TokenAuthentication(BaseAuthentication):
    """A bearer token, one query for its user and its family: a session that has ended is 401 at once."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        kind, *rest = get_authorization_header(request).split() or [b""]
        if kind.lower() != b"bearer":
            return None
        if len(rest) != 1:
            raise _refused(TokenNotValid)
        try:
            claims = decode(rest[0].decode("ascii"), ACCESS)
        except (InvalidToken, UnicodeDecodeError) as error:
            raise _refused(TokenNotValid) from error
        session = live_session(claims)
        if session is None:
            raise _refused(SessionEnded)
        user, family = session
        set_actor("user", user.pk)
        return user, AccessToken(family.public_id)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _refused(reason: type[TokenNotValid] | type[SessionEnded]) -> exceptions.AuthenticationFailed:
    """The framework's own exception: it alone gets the `WWW-Authenticate` header."""
    return exceptions.AuthenticationFailed(reason.detail, code=reason.code)


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

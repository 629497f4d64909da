from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from accounts.models import User
from accounts.selectors import user_of_token
from common.context import set_actor


class TokenAuthentication(JWTAuthentication):
    """A bearer token, one query for its user; a token older than the user's `token_version` is 401 at once."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        result = super().authenticate(request)
        if result is not None:
            set_actor("user", result[0].pk)
        return result

    def get_validated_token(self, raw_token: bytes) -> Token:
        try:
            return super().get_validated_token(raw_token)
        except InvalidToken as error:
            raise exceptions.AuthenticationFailed(
                _("Ce jeton n'est pas valable. Reconnectez-vous."), code="token_not_valid"
            ) from error

    def get_user(self, validated_token: Token) -> User:
        subject = str(validated_token.get("sub", ""))
        is_number = subject.isascii() and subject.isdigit() and len(subject) <= 18
        user = user_of_token(int(subject)) if is_number else None
        if user is None or not user.is_active or validated_token.get("ver") != user.token_version:
            raise exceptions.AuthenticationFailed(
                _("Votre session n'est plus valable. Reconnectez-vous."), code="session_ended"
            )
        return user


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = TokenAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

"""Access and refresh tokens with the claims of the API contract."""

from django.conf import settings
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.models import User


class Access(AccessToken):
    """`sub role type jti ver iat exp iss aud`; `ver` is the user's `token_version`, checked at every request."""


def tokens_for(user: User) -> dict[str, str | int]:
    """`{access_token, refresh_token, token_type, expires_in}`; `expires_in` in seconds."""
    refresh = RefreshToken.for_user(user)
    access = Access.for_user(user)
    for token in (refresh, access):
        token["ver"] = user.token_version
        token["role"] = user.role
    return {
        "access_token": str(access),
        "refresh_token": str(refresh),
        "token_type": "bearer",
        "expires_in": int(settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"].total_seconds()),
    }

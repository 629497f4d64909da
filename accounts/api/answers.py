"""What a sign-in and a refresh are answered: the pair in the body, the refresh token in a cookie as well."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import UserSerializer
from accounts.exceptions import TokenNotValid
from accounts.tokens import TokenPair
from common.errors import Forbidden


def session_answer(pair: TokenPair, *, with_user: bool = True, with_cookie: bool = True) -> Response:
    """`{access_token, refresh_token, token_type, expires_in}`, with `user` after a sign-in."""
    body: dict[str, Any] = {
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "token_type": "bearer",
        "expires_in": pair.expires_in,
    }
    if with_user:
        body["user"] = UserSerializer(pair.user).data
    response = Response(body, headers={"Cache-Control": "no-store"})
    if not with_cookie:
        return response
    response.set_cookie(
        settings.REFRESH_COOKIE_NAME,
        pair.refresh_token,
        max_age=pair.refresh_expires_in,
        path=settings.REFRESH_COOKIE_PATH,
        secure=settings.REFRESH_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def is_from_elsewhere(request: Request) -> bool:
    """Whether a browser says that a page of somebody else's sent this.

    A form needs no permission to come from there, and the cookie would sign the visitor in as whoever it named.
    """
    origin = request.headers.get("Origin")
    ours = {*settings.CORS_ALLOWED_ORIGINS, *settings.CSRF_TRUSTED_ORIGINS}
    return origin is not None and origin not in ours and origin.partition("://")[2] != request.get_host()


def signed_out_answer() -> Response:
    """204, and the browser forgets the refresh token."""
    response = Response(status=204)
    response.delete_cookie(settings.REFRESH_COOKIE_NAME, path=settings.REFRESH_COOKIE_PATH, samesite="Lax")
    return response


def refresh_token_of(request: Request, given: str | None) -> str:
    """The body's refresh token, else the cookie's.

    A cookie travels by itself: with it the request must carry `X-Requested-With`, which no form of another site can.
    """
    if given:
        return given
    cookie = request.COOKIES.get(settings.REFRESH_COOKIE_NAME)
    if not cookie:
        raise TokenNotValid
    if "X-Requested-With" not in request.headers:
        raise Forbidden(_("Ajoutez l'en-tête X-Requested-With."), code="requested_with_required")
    return cookie

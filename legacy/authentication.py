"""Bearers of the old sites: some send `Bearer token`, `Bearer null` or yesterday's, also where none is needed."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from accounts.api.authentication import AccessToken, TokenAuthentication, refuse_writes
from accounts.models import User
from accounts.selectors import live_session
from accounts.tokens import LEGACY, InvalidToken, decode
from common.context import set_actor


class LegacyAuthentication(BaseAuthentication):
    """A token of an old sign-in or of /api/v1/; on public routes one that is not good is as none at all."""

    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        view: Any = (request.parser_context or {}).get("view")
        try:
            return TokenAuthentication().authenticate(request)
        except APIException:
            session = _session(request)
            if session is not None or (view is not None and view.is_public(request.method)):
                return session
            raise

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _session(request: Request) -> tuple[User, AccessToken] | None:
    """What an old sign-in opened that skipped something: None for every other token."""
    kind, _space, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    try:
        claims = decode(token.strip() if kind.lower() == "bearer" else "", LEGACY)
    except InvalidToken:
        return None
    session = live_session(claims)
    if session is None:
        return None
    user, family = session
    set_actor("user", user.pk)
    refuse_writes(request, user)
    return user, AccessToken(family.public_id, family.created_at)

"""How a merchant lets us act for them: OAuth 2.0 codes and tokens, with PKCE (RFC 7636) where the channel has it."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from common.http import Answer
from marketplaces.channels.base import ChannelError, Outcome
from marketplaces.channels.calls import LONGEST_DETAIL, fields, sent, text, unclear

LONGEST_TOKEN = 8_000
_LONGEST_LIFE = 3 * 365 * 24 * 3600
# The grant itself is over; every other refusal is about us, and no merchant's fault.
GRANT_OVER = "invalid_grant"


@dataclass(frozen=True)
class Tokens:
    """What a token request gave; lifetimes are seconds. `refresh_token` is empty where the old one stays good."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(default="", repr=False)
    refresh_expires_in: int = 0


class OAuth(Protocol):
    """One channel's consent page and token endpoint. The two that call raise `ChannelError`: `REFUSED` with
    `invalid_grant` where the code or the refresh token is not, or no longer, good."""

    def consent_url(self, *, state: str, challenge: str) -> str:
        """Where the merchant's browser goes to agree."""

    def exchange(self, code: str, *, verifier: str) -> Tokens:
        """The first tokens for a code, which is then used up."""

    def refresh(self, refresh_token: str) -> Tokens:
        """A new access token; where the channel rotates, the refresh token that was given is then used up."""

    def account(self, tokens: Tokens) -> str:
        """The channel's number of the account or shop, empty where it has none that is needed."""


def new_verifier() -> str:
    return secrets.token_urlsafe(48)


def challenge_of(verifier: str) -> str:
    """The S256 challenge."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def asked(call: Callable[[], Answer], *, refresh_life: int) -> Tokens:
    """The tokens of a token endpoint's answer; `refresh_life` (seconds) where it names none. Raises `ChannelError`."""
    answer = sent(call, reads=False)
    if answer.status >= 400:
        body = answer.body if isinstance(answer.body, dict) else {}
        error = text(body.get("error"), 60) or f"http_{answer.status}"
        raise ChannelError(Outcome.REFUSED, error, text(body.get("error_description"), LONGEST_DETAIL))
    return _tokens(fields(answer.body, reads=False), refresh_life)


def _tokens(body: Mapping[str, Any], refresh_life: int) -> Tokens:
    access, refresh = (text(body.get(name), LONGEST_TOKEN) for name in ("access_token", "refresh_token"))
    life, own_life = body.get("expires_in"), body.get("refresh_token_expires_in")
    if not access or type(life) is not int or life < 1:
        raise unclear("no tokens", reads=False)
    life_of_refresh = own_life if type(own_life) is int and own_life > 0 else refresh_life
    return Tokens(access, min(life, _LONGEST_LIFE), refresh, min(life_of_refresh, _LONGEST_LIFE) if refresh else 0)

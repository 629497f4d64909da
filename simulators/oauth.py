"""The books of an OAuth 2.0 authorisation server: codes, access tokens and refresh tokens of sellers' accounts."""

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

CODE_SECONDS = 300.0


class OAuthRefusal(Exception):
    """A token request that is refused: `error` is one of RFC 6749's codes."""

    def __init__(self, error: str, description: str):
        self.error, self.description = error, description
        super().__init__(description)


@dataclass(slots=True)
class Code:
    """An authorisation code: good once, for the redirect URI and the challenge it was made for."""

    account: str
    scopes: frozenset[str]
    redirect_uri: str
    challenge: str
    ends: float


@dataclass(slots=True)
class Token:
    account: str
    scopes: frozenset[str]
    ends: float


@dataclass(frozen=True, slots=True)
class Pair:
    """What a token request gives; `refresh_token` is empty where the old one stays good. Lifetimes are seconds."""

    account: str
    access_token: str
    expires_in: int
    refresh_token: str = ""
    refresh_expires_in: int = 0


@dataclass(slots=True)
class Grants:
    """Who was given what. `prefix` goes before tokens, by account; times are seconds of `clock`."""

    prefix: Callable[[str], str] = lambda account: ""
    clock: Callable[[], float] = time.time
    codes: dict[str, Code] = field(default_factory=dict)
    access: dict[str, Token] = field(default_factory=dict)
    refresh: dict[str, Token] = field(default_factory=dict)

    def authorise(self, account: str, *, scopes: frozenset[str], redirect_uri: str, challenge: str = "") -> str:
        """The seller agreed: a code for the caller's redirect."""
        code = secrets.token_urlsafe(24)
        self.codes[code] = Code(account, scopes, redirect_uri, challenge, self.clock() + CODE_SECONDS)
        return code

    def exchange(self, code: str, *, redirect_uri: str, verifier: str = "", lives: tuple[float, float]) -> Pair:
        """A pair for a code, which is then used up. `lives` of access and refresh token. Raises OAuthRefusal."""
        found = self.codes.pop(code, None)
        if found is None or found.ends <= self.clock():
            raise OAuthRefusal("invalid_grant", "the authorization code is unknown, used or expired")
        if found.redirect_uri != redirect_uri:
            raise OAuthRefusal("invalid_grant", "redirect_uri is not the one of the authorization request")
        if found.challenge and found.challenge != s256(verifier):
            raise OAuthRefusal("invalid_grant", "code_verifier does not fit the code_challenge")
        return self.pair(found.account, found.scopes, lives=lives)

    def renew(
        self, refresh_token: str, *, lives: tuple[float, float], rotate: bool, scopes: frozenset[str] | None = None
    ) -> Pair:
        """A new access token, with `rotate` also a new refresh token: the old one is then refused for ever."""
        found = self.refresh.get(refresh_token)
        if found is None or found.ends <= self.clock():
            raise OAuthRefusal("invalid_grant", "the refresh token is unknown, used, revoked or expired")
        if scopes is not None and not scopes <= found.scopes:
            raise OAuthRefusal("invalid_scope", "more was asked for than the seller has agreed to")
        if rotate:
            del self.refresh[refresh_token]
            return self.pair(found.account, found.scopes, lives=lives)
        return self._access(found.account, scopes or found.scopes, lives[0])

    def pair(self, account: str, scopes: frozenset[str], *, lives: tuple[float, float]) -> Pair:
        """Access and refresh token of an account, as a consent gives them."""
        pair = self._access(account, scopes, lives[0])
        refresh_token = self._name(account)
        self.refresh[refresh_token] = Token(account, scopes, self.clock() + lives[1])
        return Pair(account, pair.access_token, pair.expires_in, refresh_token, round(lives[1]))

    def bearer(self, header: str) -> Token | None:
        """The live token of an `Authorization: Bearer …` header."""
        scheme, _, token = header.partition(" ")
        found = self.access.get(token.strip()) if scheme.lower() == "bearer" else None
        return found if found and found.ends > self.clock() else None

    def expire(self, account: str, *, refresh: bool) -> int:
        """End an account's access tokens, with `refresh` its refresh tokens as well; how many ended."""
        books = [self.access, self.refresh] if refresh else [self.access]
        ended = 0
        for book in books:
            for name in [name for name, token in book.items() if token.account == account]:
                del book[name]
                ended += 1
        return ended

    def clear(self) -> None:
        for book in (self.codes, self.access, self.refresh):
            book.clear()

    def _access(self, account: str, scopes: frozenset[str], seconds: float) -> Pair:
        token = self._name(account)
        self.access[token] = Token(account, scopes, self.clock() + seconds)
        return Pair(account, token, round(seconds))

    def _name(self, account: str) -> str:
        return self.prefix(account) + secrets.token_urlsafe(24)


def s256(verifier: str) -> str:
    """The code challenge of a verifier (RFC 7636)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

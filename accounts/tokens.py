"""Access and refresh tokens with the claims of the API contract.

A pair is a function of its family's row and the user's: who may repeat a refresh gets the very same pair again, and
nothing of it is stored.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.keys import DeterministicES256, signing_key, verifying_key
from accounts.models import TokenFamily, User

# `mfa` opens the enrolment of a second factor and nothing else; `legacy` the old routes only: a sign-in there may have
# skipped what this API asks.
ACCESS, REFRESH, MFA, LEGACY = "access", "refresh", "mfa", "legacy"

_REQUIRED = ["sub", "type", "jti", "ver", "iat", "exp", "iss", "aud"]
_MOST_CHARACTERS = 4096
# Clocks of two machines differ; more than this is no clock.
_CLOCKS_DIFFER = timedelta(seconds=60)

_signer = jwt.PyJWS(algorithms=["HS256", "RS256"])
_signer.register_algorithm("ES256", DeterministicES256())


class InvalidToken(Exception):
    """No token of ours, or not one of this type, or no longer."""


@dataclass(frozen=True)
class Claims:
    """What a token says, verified; `family` and `counter` where its type has them. Rights are never read from it.

    `password` is the mark of the password that an `mfa` token was given for (`issue_enrolment`).
    """

    user_id: int
    version: int
    family: uuid.UUID | None
    counter: int | None
    password: str = ""


@dataclass(frozen=True)
class TokenPair:
    """`expires_in`: seconds the access token lives; `refresh_expires_in`: the refresh token."""

    user: User
    access_token: str
    refresh_token: str
    expires_in: int
    refresh_expires_in: int


def issue_pair(user: User, family: TokenFamily) -> TokenPair:
    """The pair of the family's present counter."""
    jti = f"{family.public_id.hex}{family.counter}"
    common: dict[str, Any] = {
        "role": user.role,
        "fam": str(family.public_id),
        "iat": int(family.refreshed_at.timestamp()),
    }
    access = encode(user, ACCESS, settings.ACCESS_TOKEN_LIFETIME, jti=f"a{jti}", **common)
    refresh = encode(user, REFRESH, settings.REFRESH_TOKEN_LIFETIME, jti=f"r{jti}", ctr=family.counter, **common)
    return TokenPair(
        user,
        access,
        refresh,
        int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        int(settings.REFRESH_TOKEN_LIFETIME.total_seconds()),
    )


def issue_single(user: User, family: TokenFamily, *, kind: str) -> str:
    """One token of that kind, good until the family expires, for a client that never refreshes."""
    return encode(
        user,
        kind,
        family.expires_at - family.refreshed_at,
        jti=f"a{family.public_id.hex}{family.counter}",
        iat=int(family.refreshed_at.timestamp()),
        role=user.role,
        fam=str(family.public_id),
    )


def issue_enrolment(user: User, lifetime: timedelta) -> str:
    """For who knows the password and has no factor yet. Good for that password: its change keeps the version where it
    keeps a session.
    """
    return encode(user, MFA, lifetime, pwd=_mark_of_password(user))


def is_for(claims: Claims, user: User) -> bool:
    """Whether an `mfa` token was given for the user's password and version as they are now."""
    return claims.version == user.token_version and constant_time_compare(claims.password, _mark_of_password(user))


def _mark_of_password(user: User) -> str:
    return salted_hmac("accounts.tokens.password", user.password, algorithm="sha256").hexdigest()[:32]


def encode(user: User, kind: str, lifetime: timedelta, *, jti: str = "", iat: int | None = None, **claims: Any) -> str:
    """A signed token of the user's present `token_version`; `iat` in seconds since 1970, now by default."""
    issued = int(timezone.now().timestamp()) if iat is None else iat
    key = signing_key()
    payload = {
        "sub": str(user.pk),
        "type": kind,
        "jti": jti or uuid.uuid4().hex,
        "ver": user.token_version,
        "iat": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "iss": settings.JWT_ISSUER,
        "aud": settings.JWT_AUDIENCE,
        **claims,
    }
    body = json.dumps(payload, separators=(",", ":")).encode()
    return _signer.encode(body, key.private, algorithm=key.algorithm, headers={"kid": key.id})


def decode(token: str, kind: str) -> Claims:
    """The claims of a token of that type. Raises `InvalidToken`, whatever is wrong with it."""
    if len(token) > _MOST_CHARACTERS:
        raise InvalidToken
    try:
        key = verifying_key(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise InvalidToken
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[key.algorithm],
            audience=settings.JWT_AUDIENCE,
            issuer=settings.JWT_ISSUER,
            options={"require": _REQUIRED, "strict_aud": True, "verify_iat": False},
        )
        return _read(claims, kind)
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as error:
        raise InvalidToken from error


def _read(claims: dict[str, Any], kind: str) -> Claims:
    if claims["type"] != kind:
        raise InvalidToken
    latest = timezone.now() + _CLOCKS_DIFFER
    if type(claims["iat"]) is not int or claims["iat"] > latest.timestamp():
        raise InvalidToken
    subject = claims["sub"]
    if not (subject.isascii() and subject.isdigit() and len(subject) <= 18):
        raise InvalidToken
    family, counter = claims.get("fam"), claims.get("ctr")
    if kind in (ACCESS, REFRESH, LEGACY) and not isinstance(family, str):
        raise InvalidToken
    if kind == REFRESH and type(counter) is not int:
        raise InvalidToken
    if type(claims["ver"]) is not int:
        raise InvalidToken
    return Claims(
        int(subject),
        claims["ver"],
        uuid.UUID(family) if family is not None else None,
        counter,
        str(claims.get("pwd", "")),
    )

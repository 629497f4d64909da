"""Time-based one-time passwords (RFC 6238) as every authenticator application makes them: SHA-1, 6 digits, 30 s."""

import base64
import hmac
import secrets
from urllib.parse import quote, urlencode

DIGITS = 6
STEP_SECONDS = 30
# The clocks of phones differ: one step before and one after are taken as well.
DRIFT_STEPS = 1
_SECRET_BYTES = 20


def new_secret() -> bytes:
    """160 random bits, as long as the hash (RFC 4226, section 4)."""
    return secrets.token_bytes(_SECRET_BYTES)


def step_at(timestamp: float) -> int:
    """The number of the time step of a time in seconds since 1970."""
    return int(timestamp) // STEP_SECONDS


def code_of(secret: bytes, step: int) -> str:
    """The six digits of one time step (RFC 4226, section 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def matching_step(secret: bytes, code: str, *, now: float) -> int | None:
    """The latest time step around `now` (seconds since 1970) that `code` belongs to, None where there is none."""
    steps = range(step_at(now) - DRIFT_STEPS, step_at(now) + DRIFT_STEPS + 1)
    given = code.encode("utf-8", "surrogateescape")
    # All are compared, so that the time taken tells nothing.
    matching = [step for step in steps if hmac.compare_digest(code_of(secret, step).encode(), given)]
    return max(matching, default=None)


def as_text(secret: bytes) -> str:
    """The secret as people type it into their application: base 32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def otpauth_uri(secret: bytes, *, issuer: str, account: str) -> str:
    """What the QR code says (Google's key URI format)."""
    label = quote(f"{issuer}:{account}", safe="@:")
    query = urlencode(
        {
            "secret": as_text(secret),
            "issuer": issuer,
            "algorithm": "SHA1",
            "digits": DIGITS,
            "period": STEP_SECONDS,
        },
        quote_via=quote,
    )
    return f"otpauth://totp/{label}?{query}"

"""MyPayGa on the wire: paths, field names, signatures. No decision is taken here."""

import hashlib
import hmac
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings

from common.http import Answer, Client

# The order matters and there is no separator between the fields.
_SIGNED = (
    "order_status",
    "unique_id",
    "amount",
    "payment_token",
    "payment_method",
    "message",
    "client_phone",
)


@cache
def _client(url: str) -> Client:
    return Client(
        "mypayga",
        url,
        connect=settings.PROVIDER_CONNECT_SECONDS,
        read=settings.PROVIDER_READ_SECONDS,
        deadline=settings.PROVIDER_DEADLINE_SECONDS,
    )


def client() -> Client:
    """One pooled client per process and address."""
    return _client(settings.MYPAYGA_URL)


def post_payment(body: Mapping[str, Any], *, deadline: float) -> Answer:
    return client().post(settings.MYPAYGA_PAYMENT_PATH, {"apikey": settings.MYPAYGA_API_KEY, **body}, deadline=deadline)


def get_verify(payment_token: str) -> Answer:
    return client().get(
        settings.MYPAYGA_VERIFY_PATH, {"apikey": settings.MYPAYGA_API_KEY, "payment_token": payment_token}
    )


def get_network(national_phone: str, *, deadline: float) -> Answer:
    """The network that serves a phone (nine digits, leading 0)."""
    return client().get(
        settings.MYPAYGA_NETWORK_PATH,
        {
            "apikey": settings.MYPAYGA_API_KEY,
            "tel_number": national_phone,
            "country": "GA",
            "type": "mobile_money",
        },
        deadline=deadline,
    )


def signature(fields: Mapping[str, Any], secret: str) -> str:
    """hex(HMAC-SHA512) over the concatenated fields; a missing one counts as empty."""
    text = "".join("" if fields.get(name) is None else str(fields[name]) for name in _SIGNED)
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def signature_fits(fields: Mapping[str, Any], secret: str) -> bool:
    """Constant-time comparison; the gateway writes hex in either case."""
    given = str(fields.get("hash") or "").lower()
    return given.isascii() and hmac.compare_digest(given, signature(fields, secret))

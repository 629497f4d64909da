"""Reading what gateways send: every value may be of any type, of any length, or missing."""

from typing import Any

from django.conf import settings

from payments.enums import Network

LONGEST_ID = 128
LONGEST_URL = 500

# National prefixes of Gabon's networks (nine digits, leading 0).
PREFIXES = {
    "074": Network.AIRTEL,
    "076": Network.AIRTEL,
    "077": Network.AIRTEL,
    "060": Network.MOOV,
    "062": Network.MOOV,
    "065": Network.MOOV,
    "066": Network.MOOV,
}


def text(value: Any) -> str:
    """A field as text that every database can store: what a gateway sends must never stop us from writing it down."""
    return "" if value is None else str(value).replace("\x00", "").encode("utf-8", "ignore").decode()


def identifier(value: Any) -> str:
    """The gateway's name for a payment; a part of one would name nothing."""
    name = text(value) if isinstance(value, str | int) else ""
    return name if len(name) <= LONGEST_ID else ""


def page_url(value: Any) -> str:
    """A page the customer may be sent to, or nothing."""
    url = text(value)
    safe = url.startswith(("https://", "http://") if settings.DEBUG else "https://") and len(url) <= LONGEST_URL
    return url if safe else ""


def whole_amount(value: Any) -> int | None:
    """Whole francs, or None: `"5000"` and 5000, but never 5000.5 or "5e3"."""
    digits = str(value).strip() if type(value) in (int, str) else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 15 else None

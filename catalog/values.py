"""Codes and prices as other systems and spreadsheets write them."""

import re
from typing import Any

_BLANKS = re.compile(r"[\s\u00a0\u202f']+")
_CURRENCY = re.compile(r"(?i)(?:f\s?cfa|xaf|cfa|francs?|f)\.?$")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{3})+")
_DECIMALS = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,2}))?")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,12}")
# What a product in francs can cost; more is a code in the wrong column.
_DEAREST = 1_000_000_000


def cip13(value: Any) -> str | None:
    """A CIP of 7 or 13 digits as 13 digits (`34009`, the CIP7, an EAN-13 check digit); None for anything else."""
    text = bare(value)
    if not text.isascii() or not text.isdigit() or len(text) not in (7, 13):
        return None
    if len(text) == 13:
        return text
    twelve = f"34009{text}"
    odd, even = sum(map(int, twelve[::2])), sum(map(int, twelve[1::2]))
    return f"{twelve}{-(odd + 3 * even) % 10}"


def product_code(value: Any) -> str | None:
    """A product's code: a CIP, or a house code of up to 13 letters, digits and hyphens; None for anything else."""
    text = bare(value)
    return cip13(text) or (text if _CODE.fullmatch(text) else None)


def bare(value: Any) -> str:
    """The value as text without blanks; spreadsheets turn codes into numbers (`3400930000001.0`)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _BLANKS.sub("", "" if value is None or isinstance(value, bool) else str(value)).removesuffix(".0")


def price_in_francs(value: Any) -> int | None:
    """Whole francs: `1500`, `"1 500 FCFA"`, `"1.500"`, `"1500,00"`; None for nothing and for zero.

    Raises ValueError for what is no price.
    """
    text = _CURRENCY.sub("", _BLANKS.sub("", "" if value is None else str(value)))
    if not text:
        return None
    if _THOUSANDS.fullmatch(text):
        francs = int(re.sub("[.,]", "", text))
    elif (found := _DECIMALS.fullmatch(text)) and not isinstance(value, bool):
        # Half a franc and more is the next one.
        francs = int(found[1]) + (int((found[2] or "0").ljust(2, "0")) >= 50)
    else:
        raise ValueError(f"price {str(value)[:40]!r} cannot be read")
    if francs > _DEAREST:
        raise ValueError(f"price {str(value)[:40]!r} cannot be meant")
    return francs or None


def quantity(value: Any) -> int | None:
    """Whole boxes; None for nothing. Raises ValueError for what is no quantity."""
    text = bare(value)
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,7}", text):
        raise ValueError(f"quantity {str(value)[:40]!r} cannot be read")
    return int(text)

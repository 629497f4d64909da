"""From the house's currency to a channel's, without a float in between.

A price is the merchant's, in whole XAF; a channel sells in the currency of its market. The rate is a setting, because
the house sets prices and does not trade: `CHANNEL_RATES` says how much of the house's currency one unit of another is
worth, and the connection of a merchant may have a `rate` of its own. What comes out is rounded half up to the smallest
unit of the channel's currency. What was sold is written down in the currency in which it was sold.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from django.conf import settings

from common.money import MAX_AMOUNT
from marketplaces.channels.base import Amount, ChannelError, Outcome

# Currencies without decimals (ISO 4217); all others here have two.
_WHOLE = frozenset({"XAF", "XOF", "XPF", "JPY", "KRW"})


def digits(currency: str) -> int:
    """Decimals of a currency."""
    return 0 if currency in _WHOLE else 2


def converted(price: Amount, *, to: str, rate: str = "") -> Amount:
    """The price in another currency, at least its smallest unit; `rate`, where given, is the merchant's own: units of
    the price's currency for one of the other. Raises `ChannelError` (`rate_missing`)."""
    if price.currency == to:
        return price
    per_unit = _positive(rate) if rate else _house_rate(to) / _house_rate(price.currency)
    try:
        major = Decimal(price.minor).scaleb(-digits(price.currency)) / per_unit
        minor = major.scaleb(digits(to)).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    except ArithmeticError as error:
        raise ChannelError(Outcome.REFUSED, "rate_missing", "no price comes out at this rate") from error
    return Amount(max(1, int(minor)), to)


def as_text(amount: Amount) -> str:
    """`19.06`, as channels write it that take amounts as texts."""
    return str(Decimal(amount.minor).scaleb(-digits(amount.currency)))


def as_number(amount: Amount) -> int | float:
    """A JSON number, for channels that take nothing else: written, it is exactly the decimal."""
    text = as_text(amount)
    return float(text) if "." in text else int(text)


def from_text(value: Any, currency: Any) -> Amount | None:
    """`"19.06"` and a code as an amount; None where that is not what it is."""
    if not isinstance(value, str) or not isinstance(currency, str) or len(currency) != 3:
        return None
    try:
        minor = Decimal(value).scaleb(digits(currency))
    except ArithmeticError:
        # Also `1E+999999`, which is a number and overflows.
        return None
    if not minor.is_finite() or not 0 <= minor <= MAX_AMOUNT or minor != minor.to_integral_value():
        return None
    return Amount(int(minor), currency)


def from_parts(value: Any) -> Amount | None:
    """`{amount, divisor, currency_code}` as an amount; None where that is not what it is."""
    if not isinstance(value, Mapping):
        return None
    amount, divisor, currency = (value.get(name) for name in ("amount", "divisor", "currency_code"))
    if type(amount) is not int or type(divisor) is not int or divisor < 1:
        return None
    return from_text(str(Decimal(amount) / divisor), currency)


def _house_rate(currency: str) -> Decimal:
    if currency == settings.CURRENCY:
        return Decimal(1)
    rate: Decimal | None = settings.CHANNEL_RATES.get(currency)
    if rate is None:
        raise ChannelError(Outcome.REFUSED, "rate_missing", f"CHANNEL_RATES names no rate for {currency}")
    return rate


def _positive(rate: str) -> Decimal:
    try:
        value = Decimal(rate)
    except InvalidOperation:
        value = Decimal(0)
    if not value.is_finite() or value <= 0:
        raise ChannelError(Outcome.REFUSED, "rate_missing", "the connection's rate is no positive number")
    return value

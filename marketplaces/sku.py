"""The stock keeping unit of an item: the same for ever, so that a listing of unknown outcome can be found again."""

import uuid

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PREFIX = "TTM"
# 36 ** 25 > 2 ** 128
_LENGTH = 25


def sku_for(public_id: uuid.UUID) -> str:
    """28 upper-case letters and digits, one text for one item: eBay takes 50 alphanumerics, Etsy 32 characters."""
    number, digits = public_id.int, ""
    for _position in range(_LENGTH):
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return _PREFIX + digits

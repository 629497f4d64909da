"""Phone numbers in E.164, whatever way people write them; Gabon's plan before and after 2019."""

import phonenumbers
from django.utils.translation import gettext_lazy as _

from common.errors import Invalid

GABON = "GA"
_GABON_CODE, _GABON_DIGITS = 241, 8
# Eight-digit numbers of the plan before 2019 and what they became (ARCEP Gabon).
_OLD_PLAN = {"01": "011", "02": "062", "04": "074", "05": "065", "06": "066", "07": "077"}


class InvalidPhone(Invalid):
    code = "invalid_phone"
    detail = _("Ce numéro de téléphone n'est pas valide. Exemple : 077 12 34 56.")


def to_e164(raw: str, *, region: str = GABON) -> str:
    """`077 12 34 56`, `07123456` (old plan), `+241 07 12 34 56`, `241 77123456` → `+24177123456`.

    Raises `InvalidPhone` for anything that is no valid number of its country.
    """
    text = raw.strip()
    digits = "".join(character for character in text if character.isdigit() and character.isascii())
    if region == GABON and (not text.startswith("+") or digits.startswith("241")):
        if digits.startswith("00241"):
            digits = digits[5:]
        elif digits.startswith("241") and len(digits) in (11, 12):
            digits = digits[3:]
        if len(digits) == 8 and digits[:2] in _OLD_PLAN:
            digits = _OLD_PLAN[digits[:2]] + digits[2:]
        text = digits
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise InvalidPhone from error
    if not phonenumbers.is_valid_number(number):
        raise InvalidPhone
    # Landlines of seven digits are still valid to the library; padded for a gateway one would be somebody else's.
    if number.country_code == _GABON_CODE and len(phonenumbers.national_significant_number(number)) != _GABON_DIGITS:
        raise InvalidPhone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def country_of(e164: str) -> str | None:
    """ISO 3166 code of the number's country, or None where the number plan does not say."""
    return phonenumbers.region_code_for_number(phonenumbers.parse(e164))


def to_national(e164: str) -> str:
    """`+24177123456` → `077123456`, as Gabonese gateways want it."""
    return phonenumbers.national_significant_number(phonenumbers.parse(e164)).rjust(9, "0")


def mask(e164: str) -> str:
    """`+24177123456` → `+241•••••456`: enough to recognise one's own number, not enough to call it."""
    return f"{e164[:4]}{'•' * max(len(e164) - 7, 0)}{e164[-3:]}" if e164 else ""

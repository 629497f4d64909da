"""What old columns hold, as values that the new ones take."""

import ipaddress
import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.emails import MAX_LENGTH, normalize_email
from common.phones import InvalidPhone, to_e164
from legacy.importing.source import OldUser

_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
NOWHERE = "import.invalid"


def whole(text: str | None) -> tuple[int | None, bool]:
    """A number that was a double, as a whole one rounded half up, and whether it had decimals; None for no number."""
    try:
        number = Decimal(text or "")
    except InvalidOperation:
        return None, False
    if not number.is_finite():
        return None, False
    rounded = int(number.quantize(Decimal(1), rounding=ROUND_HALF_UP)) if abs(number) < Decimal(10) ** 20 else None
    return rounded, rounded is not None and rounded != number


def stored_hash(password: str | None) -> str | None:
    """An old hash as `accounts.hashers` reads it; None where it is none of bcrypt's."""
    return f"bcrypt_passlib${password}" if password and _BCRYPT.fullmatch(password) else None


def address_of(email: str | None) -> str | None:
    """The address in our spelling; None where it is none. Raises nothing."""
    address = normalize_email(email or "")
    if len(address) > MAX_LENGTH or address.endswith(".invalid"):
        return None
    try:
        validate_email(address)
    except ValidationError:
        return None
    return address


def stand_in(user: OldUser) -> str:
    """An address under which nobody can be reached, for who has none of their own."""
    return f"old-{user.id}@{NOWHERE}"


def phone_of(text: str | None) -> str | None:
    """E.164; empty for none; None where it is no number. The plan before 2019 is renumbered."""
    if not (text or "").strip():
        return ""
    try:
        return to_e164(text or "")
    except InvalidPhone:
        return None


@lru_cache(maxsize=10_000)
def ip_of(text: str | None) -> str | None:
    """The address; empty for none; None where it is none."""
    if not (text or "").strip():
        return ""
    try:
        return str(ipaddress.ip_address((text or "").strip()))
    except ValueError:
        return None

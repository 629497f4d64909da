"""One spelling for an e-mail address, so that it names one person; and the domain that is nobody's."""

import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from accounts.exceptions import EmailReserved
from common.errors import FieldError

MAX_LENGTH = 254
# Where the addresses of those are who were erased. It is never given to anybody who lives.
NOBODY = "nobody.invalid"


def normalize_email(email: str) -> str:
    """NFC and casefold, without surrounding space: `Marie@Example.ORG ` → `marie@example.org`."""
    return unicodedata.normalize("NFC", email.strip()).casefold()


def validate_length(email: str) -> None:
    """Refuse what only becomes too long as it is stored: case folding makes up to three letters of one.

    Raises `django.core.exceptions.ValidationError` with the code `max_length`.
    """
    if len(email) <= MAX_LENGTH:
        MaxLengthValidator(MAX_LENGTH)(normalize_email(email))


def is_reserved(email: str) -> bool:
    """Whether an address, in any spelling, is at the domain of those who were erased."""
    return normalize_email(email).endswith(f"@{NOBODY}")


def validate_address(email: str) -> None:
    """For forms and serializers where somebody gives an address: `validate_length`, and none that is reserved.

    Raises `django.core.exceptions.ValidationError` with the code `max_length` or `email_reserved`.
    """
    validate_length(email)
    if is_reserved(email):
        raise ValidationError(EmailReserved.detail, code=EmailReserved.code)


def given_address(email: str) -> str:
    """The stored spelling of an address that somebody is to have. Raises `EmailReserved` (400)."""
    if is_reserved(email):
        raise EmailReserved(errors=[FieldError("email", EmailReserved.code, EmailReserved.detail)])
    return normalize_email(email)

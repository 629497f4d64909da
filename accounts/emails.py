"""One spelling for an e-mail address, so that it names one person."""

import unicodedata

from django.core.validators import MaxLengthValidator

MAX_LENGTH = 254


def normalize_email(email: str) -> str:
    """NFC and casefold, without surrounding space: `Marie@Example.ORG ` → `marie@example.org`."""
    return unicodedata.normalize("NFC", email.strip()).casefold()


def validate_length(email: str) -> None:
    """Refuse what only becomes too long as it is stored: case folding makes up to three letters of one.

    Raises `django.core.exceptions.ValidationError` with the code `max_length`.
    """
    if len(email) <= MAX_LENGTH:
        MaxLengthValidator(MAX_LENGTH)(normalize_email(email))

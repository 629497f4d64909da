"""One spelling for an e-mail address, so that it names one person."""

import unicodedata


def normalize_email(email: str) -> str:
    """NFC and casefold, without surrounding space: `Marie@Example.ORG ` → `marie@example.org`."""
    return unicodedata.normalize("NFC", email.strip()).casefold()

"""What a search term looks like: each shape is looked up in the one column that has an index for it."""

import uuid

from django.conf import settings
from django.db.models import Q

from common.phones import InvalidPhone, to_e164


def as_uuid(term: str) -> uuid.UUID | None:
    """The UUID that a term spells, with or without its dashes."""
    try:
        return uuid.UUID(term)
    except ValueError:
        return None


def phone_condition(term: str, field: str) -> Q | None:
    """Rows whose `field` (E.164) is the number a term spells in any way, or contains its four or more digits.

    None for a term that is no number at all.
    """
    digits = "".join(character for character in term if character.isdigit())
    if not digits or any(character.isalpha() for character in term):
        return None
    try:
        return Q(**{field: to_e164(term, region=settings.PHONE_REGION)})
    except InvalidPhone:
        return Q(**{f"{field}__contains": digits.lstrip("0")}) if len(digits) >= 4 else None

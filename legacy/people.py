"""The old names of a person's fields, and the words in which the sites are told what is wrong with them."""

from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet

from accounts.emails import NOBODY
from accounts.models import User
from common.phones import to_e164
from legacy.errors import Refused
from legacy.inputs import Fields

TAKEN = "Utilisateur déjà existant"
UNKNOWN = "Utilisateur inexistant"
_NAMES = {"firstname": "first_name", "lastname": "last_name"}


def living() -> QuerySet[User]:
    """Everybody who was not erased."""
    return User.objects.exclude(email__endswith=f"@{NOBODY}")


def find_person(user_id: int) -> User:
    """Raises `Refused` (404) for who is not there, or not any more."""
    person = living().filter(pk=user_id).first()
    if person is None:
        raise Refused(404, UNKNOWN)
    return person


def personal_fields(given: Fields, *, is_new: bool = False) -> dict[str, Any]:
    """Names, e-mail and phone (E.164) under their own names; what is missing stays out.

    Raises `Malformed` with all that cannot be read, `Refused` (400) for an address, a name or a phone that cannot be.
    """
    texts = {
        "firstname": given.text("firstname", most=150),
        "lastname": given.text("lastname", required=is_new, most=150),
        "email": given.text("email", required=is_new, most=254),
        "phone": given.text("phone", most=32),
    }
    given.check()
    fields = {_NAMES.get(name, name): text.strip() for name, text in texts.items() if text is not None}
    if fields.get("last_name") == "":
        raise Refused(400, "Le nom est obligatoire")
    if "email" in fields:
        _require_email(fields["email"])
    if fields.get("phone"):
        fields["phone"] = to_e164(fields["phone"], region=settings.PHONE_REGION)
    return fields


def required_password(password: str) -> str:
    """The password, where the rules allow it. Raises `Refused` (400) with every rule that it breaks."""
    try:
        validate_password(password)
    except ValidationError as error:
        raise Refused(400, " ".join(error.messages)) from error
    return password


def allowed_password(password: str) -> str | None:
    """The password, or None where the rules refuse it."""
    try:
        validate_password(password)
    except ValidationError:
        return None
    return password


def _require_email(email: str) -> None:
    try:
        validate_email(email)
    except ValidationError as error:
        raise Refused(400, "L'adresse e-mail est obligatoire et doit être valide") from error

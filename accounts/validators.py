"""Rules for passwords that Django does not have, in `AUTH_PASSWORD_VALIDATORS`."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class UpperCaseValidator:
    """At least one upper case letter, of any script."""

    def validate(self, password: str, user: object = None) -> None:
        if not any(character.isupper() for character in password):
            raise ValidationError(self.get_help_text(), code="password_no_upper_case")

    def get_help_text(self) -> str:
        return _("Votre mot de passe doit contenir au moins une majuscule.")


class DigitValidator:
    """At least one digit."""

    def validate(self, password: str, user: object = None) -> None:
        if not any(character.isdigit() for character in password):
            raise ValidationError(self.get_help_text(), code="password_no_digit")

    def get_help_text(self) -> str:
        return _("Votre mot de passe doit contenir au moins un chiffre.")


class MaximumLengthValidator:
    """Not so long that hashing it is work."""

    def __init__(self, max_length: int = 256) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: object = None) -> None:
        if len(password) > self.max_length:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return _("Votre mot de passe ne peut pas dépasser %(max)d caractères.") % {"max": self.max_length}

"""Input serializers that refuse what they do not know."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail


class StrictIntegerField(serializers.IntegerField):
    """A JSON number without a fraction; no strings, no booleans, no `1e3`."""

    default_error_messages = {"invalid": _("Un nombre entier est attendu.")}

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class StrictSerializer(serializers.Serializer[Any]):
    """Unknown fields are refused with 400 `unknown_field`, beside every other failing field."""

    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, Any] = {}
        value: Any = None
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            errors = dict(error.detail) if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
        if isinstance(data, dict):
            known = {name for name, field in self.fields.items() if not field.read_only}
            for name in data.keys() - known:
                errors[name] = [ErrorDetail(_("Champ inconnu."), code="unknown_field")]
        if errors:
            raise serializers.ValidationError(errors)
        return value


class NoBodySerializer(StrictSerializer):
    """An action that needs no body: none, or an empty object."""

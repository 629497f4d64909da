"""Input serializers that refuse what they do not know."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from common.api.filters import AwareDateTimeField
from common.moments import is_reasonable


class StrictIntegerField(serializers.IntegerField):
    """A JSON number without a fraction; no strings, no booleans, no `1e3`."""

    default_error_messages = {"invalid": _("Un nombre entier est attendu.")}

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentField(serializers.Field[datetime, Any, str, Any]):
    """`2026-11-23T08:00:00+01:00`, of the years that can be kept: a time without its zone could be any of two dozen."""

    default_error_messages = {"invalid": AwareDateTimeField.default_error_messages["invalid"]}

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            moment = AwareDateTimeField().to_python(data)
        except forms.ValidationError:
            self.fail("invalid")
        if moment is None or not is_reasonable(moment):
            self.fail("invalid")
        return moment


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

from datetime import datetime, time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.api.filters import AwareDateTimeField

# Beyond these, sums of times leave what Python and the databases can say.
_YEARS = (1970, 2200)


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentField(serializers.Field[datetime, Any, str, Any]):
    """`2026-11-23T08:00:00+01:00`: a time without its zone could be any of two dozen."""

    default_error_messages = {"invalid": AwareDateTimeField.default_error_messages["invalid"]}

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            moment = AwareDateTimeField().to_python(data)
        except forms.ValidationError:
            self.fail("invalid")
        if moment is None or not _YEARS[0] <= moment.year < _YEARS[1]:
            self.fail("invalid")
        return moment


class WallTimeField(serializers.TimeField):
    """`08:30`, as the clock on the wall shows it."""

    default_error_messages = {"invalid": _("Une heure est attendue, par exemple 08:30.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%H:%M", "%H:%M:%S"], **kwargs)

    def to_internal_value(self, value: Any) -> time:
        if not isinstance(value, str) or not value.isascii():
            self.fail("invalid", format="HH:MM")
        wall: time = super().to_internal_value(value)
        return wall

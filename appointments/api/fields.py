from datetime import time
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


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

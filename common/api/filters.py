"""Filters of lists, as strict as the bodies."""

import re
from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.utils.translation import gettext_lazy as _

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class AwareDateTimeField(forms.Field):
    """`2026-01-31T12:00:00+01:00`: a time without its zone could be any of two dozen."""

    default_error_messages = {"invalid": _("Une date et heure avec fuseau est attendue : 2026-01-31T12:00:00+01:00.")}

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        # In a URL an unescaped plus is a space.
        text = re.sub(r" (?=[0-9]{2}:[0-9]{2}$)", "+", str(value).strip())
        try:
            if not _RFC3339.fullmatch(text):
                raise ValueError(text)
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error


class AwareDateTimeFilter(django_filters.Filter):
    field_class = AwareDateTimeField

"""Query parameters: what is not exactly as documented is a 400 that names the parameter."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from appointments.clock import day_bounds, instant
from appointments.slots import MAX_DAYS
from catalog.api.params import NearField, PageParams
from common.api.filters import AwareDateTimeField

_ID = re.compile(r"[1-9][0-9]{0,17}")


@extend_schema_field(OpenApiTypes.INT64)
class IdField(serializers.Field[int, str, str, Any]):
    default_error_messages = {"invalid": _("Un identifiant est attendu.")}

    def to_internal_value(self, data: Any) -> int:
        if not _ID.fullmatch(data):
            self.fail("invalid")
        return int(data)


class DayOrMomentField(serializers.Field[date | datetime, str, str, Any]):
    """`2026-11-23`, a day of the doctor's calendar, or `2026-11-23T08:00:00+01:00`."""

    default_error_messages = {
        "invalid": _("Une date (2026-11-23) ou une date et heure avec fuseau (2026-11-23T08:00:00+01:00) est attendue.")
    }

    def to_internal_value(self, data: Any) -> date | datetime:
        text = str(data).strip()
        try:
            if len(text) == 10 and text.isascii():
                day = date.fromisoformat(text)
                if not 1900 <= day.year <= 9990:
                    self.fail("invalid")
                return day
            moment = AwareDateTimeField().to_python(text)
        except (ValueError, forms.ValidationError):
            self.fail("invalid")
        if moment is None or not 1900 <= moment.year <= 9990:
            self.fail("invalid")
        return moment


class DayField(serializers.DateField):
    def to_internal_value(self, value: Any) -> date:
        if not (isinstance(value, str) and len(value) == 10 and value.isascii()):
            self.fail("invalid", format="YYYY-MM-DD")
        day: date = super().to_internal_value(value)
        if not 1900 <= day.year <= 9990:
            self.fail("invalid", format="YYYY-MM-DD")
        return day


class DoctorParams(PageParams):
    specialty = IdField(default=None)
    q = serializers.CharField(default="", allow_blank=True, max_length=200)
    near = NearField(default=None)
    language = serializers.RegexField(r"\A[a-z]{2}\Z", default="")
    available_on = DayField(default=None)


class _Range(serializers.Serializer[Any]):
    default_days = 7

    def get_fields(self) -> dict[str, Any]:
        # `from` cannot be the name of a class attribute.
        return {**super().get_fields(), "from": DayOrMomentField(default=None), "to": DayOrMomentField(default=None)}

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """From when until when, days being those of `zone`: from now on by default, a day named as the end included."""
        since, until = self.validated_data["from"], self.validated_data["to"]
        begin = _moment(since, zone) or timezone.now()
        if until is None:
            end = begin + timedelta(days=self.default_days)
        elif isinstance(until, datetime):
            end = until
        else:
            end = day_bounds(until, zone)[1]
        if end <= begin:
            raise serializers.ValidationError({"to": _("La fin vient après le début.")}, code="invalid_period")
        # A day may have 25 hours.
        if end - begin > timedelta(days=MAX_DAYS, hours=2):
            raise serializers.ValidationError(
                {"to": _("La période compte au plus %(days)d jours.") % {"days": MAX_DAYS}}, code="range_too_long"
            )
        return begin, end


class SlotParams(_Range):
    visit_type = IdField(default=None)


class FirstFreeParams(_Range):
    default_days = 14
    specialty = IdField(default=None)
    near = NearField(default=None)


def house_zone() -> ZoneInfo:
    """Where the house stands: what a day means that no doctor is named for."""
    return ZoneInfo(timezone.get_default_timezone_name())


def _moment(value: date | datetime | None, zone: ZoneInfo) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return instant(value, datetime.min.time(), zone).astimezone(UTC)

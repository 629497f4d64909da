"""Query parameters: what is not exactly as documented is a 400 that names the parameter."""

import re
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request

from catalog.enums import ProductKind
from catalog.geo import Position

# Half of the way around the globe.
MAX_RADIUS_KM = 20_040
_MAX_PAGE = 1_000_000

_DECIMAL = re.compile(r"[+-]?[0-9]{1,6}(?:\.[0-9]{1,15})?")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_PAGE = re.compile(r"[0-9]{1,7}")


class NearField(serializers.Field[Position, str, str, Any]):
    """`0.3924,9.4536`: latitude and longitude in degrees."""

    default_error_messages = {
        "invalid": _("Une position « latitude,longitude » en degrés est attendue, par exemple 0.3924,9.4536."),
        "out_of_range": _("La latitude va de -90 à 90, la longitude de -180 à 180."),
    }

    def to_internal_value(self, data: Any) -> Position:
        parts = [part.strip() for part in data.split(",")]
        if len(parts) != 2 or not all(map(_DECIMAL.fullmatch, parts)):
            self.fail("invalid")
        lat, lon = map(float, parts)
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            self.fail("out_of_range")
        return Position(lat, lon)


class RadiusField(serializers.Field[float, str, str, Any]):
    default_error_messages = {
        "invalid": _("Un nombre de kilomètres est attendu."),
        "out_of_range": _("Le rayon va de plus de 0 à {max} km."),
    }

    def to_internal_value(self, data: Any) -> float:
        if not _DECIMAL.fullmatch(data.strip()):
            self.fail("invalid")
        radius = float(data)
        if not 0 < radius <= MAX_RADIUS_KM:
            self.fail("out_of_range", max=MAX_RADIUS_KM)
        return radius


class PageField(serializers.Field[int, str, str, Any]):
    default_error_messages = {"invalid": _("Un numéro de page à partir de 1 est attendu.")}

    def to_internal_value(self, data: Any) -> int:
        if not _PAGE.fullmatch(data) or not 1 <= int(data) <= _MAX_PAGE:
            self.fail("invalid")
        return int(data)


class PageParams(serializers.Serializer[Any]):
    page = PageField(default=1)


class ProductParams(PageParams):
    q = serializers.CharField(default="", allow_blank=True)
    kind = serializers.ChoiceField(ProductKind.choices, default=None)
    form = serializers.CharField(default="", allow_blank=True, max_length=660)
    category = serializers.CharField(default="", allow_blank=True, max_length=120)
    substance = serializers.CharField(default="", allow_blank=True, max_length=660)
    facets = serializers.BooleanField(default=False)


class SuggestParams(PageParams):
    q = serializers.CharField(default="", allow_blank=True)


class NearParams(PageParams):
    near = NearField(default=None)


def is_computable(instant: datetime) -> bool:
    """Whether opening hours around it can be computed: at the ends of the calendar there is no day before or after."""
    return 2000 <= instant.year < 2100


class InstantField(serializers.Field[datetime, str, str, Any]):
    """`now`, or RFC 3339 with its offset. In a URL a `+` that was not encoded arrives as a blank."""

    default_error_messages = {
        "invalid": _("Un instant RFC 3339 avec son décalage est attendu, ou now : 2026-08-17T20:30:00+01:00."),
    }

    def to_internal_value(self, data: Any) -> datetime:
        if data == "now":
            return timezone.now()
        found = _INSTANT.fullmatch(data.replace(" ", "+"))
        try:
            instant = parse_datetime(found[0].upper()) if found else None
            if instant is None or not is_computable(instant):
                self.fail("invalid")
        except ValueError:
            self.fail("invalid")
        return instant


class PharmacyParams(NearParams):
    radius_km = RadiusField(default=None)
    open_at = InstantField(default=None)
    on_duty = serializers.BooleanField(default=False)
    mine = serializers.BooleanField(default=False)
    town = serializers.CharField(default="", allow_blank=True, max_length=120)
    q = serializers.CharField(default="", allow_blank=True, max_length=200)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["radius_km"] is not None and attrs["near"] is None:
            raise serializers.ValidationError({"near": _("Un rayon demande une position.")}, code="required")
        return attrs


def read(params: type[PageParams], request: Request) -> dict[str, Any]:
    """The request's parameters, checked. Raises `ValidationError` (400) naming every one that is wrong."""
    serializer = params(data=request.query_params.dict())
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)

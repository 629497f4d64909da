"""Distances on the globe, in SQL that PostgreSQL and SQLite both understand."""

from dataclasses import dataclass
from math import asin, cos, degrees, radians, sin
from typing import Any

from django.db.models import F, FloatField, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Abs, ATan2, Cos, Power, Radians, Sin, Sqrt

# Mean radius (IUGG); the haversine formula is at most 0.5 % off.
EARTH_RADIUS_KM = 6371.0088

# A centimetre. Coordinates much closer to zero would make PostgreSQL refuse their squares.
DECIMALS = 7


def rounded(degrees_: float | None) -> float | None:
    """A coordinate as it is stored."""
    return None if degrees_ is None else round(degrees_, DECIMALS)


@dataclass(frozen=True, slots=True)
class Position:
    """Degrees: `lat` −90 to 90, `lon` −180 to 180."""

    lat: float
    lon: float


def distance_km(near: Position, *, prefix: str = "") -> Any:
    """An expression for the kilometres from `near` to a row's latitude and longitude; NULL where it has none."""
    latitude, longitude = F(f"{prefix}latitude"), F(f"{prefix}longitude")
    half_chord = Power(Sin(_half_angle(latitude, near.lat)), 2) + Power(Sin(_half_angle(longitude, near.lon)), 2) * Cos(
        Radians(latitude)
    ) * Value(cos(radians(near.lat)))
    # Rounding can lift the half chord of antipodes above 1: hence the absolute value. LEAST would be no way out,
    # PostgreSQL's takes the other one for NULL.
    rest = Abs(Value(1.0) - half_chord)
    return Value(2 * EARTH_RADIUS_KM) * ATan2(Sqrt(half_chord), Sqrt(rest))


def _half_angle(degrees_: Combinable, origin: float) -> Any:
    return Radians(degrees_ - Value(origin, output_field=FloatField())) / Value(2.0)


def bounding_box(near: Position, radius_km: float) -> Q:
    """A condition that every row within the radius meets and that an index can answer."""
    angle = radius_km / EARTH_RADIUS_KM
    south, north = near.lat - degrees(angle), near.lat + degrees(angle)
    box = Q(latitude__gte=south, latitude__lte=north)
    # A circle around a pole has every longitude.
    if south <= -90 or north >= 90:
        return box
    width = degrees(asin(min(1.0, sin(angle) / cos(radians(near.lat)))))
    west, east = near.lon - width, near.lon + width
    # Across the date line the latitudes have to do.
    if west < -180 or east > 180:
        return box
    return box & Q(longitude__gte=west, longitude__lte=east)

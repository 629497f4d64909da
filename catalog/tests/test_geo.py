import math

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from catalog.geo import EARTH_RADIUS_KM, Position, bounding_box, distance_km, rounded
from catalog.models import Pharmacy
from catalog.tests.factories import PharmacyFactory

pytestmark = pytest.mark.django_db

LIBREVILLE = Position(0.39241, 9.45356)
LATITUDES = st.floats(-90, 90).map(rounded)
LONGITUDES = st.floats(-180, 180).map(rounded)


def on_the_globe(one: Position, other: Position) -> float:
    """Kilometres along the great circle, by the angle between two vectors."""

    def vector(at):
        lat, lon = math.radians(at.lat), math.radians(at.lon)
        return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)

    a, b = vector(one), vector(other)
    cross = math.hypot(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    return EARTH_RADIUS_KM * math.atan2(cross, sum(x * y for x, y in zip(a, b, strict=True)))


def in_sql(near: Position) -> float | None:
    return Pharmacy.objects.annotate(km=distance_km(near)).values_list("km", flat=True).get()


def test_distance_from_libreville_to_port_gentil():
    PharmacyFactory(latitude=-0.71933, longitude=8.78151)
    assert in_sql(LIBREVILLE) == pytest.approx(144.5, abs=0.1)


def test_distance_of_a_pharmacy_without_position():
    PharmacyFactory(latitude=None, longitude=None)
    assert in_sql(LIBREVILLE) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Position(0, 0), Position(0, 180)),
        (Position(90, 0), Position(-90, 0)),
        (Position(10, 179.9), Position(10, -179.9)),
        (LIBREVILLE, LIBREVILLE),
    ],
)
def test_distance_at_the_edges(one, other):
    PharmacyFactory(latitude=other.lat, longitude=other.lon)
    assert in_sql(one) == pytest.approx(on_the_globe(one, other), abs=0.01)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lat=LATITUDES, lon=LONGITUDES, other_lat=LATITUDES, other_lon=LONGITUDES, radius=st.floats(0.1, 20_000))
def test_bounding_box_holds_whatever_is_within_the_radius(db, lat, lon, other_lat, other_lon, radius):
    near, other = Position(lat, lon), Position(other_lat, other_lon)
    distance = on_the_globe(near, other)
    assume(abs(distance - radius) > 0.01)
    Pharmacy.objects.update_or_create(
        code="X", defaults={"name": "X", "town": "X", "latitude": other.lat, "longitude": other.lon}
    )
    assert in_sql(near) == pytest.approx(distance, abs=0.01)
    if distance <= radius:
        assert Pharmacy.objects.filter(bounding_box(near, radius)).exists()


def test_bounding_box_leaves_out_what_is_far():
    PharmacyFactory(latitude=LIBREVILLE.lat + 1, longitude=LIBREVILLE.lon)
    PharmacyFactory(latitude=LIBREVILLE.lat, longitude=LIBREVILLE.lon + 1)
    assert not Pharmacy.objects.filter(bounding_box(LIBREVILLE, 100)).exists()

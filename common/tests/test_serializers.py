import pytest
from rest_framework import serializers

from common.api.serializers import NoBodySerializer, StrictIntegerField, StrictSerializer


class Line(StrictSerializer):
    product = serializers.CharField(max_length=3)
    quantity = StrictIntegerField(min_value=1, max_value=10)
    total = serializers.IntegerField(read_only=True)


def _codes(serializer):
    assert not serializer.is_valid()
    return {name: [item.code for item in items] for name, items in serializer.errors.items()}


def test_what_is_known_and_right_passes():
    serializer = Line(data={"product": "a", "quantity": 10})
    assert serializer.is_valid()
    assert serializer.validated_data == {"product": "a", "quantity": 10}


@pytest.mark.parametrize("value", [1.0, 1.5, "1", "two", True, None, [1], {"a": 1}, 10**12, 0, -1, 11])
def test_integer_is_a_number_without_a_fraction(value):
    assert set(_codes(Line(data={"product": "a", "quantity": value}))) == {"quantity"}


def test_unknown_fields_are_named_beside_the_others():
    data = {"product": "long", "x": 1, "total": 5, "": 2}
    assert _codes(Line(data=data)) == {
        "product": ["max_length"],
        "quantity": ["required"],
        "x": ["unknown_field"],
        "total": ["unknown_field"],
        "": ["unknown_field"],
    }


@pytest.mark.parametrize("data", [[], "x", 1, None, True])
def test_what_is_no_object(data):
    assert set(_codes(Line(data=data))) == {"non_field_errors"}


def test_partial_update_still_refuses_what_it_does_not_know():
    assert Line(data={}, partial=True).is_valid()
    assert _codes(Line(data={"x": 1}, partial=True)) == {"x": ["unknown_field"]}


def test_no_body_is_an_empty_object():
    assert NoBodySerializer(data={}).is_valid()
    assert _codes(NoBodySerializer(data={"x": 1})) == {"x": ["unknown_field"]}

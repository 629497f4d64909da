from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from catalog.models import validate_code
from common.api.serializers import StrictIntegerField, StrictSerializer
from reservations.enums import PaymentStatus, Status
from reservations.models import Reservation, ReservationLine

MAX_LINES = 100
MAX_QUANTITY = 10_000


class LineInputSerializer(StrictSerializer):
    product = serializers.CharField(max_length=13, validators=[validate_code])
    quantity = StrictIntegerField(min_value=1, max_value=MAX_QUANTITY)


class ReservationInputSerializer(StrictSerializer):
    """A basket for one pharmacy; the same product twice is added up."""

    pharmacy = serializers.CharField(max_length=32)
    lines = LineInputSerializer(many=True, allow_empty=False, max_length=MAX_LINES)

    def basket(self) -> list[tuple[str, int]]:
        return [(line["product"], line["quantity"]) for line in self.validated_data["lines"]]


class RejectInputSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=200)


class CollectInputSerializer(StrictSerializer):
    pickup_code = serializers.CharField(max_length=16)


class PharmacyRefSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()


class LineSerializer(serializers.Serializer[Any]):
    product = serializers.CharField()
    label = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price = serializers.IntegerField()
    total = serializers.IntegerField()


class ReservationSerializer(serializers.Serializer[Any]):
    """The documented shape; `represent` below writes it."""

    id = serializers.UUIDField()
    pickup_code = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.choices)
    payment_status = serializers.ChoiceField(choices=PaymentStatus.choices)
    pharmacy = PharmacyRefSerializer()
    lines = LineSerializer(many=True)
    total = serializers.IntegerField()
    currency = serializers.CharField()
    credits_charged = serializers.IntegerField()
    pharmacy_reference = serializers.CharField(
        allow_null=True, help_text="the pharmacy's own number of it, where its software reserved the boxes"
    )
    reason = serializers.CharField(allow_null=True)
    expires_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


_time = serializers.DateTimeField()


def represent(
    reservation: Reservation,
    lines: Iterable[ReservationLine],
    payment_status: PaymentStatus,
    *,
    pharmacy_reference: str = "",
) -> dict[str, Any]:
    """A reservation as JSON, by hand: on the hot path a serializer costs as much as a query."""
    return {
        "id": str(reservation.public_id),
        "pickup_code": reservation.pickup_code,
        "status": str(reservation.status),
        "payment_status": str(payment_status),
        "pharmacy": {"code": reservation.pharmacy.code, "name": reservation.pharmacy.name},
        "lines": [
            {
                "product": line.product_code,
                "label": line.label,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "total": line.total,
            }
            for line in lines
        ],
        "total": reservation.total,
        "currency": reservation.currency,
        "credits_charged": reservation.credits_charged,
        "pharmacy_reference": pharmacy_reference or None,
        "reason": reservation.reason or None,
        "expires_at": _time.to_representation(reservation.expires_at),
        "created_at": _time.to_representation(reservation.created_at),
    }

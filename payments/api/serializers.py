from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from common.api.serializers import StrictIntegerField, StrictSerializer
from common.money import MAX_AMOUNT
from common.phones import mask
from payments import purposes
from payments.enums import Network, RefundStatus, Status
from payments.models import Payment, Refund


class PaymentInputSerializer(StrictSerializer):
    """`purpose` and, under that very name, the id of what is paid; the amount is never taken from the client.

    Whether `phone` may be left out depends on the provider: a page, or a counter, needs none.
    """

    purpose = serializers.ChoiceField(choices=["rate", "reservation", "appointment"])
    rate = StrictIntegerField(required=False, min_value=1, max_value=2**31 - 1)
    reservation = serializers.UUIDField(required=False)
    appointment = serializers.UUIDField(required=False)
    provider = serializers.CharField(max_length=16)
    phone = serializers.CharField(max_length=32, required=False)
    network = serializers.ChoiceField(choices=Network.choices, required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        purpose = attrs["purpose"]
        if purpose not in attrs:
            raise serializers.ValidationError({purpose: _("Ce champ est obligatoire.")}, code="required")
        for other in purposes.names():
            if other != purpose and other in attrs:
                raise serializers.ValidationError({other: _("Un paiement n'a qu'un objet.")}, code="unknown_field")
        attrs["purpose_id"] = str(attrs[purpose])
        return attrs


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    """A payment as its payer sees it; what is paid stands under the purpose's own name."""

    id = serializers.UUIDField(source="public_id")
    status = serializers.ChoiceField(choices=Status.choices)
    network = serializers.SerializerMethodField()
    phone = serializers.SerializerMethodField()
    checkout_url = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()

    class Meta:
        model = Payment
        fields = (
            "id status purpose amount currency provider network phone checkout_url reason created_at expires_at"
        ).split()
        read_only_fields = fields

    def to_representation(self, instance: Payment) -> dict[str, Any]:
        data = super().to_representation(instance)
        data[instance.purpose] = int(instance.purpose_id) if instance.purpose == "rate" else instance.purpose_id
        return data

    def get_network(self, payment: Payment) -> str | None:
        return payment.network or None

    def get_phone(self, payment: Payment) -> str | None:
        return mask(payment.phone) or None

    def get_checkout_url(self, payment: Payment) -> str | None:
        return payment.checkout_url or None

    def get_reason(self, payment: Payment) -> str | None:
        return payment.reason or None


class CallbackAnswerSerializer(serializers.Serializer[Any]):
    message = serializers.CharField()


class RefundSerializer(serializers.ModelSerializer[Refund]):
    id = serializers.UUIDField(source="public_id")
    payment = serializers.UUIDField(source="payment.public_id")
    status = serializers.ChoiceField(choices=RefundStatus.choices)

    class Meta:
        model = Refund
        fields = "id payment amount currency status reason external_reference created_at updated_at".split()
        read_only_fields = fields


class RefundInputSerializer(StrictSerializer):
    payment = serializers.UUIDField()
    amount = StrictIntegerField(min_value=1, max_value=MAX_AMOUNT)
    reason = serializers.CharField(max_length=200)


class RefundSentSerializer(StrictSerializer):
    external_reference = serializers.CharField(max_length=100)

"""OpenAPI of the old routes: deprecated, under one tag, with refusals in the old form."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

TAG = "legacy"


class FaultSerializer(serializers.Serializer[Any]):
    loc = serializers.ListField(child=serializers.CharField())
    msg = serializers.CharField()
    type = serializers.CharField()


class OldRefusalSerializer(serializers.Serializer[Any]):
    """A sentence to print."""

    detail = serializers.CharField()


class OldFaultsSerializer(serializers.Serializer[Any]):
    """What of the request cannot be read."""

    detail = FaultSerializer(many=True)


class OldUserSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    firstname = serializers.CharField(allow_blank=True)
    lastname = serializers.CharField(allow_blank=True)
    email = serializers.CharField(allow_blank=True)
    phone = serializers.CharField(allow_blank=True)
    role = serializers.ChoiceField(choices=["USER", "ADMIN"])
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class OldTokenSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    token_type = serializers.CharField()


class OldSignedInSerializer(serializers.Serializer[Any]):
    token = OldTokenSerializer()
    user = OldUserSerializer()


class OldRateSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    libelle = serializers.CharField()
    price = serializers.IntegerField()
    credit = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class OldPriceListSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    libelle = serializers.CharField()
    credit = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class OldAccountSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    credit = serializers.IntegerField()
    subscription_date = serializers.DateTimeField(allow_null=True)
    activate = serializers.BooleanField()
    user_id = serializers.IntegerField()
    rate_id = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    user = OldUserSerializer()
    rate = OldRateSerializer(allow_null=True)


class OldEventSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    ip_address = serializers.CharField(allow_null=True)
    action = serializers.CharField()
    entity = serializers.CharField()
    entity_id = serializers.CharField(allow_null=True)
    current_user_id = serializers.IntegerField(allow_null=True)
    amount = serializers.IntegerField(allow_null=True)
    date_time = serializers.DateTimeField()


class OldNamedEventSerializer(OldEventSerializer):
    current_user = OldUserSerializer(allow_null=True)
    current_entity = serializers.JSONField(required=False)


class OldMessageSerializer(serializers.Serializer[Any]):
    msg = serializers.CharField()


class LegacySchema(AutoSchema):
    """Adds what all old routes share."""

    def get_tags(self) -> list[str]:
        return [TAG]

    def is_deprecated(self) -> bool:
        return True

    def get_auth(self) -> list[dict[str, Any]]:
        view: Any = self.view
        return [] if view.is_public(self.method) else [{"bearer": []}]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        generator: Any = self
        for status in ("400", "401", "402", "403", "404", "409", "413", "422", "429", "503"):
            shape = OldFaultsSerializer if status == "422" else OldRefusalSerializer
            described = OpenApiResponse(shape, description="The old form of a refusal")
            body = generator._get_response_for_code(described, status, media_types=["application/json"])
            responses.setdefault(status, body)
        return responses

"""Tell me when it is back."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.models import User
from catalog.models import StockAlert, validate_code
from catalog.services.alerts import add_alert
from common.api.serializers import StrictSerializer
from common.errors import NotFound


class AlertInputSerializer(StrictSerializer):
    product = serializers.CharField(max_length=13, validators=[validate_code])
    pharmacy = serializers.CharField(
        max_length=32, validators=[validate_code], required=False, allow_null=True, help_text="null: anywhere"
    )


class AlertSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="public_id")
    product = serializers.CharField(source="product_code")
    pharmacy = serializers.CharField(source="pharmacy.code", default=None, allow_null=True)
    created_at = serializers.DateTimeField()
    fired_at = serializers.DateTimeField(allow_null=True, help_text="when the mail was sent; null: still waiting")


class AlertViewSet(GenericViewSet[StockAlert]):
    """One's own alerts. Each fires once, by mail."""

    queryset = StockAlert.objects.none()
    serializer_class = AlertSerializer
    filter_backends: list[Any] = []
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> Any:
        return StockAlert.objects.filter(user_id=self.request.user.pk).select_related("pharmacy")

    @extend_schema(tags=["catalogue"], operation_id="alerts_list", responses={200: AlertSerializer(many=True)})
    def list(self, request: Request) -> Response:
        """Newest first, those that have fired too."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(AlertSerializer(page, many=True).data)

    @extend_schema(
        tags=["catalogue"],
        operation_id="alerts_create",
        request=AlertInputSerializer,
        responses={201: AlertSerializer, 200: AlertSerializer},
    )
    def create(self, request: Request) -> Response:
        """201, or 200 with the alert that waits for the same already."""
        serializer = AlertInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        given = serializer.validated_data
        alert, is_new = add_alert(request.user, product_code=given["product"], pharmacy_code=given.get("pharmacy"))
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(AlertSerializer(alert).data, status=code)

    @extend_schema(tags=["catalogue"], operation_id="alerts_delete", responses={204: None})
    def destroy(self, request: Request, id: Any) -> Response:
        """Forget one of one's own."""
        if not self.get_queryset().filter(public_id=id).delete()[0]:
            raise NotFound
        return Response(status=status.HTTP_204_NO_CONTENT)

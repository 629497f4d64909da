import uuid
from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.idempotency import idempotent
from common.api.serializers import NoBodySerializer
from marketplaces.api import representations, serializers
from marketplaces.api.entering import MerchantViewSet, for_merchant, found
from marketplaces.api.filters import ItemFilter
from marketplaces.enums import MemberRole
from marketplaces.models import Item
from marketplaces.selectors import items as selectors
from marketplaces.services import items, publishing


class ItemViewSet(MerchantViewSet):
    """What a merchant sells, and on which channels."""

    serializer_class = serializers.ItemSerializer
    queryset = Item.objects.none()
    filter_backends = [DjangoFilterBackend]
    filterset_class = ItemFilter

    def get_queryset(self) -> Any:
        return self.queryset if getattr(self, "swagger_fake_view", False) else selectors.items()

    @extend_schema(tags=["marketplaces"], operation_id="items_list")
    @for_merchant(MemberRole.VIEWER)
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([representations.item(row) for row in page or ()])

    @extend_schema(tags=["marketplaces"], operation_id="items_retrieve", filters=False)
    @for_merchant(MemberRole.VIEWER)
    def retrieve(self, request: Request, id: uuid.UUID) -> Response:
        return Response(representations.item(self._item(id)))

    @extend_schema(
        tags=["marketplaces"],
        operation_id="items_create",
        request=serializers.ItemInputSerializer,
        responses={201: serializers.ItemSerializer},
    )
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def create(self, request: Request) -> Response:
        """A medicine is refused (400 `not_for_sale`)."""
        serializer = serializers.ItemInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        item = items.create_item(by=self.user, **serializer.validated_data)
        return Response(representations.item(self._item(item.public_id)), status=201)

    @extend_schema(
        tags=["marketplaces"],
        operation_id="items_change",
        request=serializers.ItemChangeSerializer,
        responses={200: serializers.ItemSerializer},
    )
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def partial_update(self, request: Request, id: uuid.UUID) -> Response:
        """Channels that show the item follow. `quantity` is the whole stock: `expected_quantity` keeps it from undoing
        a sale that was not seen yet."""
        item = self._item(id)
        serializer = serializers.ItemChangeSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changes = dict(serializer.validated_data)
        expected = changes.pop("expected_quantity", None)
        items.update_item(item, changes, by=self.user, expected_quantity=expected)
        return Response(representations.item(self._item(id)))

    @extend_schema(tags=["marketplaces"], operation_id="items_delete", request=None, responses={204: None})
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def destroy(self, request: Request, id: uuid.UUID) -> Response:
        """It leaves every channel."""
        item = self._item(id)
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        items.delete_item(item, by=self.user)
        return Response(status=204)

    @extend_schema(
        tags=["marketplaces"],
        operation_id="items_publish",
        request=serializers.PublishInputSerializer,
        responses={202: serializers.ListingsSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def publish(self, request: Request, id: uuid.UUID) -> Response:
        """Ask for the item on channels: all of them, or none where one refuses. `listings/` tells how it goes."""
        item = self._item(id)
        serializer = serializers.PublishInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        rows = publishing.request_publication([item], given["channels"], prices=given.get("prices"), by=self.user)
        return _listings(rows)

    @extend_schema(
        tags=["marketplaces"],
        operation_id="items_withdraw",
        request=serializers.WithdrawInputSerializer,
        responses={202: serializers.ListingsSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def withdraw(self, request: Request, id: uuid.UUID) -> Response:
        """Ask channels to let go of the item."""
        item = self._item(id)
        serializer = serializers.WithdrawInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        rows = publishing.request_withdrawal([item], serializer.validated_data["channels"], by=self.user)
        return _listings(rows)

    def _item(self, public_id: uuid.UUID) -> Item:
        return found(selectors.items(), public_id)


def _listings(rows: Any) -> Response:
    shown = selectors.listings().filter(pk__in=[row.pk for row in rows]).order_by("channel")
    return Response({"listings": [representations.listing(row) for row in shown]}, status=202)

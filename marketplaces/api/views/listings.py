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
from marketplaces.api.filters import ListingFilter, OrderFilter
from marketplaces.enums import MemberRole
from marketplaces.models import Listing, Order, SubscriptionQuota
from marketplaces.selectors import items as selectors
from marketplaces.services.orders import close_task
from marketplaces.services.quotas import usage


class ListingViewSet(MerchantViewSet):
    """Items on channels, and how it goes."""

    serializer_class = serializers.ListingSerializer
    queryset = Listing.objects.none()
    filter_backends = [DjangoFilterBackend]
    filterset_class = ListingFilter

    def get_queryset(self) -> Any:
        return self.queryset if getattr(self, "swagger_fake_view", False) else selectors.listings()

    @extend_schema(tags=["marketplaces"], operation_id="listings_list")
    @for_merchant(MemberRole.VIEWER)
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([representations.listing(row) for row in page or ()])

    @extend_schema(tags=["marketplaces"], operation_id="listings_retrieve", filters=False)
    @for_merchant(MemberRole.VIEWER)
    def retrieve(self, request: Request, id: uuid.UUID) -> Response:
        return Response(representations.listing(found(selectors.listings(), id)))


class OrderViewSet(MerchantViewSet):
    """What was bought on the channels, and what is to do about it."""

    serializer_class = serializers.OrderSerializer
    queryset = Order.objects.none()
    filter_backends = [DjangoFilterBackend]
    filterset_class = OrderFilter

    def get_queryset(self) -> Any:
        return self.queryset if getattr(self, "swagger_fake_view", False) else selectors.orders()

    @extend_schema(tags=["marketplaces"], operation_id="orders_list")
    @for_merchant(MemberRole.VIEWER)
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([representations.order(row) for row in page or ()])

    @extend_schema(tags=["marketplaces"], operation_id="orders_retrieve", filters=False)
    @for_merchant(MemberRole.VIEWER)
    def retrieve(self, request: Request, id: uuid.UUID) -> Response:
        return Response(representations.order(found(selectors.orders(), id)))

    @extend_schema(
        tags=["marketplaces"], operation_id="orders_done", request=None, responses={200: serializers.OrderSerializer}
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def done(self, request: Request, id: uuid.UUID) -> Response:
        """What was to do is done."""
        order = found(selectors.orders(), id)
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        close_task(order, by=self.user)
        return Response(representations.order(found(selectors.orders(), id)))


class QuotaView(MerchantViewSet):
    """What the plan allows, and what is used of it."""

    serializer_class = serializers.QuotasSerializer
    queryset = SubscriptionQuota.objects.none()
    pagination_class = None

    @extend_schema(tags=["marketplaces"], operation_id="quotas_retrieve", responses={200: serializers.QuotasSerializer})
    @for_merchant(MemberRole.VIEWER)
    def retrieve(self, request: Request) -> Response:
        assert self.membership is not None
        merchant = self.membership.merchant
        return Response(representations.quotas(merchant.plan.code, usage(merchant)))

import uuid
from typing import Any

import django_filters
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.idempotency import idempotent
from common.api.serializers import NoBodySerializer
from marketplaces.api import job_serializers as serializers
from marketplaces.api import representations
from marketplaces.api import serializers as item_serializers
from marketplaces.api.entering import MerchantViewSet, for_merchant, found
from marketplaces.enums import Channel, JobKind, JobState, MemberRole
from marketplaces.models import BuyerMessage, ForeignListing, Item, Job
from marketplaces.selectors import items as selectors
from marketplaces.services import foreign
from marketplaces.services.jobs import requests

_CHANNEL = OpenApiParameter("channel", str, OpenApiParameter.PATH, enum=Channel.values)


class JobFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=JobKind.choices)
    channel = django_filters.ChoiceFilter(choices=Channel.choices)
    state = django_filters.ChoiceFilter(choices=JobState.choices)
    listing = django_filters.UUIDFilter(field_name="listing__public_id")
    item = django_filters.UUIDFilter(field_name="listing__item__public_id")


class ForeignFilter(django_filters.FilterSet):
    channel = django_filters.ChoiceFilter(choices=Channel.choices)
    is_linked = django_filters.BooleanFilter(field_name="listing", lookup_expr="isnull", exclude=True)


class _ListViewSet(MerchantViewSet):
    """A list with a cursor; `show` writes a row."""

    filter_backends = [DjangoFilterBackend]

    def rows(self) -> Any:
        raise NotImplementedError

    def get_queryset(self) -> Any:
        return self.queryset if getattr(self, "swagger_fake_view", False) else self.rows()

    def paged(self, show: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([show(row) for row in page or ()])


class JobViewSet(_ListViewSet):
    """What is being done on the channels, and how far it is."""

    serializer_class = serializers.JobSerializer
    queryset = Job.objects.none()
    filterset_class = JobFilter

    def rows(self) -> Any:
        return Job.objects.select_related("listing__item").order_by("-pk")

    @extend_schema(tags=["marketplaces"], operation_id="jobs_list")
    @for_merchant(MemberRole.VIEWER)
    def list(self, request: Request) -> Response:
        return self.paged(serializers.job)

    @extend_schema(tags=["marketplaces"], operation_id="jobs_retrieve", filters=False)
    @for_merchant(MemberRole.VIEWER)
    def retrieve(self, request: Request, id: uuid.UUID) -> Response:
        return Response(serializers.job(found(self.rows(), id)))

    @extend_schema(
        tags=["marketplaces"], operation_id="jobs_cancel", request=None, responses={200: serializers.JobSerializer}
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def cancel(self, request: Request, id: uuid.UUID) -> Response:
        """Call a publication or a reading off that nobody is working at, or put a failed job away."""
        return self._do(requests.cancel, request, id)

    @extend_schema(
        tags=["marketplaces"], operation_id="jobs_retry", request=None, responses={200: serializers.JobSerializer}
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def retry(self, request: Request, id: uuid.UUID) -> Response:
        """Try a job again that failed or expired."""
        return self._do(requests.retry, request, id)

    def _do(self, service: Any, request: Request, id: uuid.UUID) -> Response:
        row = found(self.rows(), id)
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        service(row, by=self.user)
        return Response(serializers.job(found(self.rows(), id)))


class ReadingViewSet(MerchantViewSet):
    """Read a channel now."""

    serializer_class = serializers.JobSerializer
    queryset = Job.objects.none()
    pagination_class = None

    @extend_schema(
        tags=["marketplaces"],
        operation_id="channels_sync",
        parameters=[_CHANNEL],
        request=None,
        responses={202: serializers.JobSerializer},
    )
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def sync(self, request: Request, channel: str) -> Response:
        """Import what is listed there already; `jobs/{id}/` tells how far it is."""
        return self._ask(JobKind.SYNC, request, channel)

    @extend_schema(
        tags=["marketplaces"],
        operation_id="channels_orders",
        parameters=[_CHANNEL],
        request=None,
        responses={202: serializers.JobSerializer},
    )
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def orders(self, request: Request, channel: str) -> Response:
        """Read what was bought since the last time."""
        return self._ask(JobKind.ORDERS, request, channel)

    @extend_schema(
        tags=["marketplaces"],
        operation_id="channels_messages",
        parameters=[_CHANNEL],
        request=None,
        responses={202: serializers.JobSerializer},
    )
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def messages(self, request: Request, channel: str) -> Response:
        """Read what buyers wrote; Vinted only (409 `channel_cannot`)."""
        return self._ask(JobKind.MESSAGES, request, channel)

    def _ask(self, kind: JobKind, request: Request, channel: str) -> Response:
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        job = requests.request(kind, channel, by=self.user)
        return Response(serializers.job(job), status=202)


class ForeignListingViewSet(_ListViewSet):
    """Listings that a channel has and whose SKU is nobody's here."""

    serializer_class = serializers.ForeignListingSerializer
    queryset = ForeignListing.objects.none()
    filterset_class = ForeignFilter

    def rows(self) -> Any:
        return ForeignListing.objects.select_related("listing").order_by("-pk")

    @extend_schema(tags=["marketplaces"], operation_id="foreign_listings_list")
    @for_merchant(MemberRole.VIEWER)
    def list(self, request: Request) -> Response:
        return self.paged(serializers.foreign)

    @extend_schema(
        tags=["marketplaces"],
        operation_id="foreign_listings_link",
        request=serializers.LinkInputSerializer,
        responses={200: item_serializers.ListingSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    @for_merchant(MemberRole.EDITOR)
    def link(self, request: Request, id: uuid.UUID) -> Response:
        """It shows this item: it is brought up to date from now on."""
        row = found(self.rows(), id)
        serializer = serializers.LinkInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        item: Item = found(selectors.items(), serializer.validated_data["item"])
        listing = foreign.link(row, item, by=self.user)
        return Response(representations.listing(selectors.listings().get(pk=listing.pk)))


class MessageViewSet(_ListViewSet):
    """What buyers wrote."""

    serializer_class = serializers.MessageSerializer
    queryset = BuyerMessage.objects.none()
    filter_backends: Any = []

    def rows(self) -> Any:
        return BuyerMessage.objects.order_by("-pk")

    @extend_schema(tags=["marketplaces"], operation_id="messages_list")
    @for_merchant(MemberRole.VIEWER)
    def list(self, request: Request) -> Response:
        return self.paged(serializers.message)

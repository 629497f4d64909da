from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.pagination import EnvelopePagePagination
from common.errors import NotFound
from marketplaces.api import representations, serializers
from marketplaces.models import ATTRIBUTES, Brand


class AttributeListView(viewsets.GenericViewSet[Any]):
    """What items may be described by; categories only those that may be sold."""

    serializer_class = serializers.AttributeSerializer
    pagination_class = EnvelopePagePagination
    queryset = Brand.objects.none()
    filter_backends: list[Any] = []

    @extend_schema(
        tags=["marketplaces"],
        operation_id="attributes_list",
        parameters=[OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=list(ATTRIBUTES))],
        responses={200: serializers.AttributeSerializer(many=True)},
    )
    def list(self, request: Request, kind: str) -> Response:
        model = ATTRIBUTES.get(kind)
        if model is None:
            raise NotFound
        rows = model._default_manager.filter(is_active=True).prefetch_related("channel_ids")
        if kind == "category":
            rows = rows.filter(is_allowed=True)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response([representations.attribute(row) for row in page or ()])

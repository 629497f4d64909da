from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from catalog import selectors
from catalog.api import params, representations
from catalog.api.pagination import ProductPagination, SearchResults
from catalog.api.serializers import OfferSerializer, PharmacySerializer, ProductSerializer
from catalog.availability import Area, offers
from catalog.enums import ProductKind
from catalog.exceptions import UnknownPharmacy, UnknownProduct
from catalog.search import search
from common.api.pagination import EnvelopePagePagination, clamp_limit

_CODE = "[A-Za-z0-9_-]+"
_PAGING = [
    OpenApiParameter("page", int, description="from 1"),
    OpenApiParameter("limit", int, description="rows a page, at most 100"),
]
_NEAR = OpenApiParameter("near", str, description="`lat,lon` in degrees: distances are given, the nearest come first")


class ProductViewSet(GenericViewSet[Any]):
    """Medicines and parapharmacy. No sign-in needed."""

    permission_classes = [AllowAny]
    pagination_class = ProductPagination
    filter_backends: list[Any] = []
    lookup_field = "code"
    lookup_value_regex = _CODE

    @extend_schema(
        tags=["catalogue"],
        operation_id="products_list",
        auth=[],
        parameters=[
            OpenApiParameter("q", str, description="words of label, substance or code, each may be a beginning"),
            OpenApiParameter("kind", str, enum=ProductKind.values),
            *_PAGING,
        ],
        responses={200: ProductSerializer(many=True)},
    )
    def list(self, request: Request) -> Response:
        """Search with `q`, best match first; without it all products by label."""
        asked = params.read(params.ProductParams, request)
        if asked["q"]:
            return self._search(asked)
        rows = self.paginate_queryset(selectors.products(kind=asked["kind"]))
        return self.get_paginated_response(rows)

    def _search(self, asked: dict[str, Any]) -> Response:
        limit = clamp_limit(self.request)
        found = search(asked["q"], limit=limit, offset=(asked["page"] - 1) * limit, kind=asked["kind"])
        rows = selectors.products_by_code([hit.code for hit in found.results])
        page = self.paginate_queryset(SearchResults(rows, found.count))  # type: ignore[arg-type]  # all that a paginator asks for
        assert isinstance(self.paginator, ProductPagination)
        return self.paginator.get_paginated_response(
            page, corrected=found.corrected, count_is_capped=found.count_is_capped
        )

    @extend_schema(tags=["catalogue"], operation_id="products_retrieve", auth=[], responses={200: ProductSerializer})
    def retrieve(self, request: Request, code: str) -> Response:
        """One product."""
        row = selectors.product(code)
        if row is None:
            raise UnknownProduct
        return Response(row)

    @extend_schema(
        tags=["catalogue"],
        operation_id="products_availability",
        auth=[],
        parameters=[_NEAR, *_PAGING],
        responses={200: OfferSerializer(many=True)},
    )
    @action(detail=True, pagination_class=EnvelopePagePagination)
    def availability(self, request: Request, code: str) -> Response:
        """Which pharmacies can hand the product out now. Free of charge.

        `source` is `epg` for what EPG said within the last minute, `stock` for the pharmacy's count with us, `stale`
        for what EPG said at `observed_at`, and cannot be asked about now.
        """
        asked = params.read(params.NearParams, request)
        if not selectors.product_exists(code):
            raise UnknownProduct
        found = [each for each in offers([code], Area(asked["near"])) if each.quantity != 0]
        page = self.paginate_queryset(found)  # type: ignore[arg-type]
        return self.get_paginated_response(representations.offers(page or [], timezone.now()))


class PharmacyViewSet(GenericViewSet[Any]):
    """Pharmacies. No sign-in needed, except for `mine`."""

    permission_classes = [AllowAny]
    pagination_class = EnvelopePagePagination
    filter_backends: list[Any] = []
    lookup_field = "code"
    lookup_value_regex = _CODE

    @extend_schema(
        tags=["catalogue"],
        operation_id="pharmacies_list",
        parameters=[
            _NEAR,
            OpenApiParameter("radius_km", float, description="needs `near`; leaves out who has no position"),
            OpenApiParameter("open_at", str, description="RFC 3339 or `now`: those known to be open then"),
            OpenApiParameter("on_duty", bool, description="those on duty, at `open_at` or now"),
            OpenApiParameter("mine", bool, description="only those that the signed-in pharmacist is a member of"),
            OpenApiParameter("town", str, description="accents and case do not matter"),
            OpenApiParameter("q", str, description="words of name, town, quarter or code"),
            *_PAGING,
        ],
        responses={200: PharmacySerializer(many=True)},
    )
    def list(self, request: Request) -> Response:
        """By name, or the nearest first."""
        asked = params.read(params.PharmacyParams, request)
        if asked["mine"] and not request.user.is_authenticated:
            raise NotAuthenticated
        instant = asked["open_at"] or timezone.now()
        rows = self.paginate_queryset(
            selectors.pharmacies(
                near=asked["near"],
                radius_km=asked["radius_km"],
                town=asked["town"],
                q=asked["q"],
                open_at=asked["open_at"],
                on_duty_at=instant if asked["on_duty"] else None,
                member_id=request.user.pk if asked["mine"] else None,
            )
        )
        return self.get_paginated_response(
            [representations.pharmacy(row) for row in selectors.with_openings(rows or (), instant)]
        )

    @extend_schema(tags=["catalogue"], operation_id="pharmacies_retrieve", auth=[], responses={200: PharmacySerializer})
    def retrieve(self, request: Request, code: str) -> Response:
        """One pharmacy."""
        row = selectors.pharmacy(code)
        if row is None:
            raise UnknownPharmacy
        (row,) = selectors.with_openings([row], timezone.now())
        return Response(representations.pharmacy(row))

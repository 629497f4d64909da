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
from catalog.api.caching import CachedMixin
from catalog.api.pagination import ProductPagination, SearchResults, SuggestionPagination
from catalog.api.serializers import (
    OfferSerializer,
    PharmacySerializer,
    PriceChangeSerializer,
    ProductSerializer,
    SuggestionSerializer,
)
from catalog.availability import Area, offers
from catalog.enums import ProductKind
from catalog.exceptions import UnknownPharmacy, UnknownProduct
from catalog.models import PriceChange
from catalog.search import facets, search, suggest
from catalog.search_sql import FILTERS
from common.api.pagination import EnvelopeCursorPagination, EnvelopePagePagination, clamp_limit

_CODE = "[A-Za-z0-9_-]+"
_PAGING = [
    OpenApiParameter("page", int, description="from 1"),
    OpenApiParameter("limit", int, description="rows a page, at most 100"),
]
_NEAR = OpenApiParameter("near", str, description="`lat,lon` in degrees: distances are given, the nearest come first")


class ProductViewSet(CachedMixin, GenericViewSet[Any]):
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
            OpenApiParameter("form", str, description="exactly, as a facet tells it"),
            OpenApiParameter("category", str, description="exactly, as a facet tells it"),
            OpenApiParameter("substance", str, description="the generics of one group, in use first"),
            OpenApiParameter("facets", bool, description="count forms and categories in `meta.facets`"),
            *_PAGING,
        ],
        responses={200: ProductSerializer(many=True)},
    )
    def list(self, request: Request) -> Response:
        """Search with `q`, best match first; without it all products by label."""
        asked = params.read(params.ProductParams, request)
        if asked["q"]:
            return self._search(asked)
        if asked["substance"]:
            codes = self.paginate_queryset(
                selectors.codes_of_substance(
                    asked["substance"], kind=asked["kind"], form=asked["form"], category=asked["category"]
                )
            )
            rows: Any = selectors.products_by_code(codes or [])
        else:
            found = selectors.products(kind=asked["kind"], form=asked["form"], category=asked["category"])
            rows = self.paginate_queryset(found)
        return self._page(rows, asked, q="")

    def _search(self, asked: dict[str, Any]) -> Response:
        limit = clamp_limit(self.request)
        found = search(asked["q"], limit=limit, offset=(asked["page"] - 1) * limit, **_filters(asked))
        rows = selectors.products_by_code([hit.code for hit in found.results])
        page = self.paginate_queryset(SearchResults(rows, found.count))  # type: ignore[arg-type]  # all that a paginator asks for
        return self._page(
            page,
            asked,
            q=found.corrected or asked["q"],
            corrected=found.corrected,
            count_is_capped=found.count_is_capped,
        )

    def _page(self, rows: Any, asked: dict[str, Any], *, q: str, **meta: Any) -> Response:
        assert isinstance(self.paginator, ProductPagination)
        if asked["facets"]:
            counted = facets(q, **_filters(asked))
            meta["facets"] = {
                name: [{"value": value, "count": count} for value, count in values] for name, values in counted.items()
            }
        return self.paginator.get_paginated_response(rows, **meta)

    @extend_schema(
        tags=["catalogue"],
        operation_id="products_suggest",
        auth=[],
        parameters=[OpenApiParameter("q", str, description="what was typed so far")],
        responses={200: SuggestionSerializer(many=True)},
    )
    @action(detail=False, pagination_class=SuggestionPagination)
    def suggest(self, request: Request) -> Response:
        """What somebody may be after, while typing: at most eight products, whatever packs they come in."""
        asked = params.read(params.SuggestParams, request)
        found = suggest(asked["q"])
        assert isinstance(self.paginator, SuggestionPagination)
        return self.paginator.respond([representations.suggestion(hit) for hit in found.results], found.corrected)

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
        for what EPG said at `observed_at`, and cannot be asked about now. For whoever is not signed in EPG is asked
        about so many pharmacies only, the nearest first.
        """
        asked = params.read(params.NearParams, request)
        if not selectors.product_exists(code):
            raise UnknownProduct
        is_anonymous = not request.user.is_authenticated
        found = [each for each in offers([code], Area(asked["near"]), is_anonymous=is_anonymous) if each.quantity != 0]
        page = self.paginate_queryset(found)  # type: ignore[arg-type]
        return self.get_paginated_response(representations.offers(page or [], timezone.now()))

    @extend_schema(
        tags=["catalogue"],
        operation_id="products_prices",
        auth=[],
        responses={200: PriceChangeSerializer(many=True)},
    )
    @action(detail=True, pagination_class=EnvelopeCursorPagination)
    def prices(self, request: Request, code: str) -> Response:
        """How the product's price changed, newest first. Pharmacies sell at a price of their own."""
        if not selectors.product_exists(code):
            raise UnknownProduct
        page = self.paginate_queryset(PriceChange.objects.filter(product_code=code))
        return self.get_paginated_response(PriceChangeSerializer(page, many=True).data)


def _filters(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in FILTERS}


class PharmacyViewSet(CachedMixin, GenericViewSet[Any]):
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

import itertools
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, statement
from accounts.api import serializers
from accounts.models import CreditEntry, PriceList, Rate, User
from accounts.services.profiles import update_profile
from common import csv
from common.api.negotiation import AnyContent
from common.api.pagination import EnvelopePagePagination


class MeView(APIView):
    """One's own profile."""

    @extend_schema(tags=["auth"], operation_id="auth_me", responses={200: serializers.UserSerializer})
    def get(self, request: Request) -> Response:
        return Response(serializers.UserSerializer(request.user).data)

    @extend_schema(
        tags=["auth"],
        operation_id="auth_me_update",
        request=serializers.ProfileSerializer,
        responses={200: serializers.UserSerializer},
    )
    def patch(self, request: Request) -> Response:
        serializer = serializers.ProfileSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        user = update_profile(request.user, by=request.user, **serializer.validated_data)
        return Response(serializers.UserSerializer(user).data)


class AccountView(APIView):
    """One's own prepaid account."""

    @extend_schema(tags=["account"], operation_id="account", responses={200: serializers.AccountSerializer})
    def get(self, request: Request) -> Response:
        return Response(serializers.AccountSerializer(selectors.account_of(request.user.pk)).data)


@extend_schema_view(list=extend_schema(tags=["account"], operation_id="account_entries"))
class EntryViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[CreditEntry]):
    """One's own statement, newest first."""

    serializer_class = serializers.CreditEntrySerializer
    queryset = CreditEntry.objects.none()

    def get_queryset(self) -> Any:
        return CreditEntry.objects.filter(account__user_id=self.request.user.pk)


class EntriesCSVView(APIView):
    """One's own statement as CSV, oldest first, whatever the client accepts."""

    content_negotiation_class = AnyContent

    @extend_schema(
        tags=["account"],
        operation_id="account_entries_csv",
        parameters=[OpenApiParameter("from", OpenApiTypes.DATE), OpenApiParameter("to", OpenApiTypes.DATE)],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        given = {name: request.query_params[name] for name in ("from", "to") if name in request.query_params}
        query = serializers.StatementQuerySerializer(data=given)
        query.is_valid(raise_exception=True)
        account = selectors.account_of(request.user.pk)
        entries = statement.rows(account.pk, **query.validated_data)
        shown = ([*row[:1], timezone.localtime(row[1]).isoformat(), *row[2:]] for row in entries)
        return StreamingHttpResponse(
            csv.lines(itertools.chain([statement.COLUMNS], shown)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="entries.csv"'},
        )


@extend_schema_view(list=extend_schema(tags=["account"], auth=[]))
class RateViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Rate]):
    """Packs of credits on sale."""

    permission_classes = [AllowAny]
    pagination_class = EnvelopePagePagination
    serializer_class = serializers.RateSerializer
    queryset = Rate.objects.filter(is_active=True)


@extend_schema_view(list=extend_schema(tags=["account"], auth=[]))
class PriceListViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[PriceList]):
    """What actions cost, in credits."""

    permission_classes = [AllowAny]
    pagination_class = EnvelopePagePagination
    serializer_class = serializers.PriceListSerializer
    queryset = PriceList.objects.all()

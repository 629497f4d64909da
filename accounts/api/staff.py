"""Staff: other people's accounts, and what waits for a second pair of eyes."""

from collections.abc import Callable
from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import serializers
from accounts.enums import ApprovalStatus
from accounts.models import Account, Approval, User
from accounts.searching import owner_condition
from accounts.services import approvals as deciding
from accounts.services import corrections
from accounts.services.accounts import switch_account
from common.api.idempotency import idempotent
from common.api.permissions import NamedPermissions
from common.api.serializers import NoBodySerializer


class AccountFilter(django_filters.FilterSet):
    is_active = django_filters.BooleanFilter()
    search = django_filters.CharFilter(method="named", label="E-mail, name or phone of the holder")

    class Meta:
        model = Account
        fields: list[str] = []

    def named(self, accounts: QuerySet[Account], name: str, value: str) -> QuerySet[Account]:
        return accounts.filter(owner_condition(value.strip(), "user"))


_MOVED = {
    200: serializers.StaffAccountSerializer,
    202: OpenApiResponse(serializers.ApprovalSerializer, description="Waits for a second person"),
}


@extend_schema_view(list=extend_schema(tags=["accounts"]), retrieve=extend_schema(tags=["accounts"]))
class AccountViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Account]):
    """Everybody's prepaid accounts."""

    serializer_class = serializers.StaffAccountSerializer
    permission_classes = [NamedPermissions]
    permission_names = {
        "list": "accounts.view_account",
        "retrieve": "accounts.view_account",
        "enable": "accounts.change_account",
        "disable": "accounts.change_account",
        "grant": "accounts.grant_credits",
        "adjust": "accounts.adjust_credits",
    }
    filterset_class = AccountFilter
    lookup_url_kwarg = "id"
    lookup_value_converter = "int"
    queryset = Account.objects.select_related("user", "rate")

    @extend_schema(tags=["accounts"], request=None)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def enable(self, request: Request, id: Any) -> Response:
        return self._switch(request, is_active=True)

    @extend_schema(tags=["accounts"], request=None)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def disable(self, request: Request, id: Any) -> Response:
        return self._switch(request, is_active=False)

    @extend_schema(tags=["accounts"], request=serializers.GrantInputSerializer, responses=_MOVED)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def grant(self, request: Request, id: Any) -> Response:
        return self._move(request, serializers.GrantInputSerializer, corrections.grant_credits)

    @extend_schema(tags=["accounts"], request=serializers.AdjustInputSerializer, responses=_MOVED)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def adjust(self, request: Request, id: Any) -> Response:
        return self._move(request, serializers.AdjustInputSerializer, corrections.adjust_credits)

    def _switch(self, request: Request, *, is_active: bool) -> Response:
        account = self.get_object()
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        return Response(self.get_serializer(switch_account(account, is_active=is_active, by=_user(request))).data)

    def _move(self, request: Request, serializer_class: Any, service: Callable[..., Approval | None]) -> Response:
        account = self.get_object()
        serializer = serializer_class(data=request.data)
        serializer.is_valid(raise_exception=True)
        waits = service(account, by=_user(request), **serializer.validated_data)
        if waits is not None:
            return Response(serializers.ApprovalSerializer(waits).data, status=202)
        account.refresh_from_db(fields=["credit"])
        return Response(self.get_serializer(account).data)


class ApprovalFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=ApprovalStatus.choices)
    kind = django_filters.CharFilter()

    class Meta:
        model = Approval
        fields: list[str] = []


@extend_schema_view(list=extend_schema(tags=["approvals"]), retrieve=extend_schema(tags=["approvals"]))
class ApprovalViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Approval]):
    """What staff asked for above the set amounts; somebody else decides."""

    serializer_class = serializers.ApprovalSerializer
    permission_classes = [NamedPermissions]
    permission_names = {
        "list": "accounts.view_approval",
        "retrieve": "accounts.view_approval",
        "approve": deciding.DECIDE,
        "refuse": deciding.DECIDE,
        "withdraw": "accounts.view_approval",
    }
    filterset_class = ApprovalFilter
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = Approval.objects.all()

    @extend_schema(tags=["approvals"], request=None)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def approve(self, request: Request, id: Any) -> Response:
        approval = self.get_object()
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        return Response(self.get_serializer(deciding.approve(approval, by=_user(request))).data)

    @extend_schema(tags=["approvals"], request=serializers.RefuseInputSerializer)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def refuse(self, request: Request, id: Any) -> Response:
        approval = self.get_object()
        serializer = serializers.RefuseInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        decided = deciding.refuse(approval, by=_user(request), note=serializer.validated_data.get("reason", ""))
        return Response(self.get_serializer(decided).data)

    @extend_schema(tags=["approvals"], request=None, description="For whoever asked.")
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def withdraw(self, request: Request, id: Any) -> Response:
        approval = self.get_object()
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        return Response(self.get_serializer(deciding.withdraw(approval, by=_user(request))).data)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from common.api.idempotency import CallOutside, idempotent
from common.api.serializers import NoBodySerializer
from reservations import selectors
from reservations.api import serializers
from reservations.api.filters import ReservationFilter
from reservations.enums import PaymentStatus, Status
from reservations.models import Reservation
from reservations.services import handling
from reservations.services.counter import take_payment
from reservations.services.epg.asking import submit
from reservations.services.reserving import reserve


@extend_schema_view(
    list=extend_schema(tags=["reservations"]),
    retrieve=extend_schema(tags=["reservations"], responses={200: serializers.ReservationSerializer}),
)
class ReservationViewSet(viewsets.GenericViewSet[Reservation]):
    """One's own reservations; a pharmacist's pharmacies'; all of them for staff."""

    serializer_class = serializers.ReservationSerializer
    filterset_class = ReservationFilter
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = Reservation.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Reservation.objects.none()
        return Reservation.objects.visible_to(self._user).select_related("pharmacy", "epg").prefetch_related("lines")

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(_represent_all(page or []))

    def retrieve(self, request: Request, id: Any) -> Response:
        return self._answer(self.get_object())

    @extend_schema(
        tags=["reservations"],
        request=serializers.ReservationInputSerializer,
        responses={201: serializers.ReservationSerializer, 202: serializers.ReservationSerializer},
        description="201: confirmed. 202: the pharmacy's own software is asked, `status` says what it has answered so "
        "far; while it is `requested`, look again.",
    )
    @idempotent(required=True)
    def create(self, request: Request) -> Response | CallOutside:
        serializer = serializers.ReservationInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        reserved = reserve(
            self._user,
            pharmacy_code=serializer.validated_data["pharmacy"],
            basket=serializer.basket(),
            by=self._user,
        )
        body = serializers.represent(reserved.reservation, reserved.lines, PaymentStatus.UNPAID)
        if reserved.reservation.status != Status.REQUESTED:
            return Response(body, status=201)
        return CallOutside(provisional=Response(body, status=202), finish=lambda: self._submit(reserved.reservation.pk))

    def _submit(self, reservation_id: int) -> Response:
        submit(reservation_id)
        return Response(_represent_all([self.get_queryset().get(pk=reservation_id)])[0], status=202)

    @extend_schema(tags=["reservations"], request=None, responses={200: serializers.ReservationSerializer})
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def cancel(self, request: Request, id: Any) -> Response:
        reservation = self.get_object()
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        return self._answer(handling.cancel(reservation, by=self._user))

    @extend_schema(
        tags=["reservations"],
        request=serializers.RejectInputSerializer,
        responses={200: serializers.ReservationSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def reject(self, request: Request, id: Any) -> Response:
        reservation = self.get_object()
        handling.require_handler(reservation, self._user)
        serializer = serializers.RejectInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self._answer(handling.reject(reservation, by=self._user, **serializer.validated_data))

    @extend_schema(tags=["reservations"], request=None, responses={200: serializers.ReservationSerializer})
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def ready(self, request: Request, id: Any) -> Response:
        reservation = self.get_object()
        handling.require_handler(reservation, self._user)
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        return self._answer(handling.mark_ready(reservation, by=self._user))

    @extend_schema(
        tags=["reservations"],
        request=serializers.CollectInputSerializer,
        responses={200: serializers.ReservationSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def collect(self, request: Request, id: Any) -> Response:
        reservation = self.get_object()
        handling.require_handler(reservation, self._user)
        serializer = serializers.CollectInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self._answer(handling.collect(reservation, by=self._user, **serializer.validated_data))

    @extend_schema(
        tags=["reservations"],
        request=None,
        responses={200: serializers.ReservationSerializer},
        description="The patient has paid over the counter: for the pharmacists of that pharmacy and staff.",
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def pay(self, request: Request, id: Any) -> Response:
        reservation = self.get_object()
        handling.require_handler(reservation, self._user)
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        return self._answer(take_payment(reservation, by=self._user))

    @property
    def _user(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def _answer(self, reservation: Reservation) -> Response:
        return Response(_represent_all([reservation])[0])


def _represent_all(reservations: Sequence[Reservation]) -> list[dict[str, Any]]:
    statuses = selectors.payment_statuses(reservations)
    return [
        serializers.represent(
            row, row.lines.all(), statuses[row.public_id], pharmacy_reference=selectors.pharmacy_reference(row)
        )
        for row in reservations
    ]

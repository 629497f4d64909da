from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from appointments.api import representations, serializers
from appointments.api.alternatives import offers_alternatives
from appointments.api.filters import AppointmentFilter
from appointments.enums import PaymentStatus
from appointments.exceptions import UnknownPatient
from appointments.models import Appointment
from appointments.selectors.payments import payment_statuses
from appointments.services import handling
from appointments.services.booking import book
from appointments.services.rescheduling import reschedule
from common.api.idempotency import idempotent
from common.api.serializers import NoBodySerializer
from common.errors import FieldError

_ANSWER = {200: serializers.AppointmentSerializer}


@extend_schema_view(
    list=extend_schema(tags=["appointments"], operation_id="appointments_list"),
    retrieve=extend_schema(tags=["appointments"], operation_id="appointments_retrieve", responses=_ANSWER),
)
class AppointmentViewSet(viewsets.GenericViewSet[Appointment]):
    """One's own appointments; a doctor's practice's; all of them for staff."""

    serializer_class = serializers.AppointmentSerializer
    filterset_class = AppointmentFilter
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = Appointment.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return Appointment.objects.none()
        rows = Appointment.objects.visible_to(self._user)
        return rows.select_related("practitioner__user", "visit_type", "patient")

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(_represent_all(page or [], self._user))

    def retrieve(self, request: Request, id: Any) -> Response:
        return self._answer(self.get_object())

    @extend_schema(
        tags=["appointments"],
        operation_id="appointments_create",
        request=serializers.BookInputSerializer,
        responses={201: serializers.AppointmentSerializer},
    )
    @offers_alternatives
    @idempotent(required=True)
    def create(self, request: Request) -> Response:
        """Book a slot. A fee that is due holds it for a while: pay it with `POST payments/` or in credits."""
        serializer = serializers.BookInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        self.wanted = (given["doctor"], given["visit_type"], given["starts_at"])
        booked = book(
            self._patient(given.get("patient")),
            practitioner_id=given["doctor"],
            visit_type_id=given["visit_type"],
            starts_at=given["starts_at"],
            reason=given.get("reason", ""),
            overbook_reason=given.get("overbook_reason", ""),
            by=self._user,
        )
        status = PaymentStatus.UNPAID if booked.price else PaymentStatus.FREE
        return Response(representations.appointment(booked, status, user=self._user), status=201)

    @extend_schema(
        tags=["appointments"],
        operation_id="appointments_change",
        request=serializers.ChangeInputSerializer,
        responses=_ANSWER,
    )
    @offers_alternatives
    @idempotent(required=False)
    def partial_update(self, request: Request, id: Any) -> Response:
        """Move it to another slot, say what it is about, or (the doctor) write notes."""
        appointment = self.get_object()
        serializer = serializers.ChangeInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        if "starts_at" in given:
            self.wanted = (appointment.practitioner_id, appointment.visit_type_id, given["starts_at"])
            appointment = reschedule(appointment, starts_at=given["starts_at"], by=self._user)
        if "reason" in given:
            appointment = handling.describe(appointment, reason=given["reason"], by=self._user)
        if "private_notes" in given:
            appointment = handling.write_notes(appointment, notes=given["private_notes"], by=self._user)
        return self._answer(appointment)

    @extend_schema(tags=["appointments"], operation_id="appointments_cancel", request=None, responses=_ANSWER)
    @idempotent(required=False)
    def destroy(self, request: Request, id: Any) -> Response:
        """Call it off; it stays in the list, cancelled."""
        appointment = self.get_object()
        serializer = serializers.CancelInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self._answer(handling.cancel(appointment, by=self._user, **serializer.validated_data))

    @extend_schema(tags=["appointments"], operation_id="appointments_confirm", request=None, responses=_ANSWER)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def confirm(self, request: Request, id: Any) -> Response:
        """The doctor, or staff, expect the patient."""
        return self._act(handling.confirm)

    @extend_schema(tags=["appointments"], operation_id="appointments_complete", request=None, responses=_ANSWER)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def complete(self, request: Request, id: Any) -> Response:
        """The visit took place."""
        return self._act(handling.complete)

    @extend_schema(tags=["appointments"], operation_id="appointments_no_show", request=None, responses=_ANSWER)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def no_show(self, request: Request, id: Any) -> Response:
        """The patient did not come."""
        return self._act(handling.mark_no_show)

    @extend_schema(tags=["appointments"], operation_id="appointments_pay_with_credits", request=None, responses=_ANSWER)
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def pay_with_credits(self, request: Request, id: Any) -> Response:
        """Pay the fee in credits, where the doctor takes them."""
        return self._act(handling.pay_with_credits)

    def _act(self, service: Any) -> Response:
        appointment = self.get_object()
        NoBodySerializer(data=self.request.data).is_valid(raise_exception=True)
        return self._answer(service(appointment, by=self._user))

    def _patient(self, pk: int | None) -> User:
        if pk is None or pk == self._user.pk:
            return self._user
        if not self._user.has_perm("appointments.add_appointment"):
            self.permission_denied(self.request)
        patient = User.objects.filter(pk=pk).first()
        if patient is None:
            raise UnknownPatient(errors=[FieldError("patient", UnknownPatient.code, UnknownPatient.detail)])
        return patient

    @property
    def _user(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def _answer(self, appointment: Appointment) -> Response:
        return Response(_represent_all([appointment], self._user)[0])


def _represent_all(rows: Sequence[Appointment], user: User) -> list[dict[str, Any]]:
    statuses = payment_statuses(rows)
    return [representations.appointment(row, statuses[row.public_id], user=user) for row in rows]

from typing import Any

from django.db.models import Prefetch
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from appointments.api import representations, serializers
from appointments.enums import OfferStatus
from appointments.models import WaitlistEntry, WaitlistOffer
from appointments.selectors.payments import payment_statuses
from appointments.services import waitlist
from common.api.idempotency import idempotent
from common.api.serializers import NoBodySerializer

_LIVE = Prefetch(
    "offers",
    queryset=WaitlistOffer.objects.filter(status=OfferStatus.LIVE).select_related("appointment__practitioner"),
    to_attr="live_offers",
)


@extend_schema_view(
    list=extend_schema(tags=["appointments"], operation_id="waitlist_list"),
    retrieve=extend_schema(
        tags=["appointments"], operation_id="waitlist_retrieve", responses={200: serializers.EntrySerializer}
    ),
)
class WaitlistViewSet(viewsets.GenericViewSet[WaitlistEntry]):
    """What one waits for, and the slots that are offered."""

    serializer_class = serializers.EntrySerializer
    filter_backends: list[Any] = []
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"
    queryset = WaitlistEntry.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return WaitlistEntry.objects.none()
        return WaitlistEntry.objects.filter(patient=self._user).prefetch_related(_LIVE)

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([_represent(row) for row in page or ()])

    def retrieve(self, request: Request, id: Any) -> Response:
        return Response(_represent(self.get_object()))

    @extend_schema(
        tags=["appointments"],
        operation_id="waitlist_join",
        request=serializers.JoinInputSerializer,
        responses={201: serializers.EntrySerializer},
    )
    @idempotent(required=True)
    def create(self, request: Request) -> Response:
        """Wait for a slot of a doctor or of a specialty."""
        serializer = serializers.JoinInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = dict(serializer.validated_data)
        entry = waitlist.join(
            self._user,
            practitioner_id=given.pop("doctor", None),
            specialty_id=given.pop("specialty", None),
            visit_type_id=given.pop("visit_type", None),
            by=self._user,
            **given,
        )
        return Response(representations.entry(entry, None), status=201)

    @extend_schema(
        tags=["appointments"],
        operation_id="waitlist_leave",
        request=None,
        responses={200: serializers.EntrySerializer},
    )
    @idempotent(required=False)
    def destroy(self, request: Request, id: Any) -> Response:
        """Wait no longer."""
        entry = self.get_object()
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        return Response(representations.entry(waitlist.leave(entry, by=self._user), None))

    @extend_schema(
        tags=["appointments"],
        operation_id="waitlist_accept",
        request=None,
        responses={200: serializers.AppointmentSerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def accept(self, request: Request, id: Any) -> Response:
        """Take the slot that is offered; a fee is then paid as for any booking."""
        entry = self.get_object()
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        taken = waitlist.accept(entry, by=self._user)
        return Response(representations.appointment(taken, payment_statuses([taken])[taken.public_id], user=self._user))

    @extend_schema(
        tags=["appointments"],
        operation_id="waitlist_decline",
        request=None,
        responses={200: serializers.EntrySerializer},
    )
    @action(detail=True, methods=["post"])
    @idempotent(required=False)
    def decline(self, request: Request, id: Any) -> Response:
        """Let the offer pass and wait on."""
        entry = self.get_object()
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        return Response(representations.entry(waitlist.decline(entry, by=self._user), None))

    @property
    def _user(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user


def _represent(row: Any) -> dict[str, Any]:
    return representations.entry(row, next(iter(row.live_offers), None))

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from appointments.api import params, representations, serializers
from appointments.exceptions import UnknownDoctor, UnknownVisitType
from appointments.models import Practitioner, Specialty, VisitType
from appointments.selectors import doctors as selectors
from appointments.selectors import free
from catalog.api.params import read
from common.api.pagination import EnvelopePagePagination
from common.errors import FieldError

_NEAR = OpenApiParameter("near", str, description="`lat,lon` in degrees: the nearest come first")
_PAGING = [
    OpenApiParameter("page", int, description="from 1"),
    OpenApiParameter("limit", int, description="rows a page, at most 100"),
]
_FROM = OpenApiParameter("from", str, description="a local day or a moment with its zone; now by default")


class SpecialtyViewSet(GenericViewSet[Specialty]):
    """What doctors practise. No sign-in needed."""

    permission_classes = [AllowAny]
    pagination_class = EnvelopePagePagination
    filter_backends: list[Any] = []
    serializer_class = serializers.SpecialtySerializer
    queryset = Specialty.objects.all()

    @extend_schema(tags=["appointments"], operation_id="specialties_list", auth=[])
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([representations.specialty(row) for row in page or ()])


class DoctorViewSet(GenericViewSet[Practitioner]):
    """Doctors who receive patients here, and when. No sign-in needed."""

    permission_classes = [AllowAny]
    pagination_class = EnvelopePagePagination
    filter_backends: list[Any] = []
    serializer_class = serializers.DoctorSerializer
    lookup_url_kwarg = "id"
    lookup_value_converter = "int"
    queryset = Practitioner.objects.none()

    @extend_schema(
        tags=["appointments"],
        operation_id="doctors_list",
        auth=[],
        parameters=[
            OpenApiParameter("specialty", int),
            OpenApiParameter("q", str, description="words of name, place or specialty"),
            _NEAR,
            OpenApiParameter("language", str, description="ISO 639-1, e.g. fr"),
            OpenApiParameter("available_on", str, description="a day, YYYY-MM-DD: only who has a free slot then"),
            *_PAGING,
        ],
        responses={200: serializers.DoctorSerializer(many=True)},
    )
    def list(self, request: Request) -> Response:
        """By name, or the nearest first."""
        asked = read(params.DoctorParams, request)
        page = self.paginate_queryset(
            selectors.doctors(
                specialty_id=asked["specialty"],
                q=asked["q"],
                near=asked["near"],
                language=asked["language"],
                available_on=asked["available_on"],
            )
        )
        return self.get_paginated_response(_represent(page or []))

    @extend_schema(
        tags=["appointments"], operation_id="doctors_retrieve", auth=[], responses={200: serializers.DoctorSerializer}
    )
    def retrieve(self, request: Request, id: int) -> Response:
        """One doctor."""
        return Response(_represent([_listed(id)])[0])

    @extend_schema(
        tags=["appointments"],
        operation_id="doctors_slots",
        auth=[],
        parameters=[
            _FROM,
            OpenApiParameter("to", str, description="at most 62 days later; a day is included. A week by default"),
            OpenApiParameter("visit_type", int, description="all types without it"),
        ],
        responses={200: serializers.SlotListSerializer},
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def slots(self, request: Request, id: int) -> Response:
        """Free slots in the doctor's own time zone, all that there are."""
        asked = params.SlotParams(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        row = _listed(id)
        since, until = asked.bounds(row.zone)
        type_id = asked.validated_data["visit_type"]
        practices = free.practices([row.pk], type_id)
        if type_id is not None and not practices:
            raise UnknownVisitType(errors=[FieldError("visit_type", UnknownVisitType.code, UnknownVisitType.detail)])
        return _all([representations.slot(each) for each in free.slots(practices, since=since, until=until)])


class FirstFreeView(APIView):
    """The first free slot of every doctor who has one. No sign-in needed."""

    permission_classes = [AllowAny]

    @extend_schema(
        tags=["appointments"],
        operation_id="slots_list",
        auth=[],
        parameters=[OpenApiParameter("specialty", int), _NEAR, _FROM, OpenApiParameter("to", str)],
        responses={200: serializers.DoctorSlotListSerializer},
    )
    def get(self, request: Request) -> Response:
        """Earliest first, of the hundred nearest doctors (or the first hundred by name), within two weeks."""
        asked = params.FirstFreeParams(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        since, until = asked.bounds(params.house_zone())
        found = selectors.doctors(
            specialty_id=asked.validated_data["specialty"], near=asked.validated_data["near"]
        ).prefetch_related(None)
        rows = {row.pk: row for row in found[:100]}
        practices = free.first_of_each(free.practices(list(rows)))
        first = free.first_free(practices, since=since, until=until)
        return _all([representations.doctor_slot(slot, rows[slot.practitioner_id]) for slot in first])


def _all(results: list[dict[str, Any]]) -> Response:
    """The envelope of a list that its own question bounds."""
    return Response({"results": results, "next": None, "previous": None, "meta": {"count": len(results)}})


def _listed(pk: int) -> Any:
    row = selectors.doctors().filter(pk=pk).first() if pk < 2**63 else None
    if row is None:
        raise UnknownDoctor
    return row


def _represent(rows: Iterable[Practitioner]) -> list[dict[str, Any]]:
    found = list(rows)
    types: dict[int, list[VisitType]] = {}
    for each in VisitType.objects.filter(practitioner__in=found, is_active=True).order_by("pk"):
        types.setdefault(each.practitioner_id, []).append(each)
    return [representations.doctor(row, types.get(row.pk, [])) for row in found]

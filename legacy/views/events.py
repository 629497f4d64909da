"""The history, and the figures that a site counts from it."""

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from legacy import events, schema
from legacy.inputs import day, query
from legacy.shapes import Row
from legacy.views.base import LegacyView

LIMIT_HEADER = "X-Event-Limit"
DEFAULT_LIMIT = 1_000


def _answer(rows: list[Row], limit: int) -> Response:
    """At most so many: the header says so."""
    return Response(rows, headers={LIMIT_HEADER: str(limit)})


class EventsView(LegacyView):
    who = {"get": "audit.view_event"}
    successor = "/api/v1/events/"

    @extend_schema(
        operation_id="legacy_events",
        parameters=[OpenApiParameter("limit", int)],
        responses={200: schema.OldNamedEventSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        given = query(request)
        asked = given.integer("limit")
        given.check()
        limit = min(DEFAULT_LIMIT if asked is None else asked, settings.LEGACY_EVENT_LIMIT)
        return _answer(events.newest(limit), limit)


class EventsByDayView(LegacyView):
    """Days of `TIME_ZONE`, both included."""

    who = {"get": "audit.view_event"}
    successor = "/api/v1/events/"

    @extend_schema(
        operation_id="legacy_events_by_day",
        parameters=[
            OpenApiParameter(name, OpenApiTypes.DATE, OpenApiParameter.PATH) for name in ("start_at", "end_at")
        ],
        responses={200: schema.OldEventSerializer(many=True)},
    )
    def get(self, request: Request, start_at: str, end_at: str) -> Response:
        first, last = day(start_at, "start_at"), day(end_at, "end_at")
        limit = settings.LEGACY_EVENT_LIMIT
        return _answer(events.of_the_six(limit, first=first, last=last), limit)


class FiguresView(LegacyView):
    who = {"get": "audit.view_event"}
    successor = "/api/v1/events/"

    @extend_schema(operation_id="legacy_event_stat", responses={200: schema.OldEventSerializer(many=True)})
    def get(self, request: Request) -> Response:
        limit = settings.LEGACY_EVENT_LIMIT
        return _answer(events.of_the_six(limit), limit)

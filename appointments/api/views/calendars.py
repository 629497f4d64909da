from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from appointments.api import serializers
from appointments.models import CalendarFeed
from appointments.services import calendars
from common.api.idempotency import idempotent
from common.api.serializers import NoBodySerializer


@extend_schema_view(list=extend_schema(tags=["appointments"], operation_id="calendars_list"))
class CalendarViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[CalendarFeed]):
    """The calendars that one shares with one's own programmes."""

    serializer_class = serializers.FeedSerializer
    filter_backends: list[Any] = []
    lookup_url_kwarg = "id"
    lookup_value_converter = "int"
    queryset = CalendarFeed.objects.none()

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return CalendarFeed.objects.none()
        return CalendarFeed.objects.filter(user_id=self.request.user.pk, revoked_at=None)

    @extend_schema(
        tags=["appointments"],
        operation_id="calendars_share",
        request=serializers.ShareInputSerializer,
        responses={201: serializers.FeedSerializer},
    )
    @idempotent(required=False)
    def create(self, request: Request) -> Response:
        """A new secret address for a calendar programme; an older one of the same kind ends."""
        assert isinstance(request.user, User)
        serializer = serializers.ShareInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        feed, token = calendars.share(request.user, by=request.user, **serializer.validated_data)
        url = f"{settings.PUBLIC_URL}/calendar/{token}.ics"
        return Response({**serializers.FeedSerializer(feed).data, "url": url}, status=201)

    @extend_schema(tags=["appointments"], operation_id="calendars_revoke", request=None, responses={204: None})
    @idempotent(required=False)
    def destroy(self, request: Request, id: int) -> Response:
        """End the address."""
        assert isinstance(request.user, User)
        feed = self.get_object()
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        calendars.revoke(feed, by=request.user)
        return Response(status=204)

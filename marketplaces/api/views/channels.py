from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from common.api.problems import CONTENT_TYPE
from common.api.schema import ProblemSerializer
from common.api.serializers import NoBodySerializer
from common.errors import DomainError
from marketplaces.api import channel_serializers as serializers
from marketplaces.api.entering import MerchantViewSet, for_merchant
from marketplaces.channels import get_channel, open_channels
from marketplaces.channels.exceptions import ChannelUnavailable, ConsentRefused, NotConnected
from marketplaces.enums import MemberRole
from marketplaces.models import ChannelConnection
from marketplaces.services import connections

_CHANNEL = OpenApiParameter("channel", str, OpenApiParameter.PATH, enum=["ebay", "etsy", "vinted"])


class ChannelViewSet(MerchantViewSet):
    """Where a merchant sells, and whether we may act there."""

    serializer_class = serializers.ConnectionSerializer
    queryset = ChannelConnection.objects.none()
    pagination_class = None

    @extend_schema(
        tags=["marketplaces"], operation_id="channels_list", responses={200: serializers.ConnectionListSerializer}
    )
    @for_merchant(MemberRole.VIEWER)
    def list(self, request: Request) -> Response:
        """Every channel that is open, connected or not; what it wants to know, and what it can."""
        known = {row.channel: row for row in ChannelConnection.objects.all()}
        results = [serializers.shown(channel, known.get(channel.name)) for channel in open_channels()]
        return Response({"results": results, "next": None, "previous": None, "meta": {"limit": len(results)}})

    @extend_schema(
        tags=["marketplaces"],
        operation_id="channels_retrieve",
        parameters=[_CHANNEL],
        responses={200: serializers.ConnectionSerializer},
    )
    @for_merchant(MemberRole.VIEWER)
    def retrieve(self, request: Request, channel: str) -> Response:
        found = get_channel(channel)
        connection = ChannelConnection.objects.filter(channel=found.name).first()
        if connection is None:
            raise NotConnected
        return Response(serializers.shown(found, connection))

    @extend_schema(
        tags=["marketplaces"],
        operation_id="channels_connect",
        parameters=[_CHANNEL],
        request=None,
        responses={200: serializers.AskedSerializer},
    )
    @for_merchant(MemberRole.OWNER)
    def connect(self, request: Request, channel: str) -> Response:
        """The channel's consent page, for the owner's browser: good once, for ten minutes; null if none is needed."""
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        asked = connections.connect(channel, by=self.user)
        lasts = int(connections.STATE_LASTS.total_seconds()) if asked.authorization_url else None
        return Response({"authorization_url": asked.authorization_url or None, "expires_in": lasts})

    @extend_schema(
        tags=["marketplaces"],
        operation_id="channels_settings",
        parameters=[_CHANNEL],
        request=serializers.ConnectionSettingsSerializer,
        responses={200: serializers.ConnectionSerializer},
    )
    @for_merchant(MemberRole.OWNER)
    def partial_update(self, request: Request, channel: str) -> Response:
        """What the channel needs to know to sell: `requires` names what nothing is published without."""
        serializer = serializers.ConnectionSettingsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        connection = connections.change_settings(channel, serializer.validated_data["settings"], by=self.user)
        return Response(serializers.shown(get_channel(channel), connection))

    @extend_schema(
        tags=["marketplaces"], operation_id="channels_disconnect", parameters=[_CHANNEL], responses={204: None}
    )
    @for_merchant(MemberRole.OWNER)
    def destroy(self, request: Request, channel: str) -> Response:
        """Forget the tokens. What stands on the channel stays there."""
        connections.disconnect(channel, by=self.user)
        return Response(status=204)


class ChannelCallbackView(APIView):
    """Where the channel's consent page sends the merchant's browser back."""

    permission_classes = [AllowAny]
    # No HEAD: looking at the address would use the code up.
    http_method_names = ["get", "options"]

    @extend_schema(
        tags=["marketplaces"],
        operation_id="channels_callback",
        parameters=[
            _CHANNEL,
            OpenApiParameter("state", str, OpenApiParameter.QUERY),
            OpenApiParameter("code", str, OpenApiParameter.QUERY),
            OpenApiParameter("error", str, OpenApiParameter.QUERY),
        ],
        responses={
            200: serializers.ConnectedSerializer,
            303: OpenApiResponse(description="To CHANNEL_RETURN_URL, where the operator has set one"),
            (502, CONTENT_TYPE): ProblemSerializer,
        },
    )
    def get(self, request: Request, channel: str) -> Response:
        """Exchange the code, once. A state that is forged, over, used or somebody else's changes nothing."""
        given = {name: request.query_params.get(name, "") for name in ("state", "code", "error")}
        present = request.user.pk if isinstance(request.user, User) else None
        try:
            connection = connections.complete(channel, **given, present=present)
        except (ConsentRefused, ChannelUnavailable) as error:
            return _back(channel, error=error.code) or _raise(error)
        answer = {"channel": connection.channel, "state": connection.state}
        return _back(channel, connected="1") or Response(answer, headers={"Referrer-Policy": "no-referrer"})


def _back(channel: str, **told: str) -> Response | None:
    """To the operator's own page, where there is one."""
    url = settings.CHANNEL_RETURN_URL
    if not url:
        return None
    location = f"{url}{'&' if '?' in url else '?'}{urlencode({'channel': channel, **told})}"
    return Response(status=303, headers={"Location": location, "Referrer-Policy": "no-referrer"})


def _raise(error: DomainError) -> Any:
    raise error

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import TokenAuthentication
from common.api.serializers import NoBodySerializer
from marketplaces.api import job_serializers as serializers
from marketplaces.api.entering import MerchantViewSet, for_merchant, found
from marketplaces.api.plugin_auth import DeviceAuthentication, caller_of
from marketplaces.channels.base import BrowserAnswer
from marketplaces.enums import MemberRole
from marketplaces.models import PluginDevice
from marketplaces.services import devices
from marketplaces.services.jobs import plugin

_POLL_MS, _IDLE_POLL_MS = 1000, 5000


class DeviceViewSet(MerchantViewSet):
    """Browsers with our extension."""

    serializer_class = serializers.DeviceSerializer
    queryset = PluginDevice.objects.none()

    @extend_schema(tags=["plugin"], operation_id="plugin_devices_list")
    @for_merchant(MemberRole.VIEWER)
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(PluginDevice.objects.filter(revoked_at=None).order_by("-pk"))
        return self.get_paginated_response([serializers.device(row) for row in page or ()])

    @extend_schema(
        tags=["plugin"],
        operation_id="plugin_devices_create",
        request=serializers.DeviceInputSerializer,
        responses={201: serializers.NewDeviceSerializer},
    )
    @for_merchant(MemberRole.EDITOR)
    def create(self, request: Request) -> Response:
        """The token is shown this once."""
        serializer = serializers.DeviceInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        device, token = devices.add_device(serializer.validated_data["name"], by=self.user)
        return Response({**serializers.device(device), "token": token}, status=201)

    @extend_schema(tags=["plugin"], operation_id="plugin_devices_revoke", request=None, responses={204: None})
    @for_merchant(MemberRole.EDITOR)
    def destroy(self, request: Request, id: uuid.UUID) -> Response:
        device = found(PluginDevice.objects.filter(revoked_at=None), id)
        NoBodySerializer(data=request.data).is_valid(raise_exception=True)
        devices.revoke_device(device, by=self.user)
        return Response(status=204)


class _PluginView(APIView):
    """What a browser asks: by its own token; people are told so (403 `device_required`)."""

    authentication_classes = [DeviceAuthentication, TokenAuthentication]


class PluginTasksView(_PluginView):
    @extend_schema(
        tags=["plugin"],
        operation_id="plugin_tasks",
        parameters=[
            OpenApiParameter("timeout", int, description="Seconds to wait for a task, at most 30. Default: 0."),
            OpenApiParameter("limit", int, description="Tasks at a time, at most 10."),
        ],
        responses={200: serializers.PluginTasksSerializer},
    )
    def get(self, request: Request) -> Response:
        """Tasks for this browser, as soon as there are any. Each is leased for `PLUGIN_LEASE_SECONDS`."""
        caller = caller_of(request)
        tasks = plugin.wait_for_tasks(
            caller, seconds=_whole(request, "timeout", 0), limit=_whole(request, "limit", plugin.MOST_TASKS)
        )
        return Response(
            {
                "tasks": [serializers.task(row) for row in tasks],
                "next_poll_interval_ms": _POLL_MS if tasks else _IDLE_POLL_MS,
                "has_pending_tasks": plugin.has_tasks(caller),
            }
        )


class PluginResultView(_PluginView):
    @extend_schema(
        tags=["plugin"],
        operation_id="plugin_tasks_result",
        request=serializers.PluginResultInputSerializer,
        responses={200: serializers.PluginAnsweredSerializer},
    )
    def post(self, request: Request, id: uuid.UUID) -> Response:
        """What became of a task. Too late or again, it is taken note of and changes no job (`accepted: false`)."""
        caller = caller_of(request)
        serializer = serializers.PluginResultInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        said = BrowserAnswer(
            success=given["success"],
            result=given.get("result"),
            status=(given.get("error_details") or {}).get("status_code"),
            message=given.get("error_message", ""),
        )
        answered = plugin.answer(caller, id, said)
        return Response({"accepted": answered.accepted, "state": answered.state})


class PluginHeartbeatView(_PluginView):
    @extend_schema(
        tags=["plugin"],
        operation_id="plugin_heartbeat",
        request=serializers.HeartbeatInputSerializer,
        responses={200: serializers.HeartbeatSerializer},
    )
    def post(self, request: Request) -> Response:
        """The browser is still at these tasks: their leases are as long again."""
        caller = caller_of(request)
        serializer = serializers.HeartbeatInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        held = plugin.heartbeat(caller, serializer.validated_data.get("tasks", []))
        return Response({"held": held, "has_pending_tasks": plugin.has_tasks(caller)})


def _whole(request: Request, name: str, default: int) -> int:
    value: Any = request.query_params.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else default

"""Channels and connections, as they are sent and answered. No token is in any of them."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from common.api.serializers import StrictSerializer
from marketplaces.channels.base import Action, Channel
from marketplaces.enums import ConnectionState
from marketplaces.models import ChannelConnection

_time = serializers.DateTimeField()


class ConnectionSettingsSerializer(StrictSerializer):
    settings = serializers.DictField(
        child=serializers.CharField(max_length=100, allow_blank=True, allow_null=True),
        help_text="Each of `accepts` that changes; null or an empty text takes it away.",
    )


class ConnectionSerializer(serializers.Serializer[Any]):
    channel = serializers.CharField()
    state = serializers.ChoiceField(choices=ConnectionState.choices, allow_null=True, help_text="null: never connected")
    reason = serializers.CharField(allow_blank=True)
    account_id = serializers.CharField(allow_blank=True)
    settings = serializers.DictField(child=serializers.CharField())
    requires = serializers.ListField(child=serializers.CharField())
    accepts = serializers.ListField(child=serializers.CharField())
    can = serializers.ListField(child=serializers.CharField(), help_text=", ".join(sorted(Action)))
    connected_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When the merchant has to agree anew")


@extend_schema_serializer(many=False)
class ConnectionListSerializer(serializers.Serializer[Any]):
    results = ConnectionSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    meta = serializers.DictField()


class AskedSerializer(serializers.Serializer[Any]):
    authorization_url = serializers.CharField(allow_null=True)
    expires_in = serializers.IntegerField(allow_null=True, help_text="seconds")


class ConnectedSerializer(serializers.Serializer[Any]):
    channel = serializers.CharField()
    state = serializers.ChoiceField(choices=ConnectionState.choices)


def shown(channel: Channel, connection: ChannelConnection | None) -> dict[str, Any]:
    return {
        "channel": channel.name,
        "state": connection.state if connection else None,
        "reason": connection.reason if connection else "",
        "account_id": connection.account_id if connection else "",
        "settings": connection.settings if connection else {},
        "requires": sorted(channel.requires),
        "accepts": sorted(channel.accepts),
        "can": sorted(channel.can),
        "connected_at": _when(connection.connected_at) if connection else None,
        "expires_at": _when(connection.refresh_expires_at) if connection else None,
    }


def _when(at: Any) -> Any:
    return _time.to_representation(at) if at is not None else None

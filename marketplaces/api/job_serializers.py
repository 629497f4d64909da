"""Jobs and what belongs to them: what is sent, and what is answered."""

from typing import Any

from rest_framework import serializers

from common.api.serializers import StrictSerializer
from marketplaces.enums import Channel, JobKind, JobState
from marketplaces.models import BuyerMessage, ForeignListing, Job, PluginDevice, PluginTask
from marketplaces.trouble import in_words

_time = serializers.DateTimeField()


def _moment(value: Any) -> str | None:
    return None if value is None else _time.to_representation(value)


class ProgressSerializer(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)


class JobSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=JobKind.choices)
    channel = serializers.ChoiceField(choices=Channel.choices)
    state = serializers.ChoiceField(choices=JobState.choices)
    item = serializers.UUIDField(allow_null=True)
    listing = serializers.UUIDField(allow_null=True)
    progress = ProgressSerializer()
    attempts = serializers.IntegerField()
    next_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()
    result = serializers.DictField()
    last_error = serializers.CharField()
    last_error_code = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ForeignListingSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    channel = serializers.ChoiceField(choices=Channel.choices)
    external_id = serializers.CharField()
    sku = serializers.CharField()
    title = serializers.CharField()
    quantity = serializers.IntegerField()
    price = serializers.IntegerField(allow_null=True)
    currency = serializers.CharField()
    url = serializers.CharField()
    is_live = serializers.BooleanField()
    listing = serializers.UUIDField(allow_null=True)
    seen_at = serializers.DateTimeField()


class MessageSerializer(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(choices=Channel.choices)
    external_id = serializers.CharField()
    sender = serializers.CharField()
    text = serializers.CharField()
    sent_at = serializers.CharField()
    created_at = serializers.DateTimeField()


class LinkInputSerializer(StrictSerializer):
    item = serializers.UUIDField()


class DeviceInputSerializer(StrictSerializer):
    name = serializers.CharField(max_length=80)


class DeviceSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    last_seen_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class NewDeviceSerializer(DeviceSerializer):
    token = serializers.CharField(help_text="Shown this once.")


class PluginTaskSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    platform = serializers.ChoiceField(choices=Channel.choices)
    http_method = serializers.CharField()
    path = serializers.CharField()
    params = serializers.DictField()
    payload = serializers.DictField()
    execute_delay_ms = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class PluginTasksSerializer(serializers.Serializer[Any]):
    tasks = PluginTaskSerializer(many=True)
    next_poll_interval_ms = serializers.IntegerField()
    has_pending_tasks = serializers.BooleanField()


class ErrorDetailsSerializer(StrictSerializer):
    status_code = serializers.IntegerField(required=False, min_value=0, max_value=999, allow_null=True)


class PluginResultInputSerializer(StrictSerializer):
    success = serializers.BooleanField()
    result = serializers.JSONField(required=False, allow_null=True)
    error_message = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    error_details = ErrorDetailsSerializer(required=False, allow_null=True)


class PluginAnsweredSerializer(serializers.Serializer[Any]):
    accepted = serializers.BooleanField()
    state = serializers.CharField()


class HeartbeatInputSerializer(StrictSerializer):
    tasks = serializers.ListField(child=serializers.UUIDField(), max_length=100, required=False)


class HeartbeatSerializer(serializers.Serializer[Any]):
    held = serializers.IntegerField()
    has_pending_tasks = serializers.BooleanField()


def job(row: Job) -> dict[str, Any]:
    """The listing and its item are loaded with it."""
    return {
        "id": str(row.public_id),
        "kind": row.kind,
        "channel": row.channel,
        "state": row.state,
        "item": str(row.listing.item.public_id) if row.listing else None,
        "listing": str(row.listing.public_id) if row.listing else None,
        "progress": {"done": row.done, "total": row.total},
        "attempts": row.attempts,
        "next_at": _moment(row.next_at),
        "expires_at": _moment(row.expires_at),
        "result": row.result,
        "last_error": in_words(row.last_error_code, row.last_error),
        "last_error_code": row.last_error_code,
        "created_at": _moment(row.created_at),
        "finished_at": _moment(row.finished_at),
    }


def foreign(row: ForeignListing) -> dict[str, Any]:
    fields = ("channel", "external_id", "sku", "title", "quantity", "price", "currency", "url", "is_live")
    return {
        "id": str(row.public_id),
        **{name: getattr(row, name) for name in fields},
        "listing": str(row.listing.public_id) if row.listing else None,
        "seen_at": _moment(row.seen_at),
    }


def message(row: BuyerMessage) -> dict[str, Any]:
    fields = ("channel", "external_id", "sender", "text", "sent_at")
    return {**{name: getattr(row, name) for name in fields}, "created_at": _moment(row.created_at)}


def device(row: PluginDevice) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "name": row.name,
        "last_seen_at": _moment(row.last_seen_at),
        "created_at": _moment(row.created_at),
    }


def task(row: PluginTask) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "platform": row.channel,
        "http_method": row.method,
        "path": row.path,
        "params": row.params,
        "payload": row.payload,
        "execute_delay_ms": 0,
        "created_at": _moment(row.created_at),
    }

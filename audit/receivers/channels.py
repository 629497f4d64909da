"""Sales channels: from domain signals to events. No token is in any of them."""

from collections.abc import Mapping
from typing import Any

from django.dispatch import receiver

from audit.enums import Action
from audit.services import record
from marketplaces import signals as marketplaces
from marketplaces.enums import ConnectionState
from marketplaces.models import ChannelConnection


@receiver(marketplaces.connection_moved, dispatch_uid="audit.connection_moved")
def connection_moved(connection: ChannelConnection, old: ConnectionState | None, **kwargs: Any) -> None:
    changes: dict[str, Any] = {
        "merchant": connection.merchant_id,
        "channel": connection.channel,
        "old": old,
        "new": connection.state,
    }
    if connection.account_id:
        changes["account"] = connection.account_id
    if connection.reason:
        changes["reason"] = connection.reason
    record(Action(f"channel.{connection.state}"), entity="channel", entity_id=connection.public_id, changes=changes)


@receiver(marketplaces.connection_changed, dispatch_uid="audit.connection_changed")
def connection_changed(
    connection: ChannelConnection, old: Mapping[str, str], new: Mapping[str, str], **kwargs: Any
) -> None:
    record(
        Action.CHANNEL_SETTINGS_CHANGED,
        entity="channel",
        entity_id=connection.public_id,
        changes={"merchant": connection.merchant_id, "channel": connection.channel, "old": old, "new": new},
    )

"""The jobs of the channels: from domain signals to events."""

from typing import Any

from django.dispatch import receiver

from audit.enums import Action
from audit.services import record
from marketplaces import signals as marketplaces
from marketplaces.enums import JobState
from marketplaces.models import ChannelQueue, ForeignListing, Item, Job, PluginDevice


@receiver(marketplaces.job_moved, dispatch_uid="audit.job_moved")
def job_moved(job: Job, old: JobState | None, **kwargs: Any) -> None:
    record(
        Action.JOB_MOVED,
        entity="job",
        entity_id=job.public_id,
        changes={
            "merchant": job.merchant_id,
            "channel": job.channel,
            "kind": job.kind,
            "listing": job.listing_id,
            "old": old,
            "new": job.state,
            "error": job.last_error_code,
        },
    )


@receiver(marketplaces.queue_stopped, dispatch_uid="audit.queue_stopped")
def queue_stopped(queue: ChannelQueue, reason: str, **kwargs: Any) -> None:
    record(
        Action.QUEUE_STOPPED,
        entity="merchant",
        entity_id=queue.merchant_id,
        changes={"channel": queue.channel, "reason": reason},
    )


@receiver(marketplaces.queue_resumed, dispatch_uid="audit.queue_resumed")
def queue_resumed(queue: ChannelQueue, **kwargs: Any) -> None:
    record(Action.QUEUE_RESUMED, entity="merchant", entity_id=queue.merchant_id, changes={"channel": queue.channel})


@receiver(marketplaces.foreign_linked, dispatch_uid="audit.foreign_linked")
def foreign_linked(found: ForeignListing, item: Item, **kwargs: Any) -> None:
    record(
        Action.LISTING_LINKED,
        entity="item",
        entity_id=item.public_id,
        changes={"merchant": item.merchant_id, "channel": found.channel, "external_id": found.external_id},
    )


@receiver(marketplaces.device_added, dispatch_uid="audit.device_added")
def device_added(device: PluginDevice, **kwargs: Any) -> None:
    record(
        Action.PLUGIN_DEVICE_ADDED,
        entity="plugin_device",
        entity_id=device.public_id,
        changes={"merchant": device.merchant_id},
    )


@receiver(marketplaces.device_revoked, dispatch_uid="audit.device_revoked")
def device_revoked(device: PluginDevice, **kwargs: Any) -> None:
    record(
        Action.PLUGIN_DEVICE_REVOKED,
        entity="plugin_device",
        entity_id=device.public_id,
        changes={"merchant": device.merchant_id},
    )

from typing import Any

from django.utils import timezone

from marketplaces.channels.base import Action, Page, Result
from marketplaces.models import BuyerMessage, ChannelQueue, Job
from marketplaces.services.jobs.handlers.base import Ask, Onwards, Over


class Messages:
    """What buyers wrote since the cursor; read again, a message is the same row."""

    most_failures = 12

    def lock(self, job: Job, page: Page[Any] | None) -> None:
        """Only rows of its own."""

    def prepare(self, job: Job) -> Ask | Over:
        cursor = ChannelQueue.objects.values_list("messages_cursor", flat=True).get(channel=job.channel)
        return Ask(Action.MESSAGES, lambda channel, seller: channel.messages(seller, cursor), reads=True)

    def conclude(self, job: Job, action: Action, page: Page[Any]) -> Over | Onwards:
        rows = [
            BuyerMessage(
                merchant_id=job.merchant_id,
                channel=job.channel,
                external_id=row.external_id,
                sender=row.sender[:120],
                text=row.text[:5000],
                sent_at=row.sent_at[:40],
            )
            for row in page.rows
        ]
        BuyerMessage.objects.bulk_create(rows, ignore_conflicts=True)
        if page.cursor:
            ChannelQueue.objects.filter(channel=job.channel).update(
                messages_cursor=page.cursor, updated_at=timezone.now()
            )
        if page.more:
            return Onwards({}, done=len(rows))
        return Over({"messages": job.done + len(rows)})

    def refuse(self, job: Job, result: Result) -> None:
        """Nothing was changed."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from marketplaces.channels.base import Action, Page, RemoteOrder, Result
from marketplaces.models import ChannelQueue, Job
from marketplaces.services import selling
from marketplaces.services.jobs.handlers.base import Ask, Onwards, Over

# An order that is not paid yet is looked at again until it is this old.
WAITED_FOR = timedelta(days=7)


class Orders:
    """What was bought since the cursor, oldest first, a page a step.

    The cursor that is kept stays before the first order that is not paid yet: it comes again, and rows of orders are
    written once however often they come.
    """

    most_failures = 12

    def lock(self, job: Job, page: Page[Any] | None) -> None:
        if page is not None:
            selling.lock_what_was_sold(job.channel, page.rows)

    def prepare(self, job: Job) -> Ask | Over:
        kept = ChannelQueue.objects.values_list("orders_cursor", flat=True).get(channel=job.channel)
        cursor = job.memo.get("cursor", kept)
        return Ask(Action.ORDERS, lambda channel, seller: channel.orders(seller, cursor), reads=True)

    def conclude(self, job: Job, action: Action, page: Page[Any]) -> Over | Onwards:
        fresh = sum(selling.take_order(job.channel, order) for order in page.rows)
        waits = job.memo.get("waits", False) or any(map(_waits, page.rows))
        if not waits and page.cursor:
            ChannelQueue.objects.filter(channel=job.channel).update(
                orders_cursor=page.cursor, updated_at=timezone.now()
            )
        found = job.memo.get("orders", 0) + fresh
        if page.more:
            return Onwards({"cursor": page.cursor, "orders": found, "waits": waits}, done=len(page.rows))
        self._again_later(job)
        return Over({"orders": found}, traceless=found == 0 and job.requested_by_id is None)

    def refuse(self, job: Job, result: Result) -> None:
        self._again_later(job)

    def _again_later(self, job: Job) -> None:
        later = timezone.now() + timedelta(seconds=settings.ORDER_POLL_SECONDS)
        ChannelQueue.objects.filter(channel=job.channel).update(orders_at=later, updated_at=timezone.now())


def _waits(order: RemoteOrder) -> bool:
    return not order.is_paid and not order.is_cancelled and order.ordered_at > timezone.now() - WAITED_FOR

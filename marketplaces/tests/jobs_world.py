"""Merchants connected to fake channels, and what their tests do all the time."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from marketplaces.channels.base import Amount, RemoteLine, RemoteOrder
from marketplaces.enums import JobState
from marketplaces.models import ChannelQueue, Item, Job, JobTurn, Listing, Merchant
from marketplaces.services import publishing
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import make_connection, make_merchant

FAKES = {"ebay": "marketplaces.tests.fakes.FakeEbay", "etsy": "marketplaces.tests.fakes.FakeEtsy"}


def connected(**fields: Any) -> Merchant:
    merchant = make_merchant(**fields)
    for channel in FAKES:
        make_connection(merchant, channel, access="a", refresh="r")
    return merchant


def publish(merchant: Merchant, *many: Item, channels: Any = ("ebay",), by: Any = None) -> None:
    with merchant_scope(merchant.pk):
        publishing.request_publication(many, channels, by=by)


def rows(merchant: Merchant, model: Any, **filters: Any) -> list[Any]:
    with merchant_scope(merchant.pk):
        return list(model.objects.filter(**filters).order_by("pk"))


def state_of(merchant: Merchant, item: Item, channel: str = "ebay") -> str:
    (listing,) = rows(merchant, Listing, item=item, channel=channel)
    state: str = listing.state
    return state


def make_due(merchant: Merchant, **filters: Any) -> None:
    """Time passes: whatever is open is due, leases included."""
    past = timezone.now() - timedelta(seconds=1)
    with merchant_scope(merchant.pk):
        Job.objects.filter(state=JobState.RUNNING, **filters).update(next_at=past, lease_until=past)
        Job.objects.filter(state=JobState.PENDING, **filters).update(next_at=past)
        ChannelQueue.objects.update(not_before=None)
        JobTurn.objects.update(turn_at=past)


def bought(item: Item, number: str, quantity: int = 1, **fields: Any) -> RemoteOrder:
    """An order as a channel tells it."""
    line = RemoteLine("1", item.sku, "", item.title, quantity, Amount(1000, "EUR"))
    values = {"ordered_at": timezone.now(), "buyer": "b", "total": Amount(1000, "EUR"), "lines": (line,), **fields}
    return RemoteOrder(number, **values)

"""The keys of merchants' tokens: everything under the first of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from marketplaces import tokens
from marketplaces.models import ChannelAuthorization, ChannelConnection
from marketplaces.tenancy import crossing

_BATCH = 500


@dataclass(frozen=True)
class Resealed:
    resealed: int
    unreadable: int


def reseal_all() -> Resealed:
    """Put every secret under the first of `CHANNEL_KEYS`. Safe beside refreshes: what changes meanwhile is left alone,
    and whoever changes it uses the first key. Begins outside of a transaction."""
    resealed = unreadable = 0
    with crossing():
        for model, name in ((ChannelConnection, "tokens"), (ChannelAuthorization, "verifier")):
            for merchant_id, pk, sealed in _secrets(model, name):
                try:
                    fresh = tokens.reseal(sealed)
                except tokens.Unreadable:
                    unreadable += 1
                    continue
                # The comparison is the lock: a refresh writes another secret.
                rows = model.objects.filter(merchant_id=merchant_id, pk=pk, **{name: sealed})
                resealed += rows.update(**{name: fresh})
    return Resealed(resealed, unreadable)


def _secrets(model: Any, name: str) -> Iterator[tuple[int, int, bytes]]:
    """Merchant, key and secret of every row that has one, by their key, some at a time."""
    merchant_id = pk = 0
    rows = model.objects.exclude(**{name: b""}).order_by("merchant_id", "id").values_list("merchant_id", "id", name)
    while batch := list(rows.filter(Q(merchant_id__gt=merchant_id) | Q(merchant_id=merchant_id, pk__gt=pk))[:_BATCH]):
        yield from batch
        merchant_id, pk, _secret = batch[-1]

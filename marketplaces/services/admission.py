"""Whether items may be on sale at all: what staff said of them, and the medicine gate.

Asked when somebody wants them on a channel, again when the channel is about to be told, and of what stands there.
"""

from collections.abc import Sequence

from marketplaces import gate
from marketplaces.enums import Review
from marketplaces.exceptions import ItemRefused, NotForSale
from marketplaces.models import Item
from marketplaces.services.refusals import announce

Refusal = ItemRefused | NotForSale


def refusals(items: Sequence[Item]) -> dict[int, Refusal]:
    """Key of an item → why it may not be on sale; those that may are not in it. Costs the same for one and for many."""
    found: dict[int, Refusal] = {}
    for item, refusal in zip(items, gate.refusals([(item.category, item.code) for item in items]), strict=True):
        if item.review == Review.REFUSED:
            found[item.pk] = ItemRefused()
        elif refusal is not None:
            found[item.pk] = refusal
    return found


def require(items: Sequence[Item]) -> None:
    """Raise `ItemRefused` (409) or `NotForSale` (400) for the first that may not be on sale."""
    refused = refusals(items)
    for item in items:
        if item.pk in refused:
            raise refused[item.pk]


def refusal_of(item: Item) -> Refusal | None:
    """Why one that was admitted may not be on sale now; told where there is a reason."""
    refusal = refusals([item]).get(item.pk)
    if refusal is not None:
        tell(refusal, item)
    return refusal


def tell(refusal: Refusal, item: Item) -> None:
    """What the gate refuses is an event: here one of this transaction, which goes on."""
    if isinstance(refusal, NotForSale):
        announce(refusal, merchant_id=item.merchant_id, by=None)

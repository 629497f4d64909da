"""What was put on sale and may not be any more leaves its channels.

Staff may forbid a category, the catalogue may learn that a code is a medicine's, by whatever way: nothing there knows
whose listings that concerns. The sweep therefore goes round over what is on sale, a stretch of it a turn, and begins
anew when it has come to the end.
"""

from functools import partial

from django.utils import timezone

from common.unit_of_work import retry_deadlocks
from marketplaces.enums import DEAD_LETTER, JobKind
from marketplaces.models import GateRound, Item, Job, Listing
from marketplaces.models.listings import ON_SALE
from marketplaces.services import admission, publishing
from marketplaces.services.locks import lock_items, lock_listings
from marketplaces.tenancy import crossing, merchant_scope
from payments.services.batches import for_each

# Of a turn: listings that are looked at, and items that are taken off their channels.
STRETCH = 5_000
MOST = 500
# What the round needs to know of a listing.
_COLUMNS = (
    *("merchant", "item", "item__merchant", "item__code", "item__review", "item__category"),
    *("item__category__code", "item__category__product_class", "item__category__is_allowed"),
)

Place = tuple[int, int]


def go_round() -> int:
    """Take the next stretch; how many items were refused and leave their channels.

    Two at once look at the same stretch, and the second one finds it done; killed, the next one begins with it again.
    An item that fails is met again a round later, and raised at the end as an `ExceptionGroup`.
    """
    row, _created = GateRound.objects.get_or_create(pk=1)
    begin = (row.after_merchant, row.after_listing)
    with crossing():
        stretch = _stretch(begin)
        refused = admission.refusals([listing.item for listing in stretch])
    found: dict[Place, Listing] = {}
    for listing in stretch:
        if listing.item_id in refused:
            found.setdefault((listing.merchant_id, listing.item_id), listing)
    taken = list(found)[:MOST]
    moved: list[Place] = []

    def withdraw(place: Place) -> None:
        if retry_deadlocks(partial(_withdraw_refused, *place)):
            moved.append(place)

    failed: ExceptionGroup[Exception] | None = None
    try:
        for_each(taken, withdraw)
    except ExceptionGroup as errors:
        failed = errors
    end: Place = (0, 0)
    if len(taken) < len(found):
        last = found[taken[-1]]
        end = (last.merchant_id, last.pk)
    elif len(stretch) == STRETCH:
        end = (stretch[-1].merchant_id, stretch[-1].pk)
    here = GateRound.objects.filter(pk=1, after_merchant=begin[0], after_listing=begin[1])
    here.update(after_merchant=end[0], after_listing=end[1], updated_at=timezone.now())
    if failed is not None:
        raise failed
    return len(moved)


def withdraw_refused(item: Item) -> list[Listing]:
    """Ask the channels to let go of a locked item that may not be on sale; the listings that leave because of it.

    What a channel would not let go of stays: its withdrawal waits for a person.
    """
    refusal = admission.refusals([item]).get(item.pk)
    if refusal is None:
        return []
    standing = [row for row in lock_listings([item.pk]) if row.state in ON_SALE]
    dead = Job.objects.filter(
        listing_id__in=[row.pk for row in standing], kind=JobKind.DELETE, state__in=DEAD_LETTER
    ).values_list("listing_id", flat=True)
    kept = set(dead)
    leaving = [row for row in standing if row.pk not in kept]
    if leaving:
        admission.tell(refusal, item)
        publishing.withdraw(leaving, by=None, error_code=refusal.code)
    return leaving


def _withdraw_refused(merchant_id: int, item_id: int) -> bool:
    with merchant_scope(merchant_id):
        return any(withdraw_refused(item) for item in lock_items([item_id]))


def _stretch(begin: Place) -> list[Listing]:
    """What is on sale behind a place, in the order of the index `listing_on_sale`."""
    merchant_id, listing_id = begin
    rows = Listing.objects.filter(state__in=ON_SALE).select_related("item__category").only(*_COLUMNS)
    rows = rows.order_by("merchant_id", "pk")
    stretch = list(rows.filter(merchant_id=merchant_id, pk__gt=listing_id)[:STRETCH])
    return stretch + list(rows.filter(merchant_id__gt=merchant_id)[: STRETCH - len(stretch)])

"""Items go to a channel and come back: the listing's row and a job for it, in one transaction.

Whoever has the jobs registers with `carry_out_by`; what is asked of it is asked inside the transaction of the change.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum

from django.utils.translation import gettext as _

from accounts.models import User
from common.errors import FieldError
from common.states import IllegalMove
from common.unit_of_work import unit_of_work
from marketplaces.enums import LISTING_MOVES, ON_CHANNEL, Channel, ListingState, Review
from marketplaces.exceptions import MerchantInactive, NothingToSell
from marketplaces.models import Item, Listing
from marketplaces.services import admission, quotas
from marketplaces.services.locks import lock_active_merchant, lock_items, lock_listings
from marketplaces.signals import listing_moved

# `last_error_code` of what left its channel because its merchant was switched off (`activity`).
TAKEN_DOWN = MerchantInactive.code


class Action(StrEnum):
    """What a channel is asked to do with a listing."""

    PUBLISH = "publish"
    UPDATE = "update"
    WITHDRAW = "withdraw"


CarryOut = Callable[[Action, Sequence[Listing], User | None], None]


def _nobody(action: Action, listings: Sequence[Listing], by: User | None) -> None:
    """Until somebody carries it out the listings wait in their state."""


_carry_out: CarryOut = _nobody


def carry_out_by(carry_out: CarryOut) -> None:
    """Registering again replaces it (autoreload). It is called with listings of one merchant, in its block."""
    global _carry_out
    _carry_out = carry_out


def request_publication(
    items: Iterable[Item], channels: Iterable[str], *, by: User | None, prices: Mapping[str, int] | None = None
) -> list[Listing]:
    """Ask for each item on each channel; the listings, `pending` where they are not there yet.

    What is pending stays as it is, what is live is brought up to date. `prices` maps a channel to a price of its own,
    in the smallest unit of the item's currency. Raises `NothingToSell`, `ItemRefused`, `NotForSale`, `QuotaExceeded`,
    `MerchantInactive`, and `IllegalMove` (409) while a withdrawal is under way; then nothing is asked for at all.
    """
    wanted = [Channel(channel) for channel in dict.fromkeys(channels)]
    with unit_of_work():
        merchant = lock_active_merchant()
        locked = lock_items([item.pk for item in items])
        require_sellable(locked, wanted)
        known = {(row.item_id, row.channel): row for row in lock_listings([item.pk for item in locked])}
        asked: list[Listing] = []
        live: list[Listing] = []
        found: list[Listing] = []
        for channel in wanted:
            rows = [known.get((item.pk, channel)) or _new(item, channel) for item in locked]
            coming = [row for row in rows if row.state not in ON_CHANNEL or row.pk is None]
            if any(row.state == ListingState.WITHDRAWING for row in rows):
                raise IllegalMove(_("Un retrait de ce canal est en cours : attendez qu'il soit terminé."))
            quotas.require_listings(merchant, channel, adding=len(coming))
            override = (prices or {}).get(channel)
            for row in rows:
                if override is not None:
                    row.price_override = override
                if row in coming:
                    _ask(row, by=by)
                    asked.append(row)
                else:
                    row.save(update_fields=["price_override", "updated_at"])
                    live += [row] if row.state == ListingState.LIVE else []
            found += rows
        _carry(Action.PUBLISH, asked, by=by)
        _carry(Action.UPDATE, live, by=by)
    return found


def request_withdrawal(
    items: Iterable[Item], channels: Iterable[str] | None = None, *, by: User | None
) -> list[Listing]:
    """Ask each channel (all of them by default) to let go of the items; the listings that are concerned."""
    with unit_of_work():
        locked = lock_items([item.pk for item in items])
        wanted = set(channels) if channels is not None else set(Channel.values)
        rows = [row for row in lock_listings([item.pk for item in locked]) if row.channel in wanted]
        going = [row for row in rows if row.state in (ListingState.PENDING, ListingState.LIVE, ListingState.FAILED)]
        withdraw(going, by=by)
        for row in rows:
            if row.state == ListingState.WITHDRAWING and row.last_error_code == TAKEN_DOWN:
                # Now its merchant wants it gone: it does not come back by itself.
                forget_why(row)
    return rows


def withdraw(listings: Sequence[Listing], *, by: User | None, error_code: str = "") -> None:
    """Ask the channels of locked listings to let go of them. Raises `IllegalMove` (409)."""
    for listing in listings:
        move(listing, ListingState.WITHDRAWING, by=by, error_code=error_code)
    _carry(Action.WITHDRAW, listings, by=by)


def ask_again(listings: Sequence[Listing]) -> None:
    """Ask for locked listings that have left their channels, as they were. Raises `IllegalMove` (409)."""
    for listing in listings:
        _ask(listing, by=None)
    _carry(Action.PUBLISH, listings, by=None)


def forget_why(listing: Listing) -> None:
    """A locked listing says no longer why it is where it is."""
    listing.last_error = listing.last_error_code = ""
    listing.save(update_fields=["last_error", "last_error_code", "updated_at"])


def follow(item: Item, *, by: User | None) -> None:
    """After a change of a locked item: channels that show it are brought up to date, or let go of what is sold out."""
    rows = [row for row in lock_listings([item.pk]) if row.state in (ListingState.PENDING, ListingState.LIVE)]
    gone = [row for row in rows if item.offered_on(row.channel) == 0 or item.review == Review.REFUSED]
    withdraw(gone, by=by)
    _carry(Action.UPDATE, [row for row in rows if row not in gone and row.state == ListingState.LIVE], by=by)


def move(listing: Listing, state: ListingState, *, by: User | None, error: str = "", error_code: str = "") -> None:
    """The one place where a locked listing changes its state. Raises `IllegalMove` (409)."""
    LISTING_MOVES.check(listing.state, state)
    old = ListingState(listing.state)
    listing.state = state
    listing.last_error, listing.last_error_code = error[:2000], error_code[:64]
    # Also what the caller has learnt from the channel.
    listing.save(
        update_fields=[
            "state",
            "last_error",
            "last_error_code",
            "price_override",
            "external_id",
            "external_offer_id",
            "url",
            "published_quantity",
            "published_at",
            "updated_at",
        ]
    )
    listing_moved.send(Listing, listing=listing, old=old, by=by)


def require_sellable(items: Sequence[Item], channels: Sequence[Channel]) -> None:
    """Raises `IllegalMove` for a deleted item, `ItemRefused`, `NotForSale`, `NothingToSell` with every channel."""
    if any(item.deleted_at is not None for item in items):
        raise IllegalMove
    admission.require(items)
    errors = [
        FieldError(f"channels.{number}", NothingToSell.code, NothingToSell.detail, {"item": str(item.public_id)})
        for number, channel in enumerate(channels)
        for item in items
        if item.offered_on(channel) == 0
    ]
    if errors:
        raise NothingToSell(errors=errors)


def _new(item: Item, channel: Channel) -> Listing:
    return Listing(merchant_id=item.merchant_id, item=item, channel=channel, state=ListingState.PENDING)


def _ask(listing: Listing, *, by: User | None) -> None:
    if listing.pk is None:
        listing.save(force_insert=True)
        listing_moved.send(Listing, listing=listing, old=None, by=by)
        return
    move(listing, ListingState.PENDING, by=by)


def _carry(action: Action, listings: Sequence[Listing], *, by: User | None) -> None:
    if listings:
        _carry_out(action, listings, by)

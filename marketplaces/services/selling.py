"""What channels say was bought: an order is taken once, from the stock that is there, whoever was first.

The item's row lock decides between two channels that sold the last piece in the same second: one order is fulfilled,
for the other one the merchant is asked to cancel it there. Whatever is sold out leaves every channel. Of an order with
a line that nobody knows the others are taken at once, and the merchant is asked what it is.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext as _

from common.unit_of_work import unit_of_work
from marketplaces.channels.base import RemoteLine, RemoteOrder
from marketplaces.enums import OrderState, OrderTask
from marketplaces.models import Item, Listing, Order, OrderLine
from marketplaces.models.items import MAX_QUANTITY
from marketplaces.models.orders import LONGEST_NUMBER
from marketplaces.services import orders, publishing
from marketplaces.services.locks import lock_items, lock_listings, lock_order
from marketplaces.signals import item_changed, order_moved
from marketplaces.tenancy import require_merchant


def lock_what_was_sold(channel: str, found: Iterable[RemoteOrder]) -> None:
    """The items that these orders name, and their listings, in the order of all locks."""
    ids = sorted({item_id for order in found for item_id in _all_items_of(channel, order)})
    if ids:
        lock_items(ids)
        lock_listings(ids)


def take_order(channel: str, found: RemoteOrder) -> bool:
    """Write an order down, once, and what follows from it. Whether anything was new."""
    with unit_of_work():
        known = Order.objects.filter(channel=channel, external_id=_key(found.external_id)).values_list("pk", flat=True)
        items = {item.pk: item for item in lock_items(sorted(_all_items_of(channel, found)))}
        pk = known.first()
        if pk is None:
            order = _write(channel, found)
            if order is None:
                return False
            _decide(order, found, items, is_new=True)
            return True
        return _decide(lock_order(pk), found, items, is_new=False)


def _decide(order: Order, found: RemoteOrder, items: Mapping[int, Item], *, is_new: bool) -> bool:
    """What an order means now: whether it moved."""
    lines = list(order.lines.all())
    if found.is_cancelled:
        if order.state == OrderState.CANCELLED:
            return False
        _put_back(order, lines, items)
        orders.move(order, OrderState.CANCELLED, task=OrderTask.NONE, by=None, note=_("Annulée sur le canal."))
        return True
    if order.state != OrderState.RECEIVED or not found.is_paid or order.task != OrderTask.NONE:
        return is_new
    short = [line for line in lines if _is_short(line, lines, items)]
    if short and not found.is_sent:
        note = _("Plus assez de stock : %(titles)s.") % {"titles": ", ".join(line.title for line in short)}
        orders.move(order, OrderState.CANCELLED, task=OrderTask.CANCEL_ON_CHANNEL, by=None, note=note)
        return True
    is_known = all(line.item_id is not None for line in lines)
    _take(lines, items, is_whole=is_known)
    if is_known:
        orders.move(order, OrderState.FULFILLED, task=OrderTask.DONE if found.is_sent else OrderTask.SHIP, by=None)
    else:
        # The merchant says what the others are; what is known is sold, and nowhere on offer any more.
        order.task = OrderTask.IDENTIFY
        order.save(update_fields=["task", "updated_at"])
    return True


def _is_short(line: OrderLine, lines: Iterable[OrderLine], items: Mapping[int, Item]) -> bool:
    return line.item_id is not None and items[line.item_id].quantity < _wanted(lines, line.item_id)


def _wanted(lines: Iterable[OrderLine], item_id: int) -> int:
    return sum(line.quantity for line in lines if line.item_id == item_id)


def _take(lines: Sequence[OrderLine], items: Mapping[int, Item], *, is_whole: bool) -> None:
    """Take the pieces out of the stock; every channel follows. What was sent already is gone, whatever we thought was
    there: such a line remembers how little it could take. So does every line of an order that is not `is_whole`."""
    left = {item_id: items[item_id].quantity for item_id in _ids(lines)}
    for line in lines:
        if line.item_id is not None:
            taken = min(line.quantity, left[line.item_id])
            left[line.item_id] -= taken
            if taken < line.quantity or not is_whole:
                line.taken = taken
                line.save(update_fields=["taken", "updated_at"])
    for item_id, quantity in left.items():
        _set_quantity(items[item_id], quantity)


def _put_back(order: Order, lines: Sequence[OrderLine], items: Mapping[int, Item]) -> None:
    """Put back what the lines have taken, no piece more; every channel follows."""
    for item_id in _ids(lines):
        mine = sum(_taken_by(line, order) for line in lines if line.item_id == item_id)
        if mine:
            _set_quantity(items[item_id], min(MAX_QUANTITY, items[item_id].quantity + mine))


def _taken_by(line: OrderLine, order: Order) -> int:
    if line.taken is not None:
        return line.taken
    return line.quantity if order.state == OrderState.FULFILLED else 0


def _set_quantity(item: Item, quantity: int) -> None:
    old = item.quantity
    if quantity != old:
        item.quantity = quantity
        item.save(update_fields=["quantity", "updated_at"])
        item_changed.send(Item, item=item, old={"quantity": old}, new={"quantity": quantity}, by=None)
    publishing.follow(item, by=None)


def _ids(lines: Iterable[OrderLine]) -> list[int]:
    return sorted({line.item_id for line in lines if line.item_id is not None})


def _write(channel: str, found: RemoteOrder) -> Order | None:
    """The order's row and its lines; None where somebody else has written it meanwhile."""
    merchant_id, items = require_merchant(), _items_of(channel, found)
    order = Order(
        merchant_id=merchant_id,
        channel=channel,
        external_id=_key(found.external_id),
        buyer=found.buyer[:120],
        total=found.total.minor,
        currency=found.total.currency,
        ordered_at=found.ordered_at,
    )
    Order.objects.bulk_create([order], ignore_conflicts=True)
    written: Order | None = Order.objects.filter(public_id=order.public_id).first()
    if written is None:
        return None
    keys = _keys(found.lines)
    OrderLine.objects.bulk_create(
        OrderLine(
            merchant_id=merchant_id,
            order=written,
            external_id=keys[number],
            item_id=items.get(number),
            sku=line.sku[:50],
            title=line.title[:200],
            quantity=max(1, line.quantity),
            unit_price=line.unit_price.minor,
        )
        for number, line in enumerate(found.lines)
    )
    order_moved.send(Order, order=written, old=None, by=None)
    return written


def _key(number: str) -> str:
    """A channel's number as the row holds it: of one that is too long the beginning, and a digest of all of it."""
    if len(number) <= LONGEST_NUMBER:
        return number
    digest = hashlib.sha256(number.encode()).hexdigest()[:32]
    return f"{number[: LONGEST_NUMBER - len(digest) - 1]}~{digest}"


def _keys(lines: Sequence[RemoteLine]) -> list[str]:
    """What the lines are called, each by a name of its own also where the channel gives none, or one to several: an
    order that could not be written would keep all later ones from being read."""
    keys: list[str] = []
    for number, line in enumerate(lines):
        key = _key(line.external_id or str(number))
        while key in keys:
            key = _key(f"{key} ({number})")
        keys.append(key)
    return keys


def _items_of(channel: str, order: RemoteOrder) -> dict[int, int]:
    """Position of a line → the item that it is about, by its SKU or by the listing that was bought from."""
    by_sku = dict(Item.objects.filter(sku__in=[line.sku for line in order.lines]).values_list("sku", "pk"))
    listed = [line.listing_id for line in order.lines if line.listing_id]
    by_listing = dict(
        Listing.objects.filter(channel=channel, external_id__in=listed).values_list("external_id", "item_id")
    )
    found = {number: _item_of(line, by_sku, by_listing) for number, line in enumerate(order.lines)}
    return {number: item_id for number, item_id in found.items() if item_id is not None}


def _all_items_of(channel: str, order: RemoteOrder) -> set[int]:
    """Also those that its lines were about when they were written: numbers of listings change, lines do not."""
    written = OrderLine.objects.filter(
        order__channel=channel, order__external_id=_key(order.external_id), item__isnull=False
    ).values_list("item_id", flat=True)
    return {*_items_of(channel, order).values(), *written}


def _item_of(line: RemoteLine, by_sku: Mapping[str, int], by_listing: Mapping[str, int]) -> int | None:
    return by_sku.get(line.sku) or by_listing.get(line.listing_id)

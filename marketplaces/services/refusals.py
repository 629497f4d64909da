"""What the medicine gate refused, told afterwards: the transaction that tried is rolled back with its events."""

from accounts.models import User
from common.unit_of_work import unit_of_work
from marketplaces.exceptions import NotForSale
from marketplaces.models import Item
from marketplaces.signals import item_refused


def announce(refusal: NotForSale, *, merchant_id: int | None, by: User | None) -> None:
    """Begins a transaction of its own. `merchant_id` is None where the refusal came before the merchant was known."""
    with unit_of_work():
        item_refused.send(
            Item,
            merchant_id=merchant_id,
            code=refusal.product_code,
            category=refusal.category,
            reason=refusal.reason,
            by=by,
        )

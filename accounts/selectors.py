"""Reads that several places share."""

from accounts.enums import PricedAction
from accounts.models import Account, PriceList


def action_price(action: PricedAction) -> int:
    """What an action costs now, in credits; 0 where no price list row names it."""
    return PriceList.objects.filter(action=action).values_list("credits", flat=True).first() or 0


def account_of(user_id: int) -> Account:
    """The user's account with its rate."""
    return Account.objects.select_related("rate").get(user_id=user_id)

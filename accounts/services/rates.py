"""Packs of credits and the price list: reference data, audited as such by their own saves."""

from django.utils import timezone

from accounts.models import Account, PriceList, Rate, User
from common.unit_of_work import unit_of_work


def save_rate(rate: Rate, *, by: User | None) -> Rate:
    """Store a new or edited rate: `price` in whole units of `currency`, `credits` whole; both above zero."""
    with unit_of_work():
        rate.save()
    return rate


def withdraw_rate(rate: Rate, *, by: User) -> None:
    """Take a rate off sale and off the accounts that name it. The row stays: payments on their way still name it."""
    with unit_of_work():
        rate.is_active = False
        rate.save(update_fields=["is_active", "updated_at"])
        Account.objects.filter(rate=rate).update(rate=None, updated_at=timezone.now())


def save_price(price: PriceList, *, by: User | None) -> PriceList:
    """Store a new or edited price of an action, `credits` (≥ 0) each."""
    with unit_of_work():
        price.save()
    return price


def delete_price(price: PriceList, *, by: User | None) -> None:
    """An action without a price is free."""
    with unit_of_work():
        price.delete()

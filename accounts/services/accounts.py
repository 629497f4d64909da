"""Switching an account on and off, and what a paid rate does to it."""

from django.utils import timezone

from accounts.enums import EntryKind
from accounts.models import Account, Rate, User
from accounts.services import ledger
from accounts.signals import account_switched
from common.unit_of_work import unit_of_work


def switch_account(account: Account, *, is_active: bool, by: User) -> Account:
    """Enable or disable an account; nothing happens, and nothing is announced, where it already is so."""
    with unit_of_work():
        changed = Account.objects.filter(pk=account.pk, is_active=not is_active).update(
            is_active=is_active, updated_at=timezone.now()
        )
        account.is_active = is_active
        if changed:
            account_switched.send(Account, account=account, is_active=is_active, by=by)
    return account


def subscribe(user_id: int, rate: Rate, *, credits: int, reference: str, by: User | None) -> None:
    """Give the credits of a rate that was paid (`credits` as quoted then, whatever the rate says now)."""
    with unit_of_work():
        ledger.grant(user_id, credits, kind=EntryKind.RATE, reference=reference, label=rate.label, by=by)
        now = timezone.now()
        Account.objects.filter(user_id=user_id).update(rate=rate, subscribed_at=now, updated_at=now)

"""Whoever is erased is a member of nothing any more."""

from django.utils.translation import gettext_lazy as _

from accounts.erasure import Holding
from marketplaces.models import Membership
from marketplaces.services import members
from marketplaces.tenancy import merchant_scope, person_scope


def owns_something(user_id: int) -> bool:
    """The only owner of an active merchant is needed: another one is named first, or staff switch it off."""
    # Also those that are left without asking: all are locked first, in order.
    needed = [_is_needed(user_id, merchant_id) for merchant_id in _merchants_of(user_id)]
    return any(needed)


def _is_needed(user_id: int, merchant_id: int) -> bool:
    with merchant_scope(merchant_id):
        return members.is_needed(user_id)


def leave_all(user_id: int) -> None:
    for merchant_id in _merchants_of(user_id):
        with merchant_scope(merchant_id):
            members.erase_member(user_id)


def _merchants_of(user_id: int) -> list[int]:
    with person_scope(user_id):
        return list(Membership.objects.order_by("merchant_id").values_list("merchant_id", flat=True))


HOLDING = Holding(
    is_open=owns_something,
    erase=leave_all,
    needed_for=_("Un marchand actif n'a pas d'autre propriétaire : nommez-en un, ou désactivez le marchand."),
)

"""The way into a merchant's block for a person: by membership, which decides how far."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from accounts.models import User
from common.unit_of_work import unit_of_work
from marketplaces.enums import MemberRole
from marketplaces.exceptions import MerchantInactive, RoleInsufficient, UnknownMerchant
from marketplaces.models import Membership
from marketplaces.tenancy import merchant_scope, person_scope


@contextmanager
def entering(user: User, merchant_id: uuid.UUID, *, needed: MemberRole) -> Iterator[Membership]:
    """One merchant's block (a transaction) for one of its members; the membership holds the merchant.

    Raises `UnknownMerchant` (404) for those who are none, `RoleInsufficient` and `MerchantInactive` (403).
    """
    with unit_of_work():
        with person_scope(user.pk):
            membership = (
                Membership.objects.select_related("merchant__plan").filter(merchant__public_id=merchant_id).first()
            )
        if membership is None:
            raise UnknownMerchant
        if not MemberRole(membership.role).allows(needed):
            raise RoleInsufficient
        if not membership.merchant.is_active and needed != MemberRole.VIEWER:
            raise MerchantInactive
        with merchant_scope(membership.merchant_id):
            yield membership

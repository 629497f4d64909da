"""Merchants: opened by staff, or by a pharmacist for their own pharmacy."""

from django.conf import settings
from django.db import IntegrityError

from accounts.models import User
from catalog.models import Pharmacy
from common import sql
from common.unit_of_work import unit_of_work
from marketplaces.enums import MemberRole
from marketplaces.exceptions import MayNotOpen, NoDefaultPlan, PharmacyTaken
from marketplaces.models import Merchant, Plan
from marketplaces.services import activity
from marketplaces.services.locks import lock_merchant
from marketplaces.services.members import join
from marketplaces.signals import merchant_changed, merchant_created
from marketplaces.tenancy import merchant_scope


def create_merchant(
    *,
    name: str,
    by: User,
    owner: User | None = None,
    pharmacy: Pharmacy | None = None,
    plan: Plan | None = None,
    currency: str = "",
) -> Merchant:
    """Open a merchant with its first owner (`by` where nobody is named).

    Staff (`marketplaces.add_merchant`) open any, choose the owner and the plan; a pharmacist only one of a pharmacy of
    theirs, for themselves, with the default plan. Raises `MayNotOpen` (403), `PharmacyTaken`, `NoDefaultPlan` (409).
    """
    if not by.has_perm("marketplaces.add_merchant"):
        is_theirs = pharmacy is not None and pharmacy.members.filter(user=by).exists()
        if not is_theirs or plan is not None or (owner or by) != by:
            raise MayNotOpen
    plan = plan or Plan.objects.filter(is_default=True).first()
    if plan is None:
        raise NoDefaultPlan
    try:
        with unit_of_work():
            # PostgreSQL shows the row to its own block only, which needs the id.
            (row,) = sql.fetch_all(*sql.next_id("marketplaces_merchant"))
            with merchant_scope(int(row[0])):
                merchant = Merchant(
                    pk=int(row[0]), name=name, pharmacy=pharmacy, plan=plan, currency=currency or settings.CURRENCY
                )
                merchant.save(force_insert=True)
                merchant_created.send(Merchant, merchant=merchant, owner=owner or by, by=by)
                join(merchant, owner or by, MemberRole.OWNER, by=by)
    except IntegrityError as error:
        # Nobody may look whether another merchant has it: the constraint does.
        if "pharmacy_id" in str(error):
            raise PharmacyTaken from error
        raise
    return merchant


def update_merchant(
    merchant: Merchant, *, by: User, name: str | None = None, is_active: bool | None = None, plan: Plan | None = None
) -> Merchant:
    """Rename, switch on or off, give another plan. In the merchant's block.

    Switched off, everything of theirs leaves the channels; switched on, it comes back.
    """
    with unit_of_work():
        merchant = lock_merchant()
        wanted = {"name": name, "is_active": is_active, "plan": plan}
        changed = {
            field: value for field, value in wanted.items() if value is not None and value != getattr(merchant, field)
        }
        if not changed:
            return merchant
        old = {field: getattr(merchant, field) for field in changed}
        for field, value in changed.items():
            setattr(merchant, field, value)
        merchant.save(update_fields=[*changed, "updated_at"])
        if "is_active" in changed:
            if merchant.is_active:
                activity.bring_back(merchant)
            else:
                activity.take_down(by=by)
        merchant_changed.send(Merchant, merchant=merchant, old=old, new=changed, by=by)
    return merchant

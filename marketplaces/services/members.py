"""Who may act for a merchant. Everything runs in the merchant's block; its row is locked while owners are counted."""

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.selectors import user_by_email
from common.unit_of_work import unit_of_work
from marketplaces.enums import MemberRole
from marketplaces.exceptions import AlreadyMember, LastOwner, UnknownPerson
from marketplaces.models import Membership, Merchant
from marketplaces.services.locks import lock_merchant
from marketplaces.signals import member_changed


def join(merchant: Merchant, user: User, role: MemberRole, *, by: User) -> Membership:
    """Make somebody a member. Raises `AlreadyMember` (409)."""
    with unit_of_work():
        membership: Membership
        membership, is_new = Membership.objects.get_or_create(merchant=merchant, user=user, defaults={"role": role})
        if not is_new:
            raise AlreadyMember
        _announce(membership, old=None, new=role, by=by)
    return membership


def add_member(merchant: Merchant, *, email: str, role: MemberRole, by: User) -> Membership:
    """Make the person with that verified address a member, for staff: the answer tells who has an account.

    Raises `UnknownPerson` (404), `AlreadyMember` (409).
    """
    user = user_by_email(email)
    if user is None or not user.is_active or not user.is_verified:
        raise UnknownPerson
    return join(merchant, user, role, by=by)


def change_role(membership: Membership, role: MemberRole, *, by: User) -> Membership:
    """Raises `LastOwner` (409) where no other owner could sign in."""
    with unit_of_work():
        lock_merchant()
        membership = Membership.objects.select_related("user").get(pk=membership.pk)
        old = MemberRole(membership.role)
        if old == role:
            return membership
        _require_another_owner(membership)
        membership.role = role
        membership.save(update_fields=["role", "updated_at"])
        _announce(membership, old=old, new=role, by=by)
    return membership


def remove_member(membership: Membership, *, by: User | None) -> None:
    """Invitations that are under way end with it. Raises `LastOwner` (409) where no other owner could sign in."""
    with unit_of_work():
        merchant = lock_merchant()
        membership = Membership.objects.get(pk=membership.pk)
        _require_another_owner(membership)
        _part(merchant, membership, by=by)


def erase_member(user_id: int) -> None:
    """Whoever is erased leaves, also as the last owner of a merchant who is switched off."""
    with unit_of_work():
        merchant = lock_merchant()
        membership = Membership.objects.filter(user_id=user_id).first()
        if membership is not None:
            _part(merchant, membership, by=None)


def _part(merchant: Merchant, membership: Membership, *, by: User | None) -> None:
    """The one place where somebody stops being a member of a locked merchant."""
    membership.delete()
    merchant.invited_since = timezone.now()
    merchant.save(update_fields=["invited_since", "updated_at"])
    _announce(membership, old=MemberRole(membership.role), new=None, by=by)


def is_needed(user_id: int) -> bool:
    """Whether nobody else could act as the owner of the merchant, who is active. Their row stays locked: nobody leaves
    or loses the rank before this transaction ends."""
    merchant = lock_merchant()
    mine = Membership.objects.filter(user_id=user_id, role=MemberRole.OWNER)
    return merchant.is_active and mine.exists() and not _other_owners(user_id).exists()


def _require_another_owner(membership: Membership) -> None:
    if membership.role == MemberRole.OWNER and not _other_owners(membership.user_id).exists():
        raise LastOwner


def _other_owners(user_id: int) -> QuerySet[Membership]:
    """Those who can sign in: an account that is switched off decides nothing."""
    owners: QuerySet[Membership] = Membership.objects.filter(role=MemberRole.OWNER, user__is_active=True)
    return owners.exclude(user_id=user_id)


def _announce(membership: Membership, *, old: MemberRole | None, new: MemberRole | None, by: User | None) -> None:
    member_changed.send(
        Membership, merchant_id=membership.merchant_id, user_id=membership.user_id, old=old, new=new, by=by
    )

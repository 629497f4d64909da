"""Who a person is in the house: the role with its groups and rights, and whether they may come in at all.

Both end every session: a token carries the role it was issued with.
"""

from accounts.enums import BACK_OFFICE_ROLES, Role, SessionEnd
from accounts.exceptions import AdministratorsOnly, LastAdministrator, PersonErased
from accounts.models import User
from accounts.selectors import is_anonymous
from accounts.services import duties
from accounts.services.sessions import revoke_families
from accounts.signals import role_changed, user_switched
from common.unit_of_work import unit_of_work


def change_role(user: User, role: Role, *, by: User) -> User:
    """Give `user` the role with its group and its access to the back office; nothing happens where they have it.

    Duties stay with whoever stays in the team, as staff or administrator, and end with any other role; who joins the
    team is `Duty.GENERAL`.

    Raises `OwnAccess` and `AdministratorsOnly` (403), and `Forbidden` without `accounts.manage_access`,
    `MoreThanOwn` (403), `LastAdministrator` (409) where nobody else would be left to administer, `PersonErased` (409).
    """
    duties.require_right(user, by)
    with unit_of_work():
        if user.role == Role.ADMIN and role != Role.ADMIN and by.is_superuser:
            require_other_administrator(user)
        locked = _lock(user)
        old = Role(locked.role)
        if Role.ADMIN in (old, role) and not by.is_superuser:
            raise AdministratorsOnly
        if old == role:
            return locked
        held = duties.duties_of(locked)
        kept = duties.duties_after(locked, role)
        duties.require_may_give(by, kept - held)
        locked.role = role
        locked.is_staff = role in BACK_OFFICE_ROLES
        locked.is_superuser = role == Role.ADMIN
        locked.token_version += 1
        locked.save(update_fields=["role", "is_staff", "is_superuser", "token_version", "updated_at"])
        duties.set_groups(locked, role, kept)
        revoke_families(locked, reason=SessionEnd.ACCESS_CHANGED, by=by)
        role_changed.send(User, user=locked, old=old, by=by)
        duties.announce(locked, held, kept, by=by)
    return locked


def switch_user(user: User, *, is_active: bool, by: User) -> User:
    """Let a person sign in again, or end their sessions and let them in no more; announced only where it changes.

    Raises the same as `change_role`; the prepaid account is another matter (`switch_account`).
    """
    duties.require_right(user, by)
    with unit_of_work():
        if user.role == Role.ADMIN and not is_active and by.is_superuser:
            require_other_administrator(user)
        locked = _lock(user)
        if locked.role == Role.ADMIN and not by.is_superuser:
            raise AdministratorsOnly
        if locked.is_active == is_active:
            return locked
        locked.is_active = is_active
        locked.token_version += 1
        locked.save(update_fields=["is_active", "token_version", "updated_at"])
        revoke_families(locked, reason=SessionEnd.ACCESS_CHANGED, by=by)
        user_switched.send(User, user=locked, is_active=is_active, by=by)
    return locked


def require_other_administrator(user: User) -> None:
    """Hold all who administer until the transaction ends. Raises `LastAdministrator` where `user` is the only one.

    Two administrators who remove each other at the same moment take turns: the second one is the last.
    """
    administrators = User.objects.filter(role=Role.ADMIN, is_active=True).order_by("pk")
    if not set(administrators.select_for_update(no_key=True).values_list("pk", flat=True)) - {user.pk}:
        raise LastAdministrator


def _lock(user: User) -> User:
    locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if is_anonymous(locked):
        raise PersonErased
    return locked

"""What a member of staff is there for: one or several duties, each a group of rights.

Rights are read from the groups at every request, so that a change holds from the next one on; no session ends.
"""

from collections.abc import Collection

from django.contrib.auth.models import Group, Permission
from django.utils.translation import gettext_lazy as _

from accounts.enums import Duty, Role
from accounts.exceptions import MoreThanOwn, NotOfTheTeam, OwnAccess, PersonErased
from accounts.models import User
from accounts.selectors import is_anonymous
from accounts.signals import duties_changed
from common.errors import FieldError, Forbidden, Invalid
from common.unit_of_work import unit_of_work

# Roles that keep the duties they had: an administrator may be staff again.
_TEAM = frozenset({Role.STAFF, Role.ADMIN})


def duties_of(user: User) -> frozenset[Duty]:
    """The duties that this person holds now."""
    return frozenset(Duty(name) for name in user.groups.filter(name__in=Duty.values).values_list("name", flat=True))


def change_duties(user: User, duties: Collection[Duty], *, by: User) -> User:
    """Give a member of staff exactly these duties; announced only where they change.

    None at all opens the back office and shows nothing there. Raises `OwnAccess`, `MoreThanOwn` (403), `Forbidden`
    without `accounts.manage_access`, `Invalid` (400) for the auditor's beside another one, `NotOfTheTeam` and
    `PersonErased` (409).
    """
    require_right(user, by)
    wanted = frozenset(duties)
    if Duty.AUDITOR in wanted and len(wanted) > 1:
        detail = _("Qui contrôle n'a pas d'autre fonction.")
        raise Invalid(errors=[FieldError("duties", "auditor_alone", detail)])
    with unit_of_work():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if is_anonymous(locked):
            raise PersonErased
        if locked.role != Role.STAFF:
            raise NotOfTheTeam
        held = duties_of(locked)
        require_may_give(by, wanted - held)
        if wanted == held:
            return locked
        set_groups(locked, Role.STAFF, wanted)
        announce(locked, held, wanted, by=by)
    return locked


def require_right(user: User, by: User) -> None:
    """Raise `OwnAccess` for oneself and `Forbidden` without `accounts.manage_access`."""
    if user.pk == by.pk:
        raise OwnAccess
    if not by.has_perm("accounts.manage_access"):
        raise Forbidden


def may_give(by: User, duties: Collection[Duty]) -> bool:
    """Whether `by` has every right of these duties: nobody gives more than they have."""
    if not duties or by.is_superuser:
        return True
    given = Permission.objects.filter(group__name__in=duties).values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in given} <= by.get_all_permissions()


def require_may_give(by: User, duties: Collection[Duty]) -> None:
    """Raise `MoreThanOwn` unless `may_give`."""
    if not may_give(by, duties):
        raise MoreThanOwn


def require_no_more_rights(user: User, by: User) -> None:
    """Raise `MoreThanOwn` for a member of staff with a right that `by` lacks: whoever sets their address is them."""
    if user.role == Role.STAFF and not by.is_superuser and not user.get_all_permissions() <= by.get_all_permissions():
        raise MoreThanOwn


def duties_after(user: User, role: Role) -> frozenset[Duty]:
    """What is left of somebody's duties in another role; whoever joins the team begins with `Duty.GENERAL`."""
    if role not in _TEAM:
        return frozenset()
    held = duties_of(user) if user.role in _TEAM else frozenset()
    return held or (frozenset({Duty.GENERAL}) if role == Role.STAFF else frozenset())


def set_groups(user: User, role: Role, duties: Collection[Duty]) -> None:
    """The groups of a role with these duties. Staff have no group of their own: their duties say what they may."""
    names = set(duties) if role == Role.STAFF else {role, *duties}
    user.groups.set(Group.objects.filter(name__in=names))


def announce(user: User, old: Collection[Duty], new: Collection[Duty], *, by: User | None) -> None:
    """Tell what changed, inside the caller's transaction."""
    if set(old) != set(new):
        duties_changed.send(User, user=user, old=sorted(old), new=sorted(new), by=by)

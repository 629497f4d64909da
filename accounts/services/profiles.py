"""What people change of themselves, and what staff correct for them."""

from accounts.enums import Role
from accounts.models import User
from accounts.services.roles import AdministratorsOnly
from accounts.signals import profile_changed
from common.errors import Forbidden
from common.unit_of_work import unit_of_work


def correct_profile(user: User, *, by: User, **fields: str) -> User:
    """The same for somebody else. Raises `Forbidden` without `accounts.change_user`, and `AdministratorsOnly`."""
    if not by.has_perm("accounts.change_user"):
        raise Forbidden
    if user.role == Role.ADMIN and not by.is_superuser:
        raise AdministratorsOnly
    return update_profile(user, by=by, **fields)


def update_profile(user: User, *, by: User, **fields: str) -> User:
    """Set the given profile fields (names, phone in E.164, language, bio); announces only what really changed."""
    changes = {name: value for name, value in fields.items() if getattr(user, name) != value}
    if not changes:
        return user
    with unit_of_work():
        old = {name: getattr(user, name) for name in changes}
        for name, value in changes.items():
            setattr(user, name, value)
        user.save(update_fields=[*changes, "updated_at"])
        profile_changed.send(User, user=user, old=old, new=changes, by=by)
    return user

"""What people change of themselves."""

from accounts.models import User
from accounts.signals import profile_changed
from common.unit_of_work import unit_of_work


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

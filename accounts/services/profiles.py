"""What people change of themselves, and what staff correct for them."""

import uuid

from django.db import IntegrityError, transaction

from accounts.emails import given_address
from accounts.enums import Role, SessionEnd
from accounts.exceptions import AdministratorsOnly, EmailTaken, PersonErased
from accounts.mails import REPLACED_MAIL
from accounts.models import User
from accounts.selectors import is_anonymous
from accounts.services import limits, one_time
from accounts.services.duties import require_no_more_rights
from accounts.services.registration import ONE_MAIL_EVERY, resend_code
from accounts.services.sessions import end_sessions, revoke_families
from accounts.signals import profile_changed
from common.errors import Forbidden
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work


def correct_profile(user: User, *, by: User, **fields: str) -> User:
    """The same for somebody else. Raises `Forbidden` without `accounts.change_user`, and `AdministratorsOnly`."""
    require_right_to_correct(user, by)
    return update_profile(user, by=by, **fields)


def change_email(user: User, email: str, *, keep: uuid.UUID | None = None, by: User) -> User:
    """Give `user` another address, which then is not verified; links and codes mailed to the old one are dead.

    The old address is told, the new one is mailed a code, and all sessions end but the one of `keep`.

    For somebody else raises as `require_right_to_set_sign_in` does; `EmailTaken`, `EmailReserved` (400),
    `PersonErased` (409). For oneself not inside a transaction, and `RateLimited` (429) after too many taken ones:
    `EmailTaken` tells that an address has an account, as `register_openly` does.
    """
    address = given_address(email)
    if by.pk != user.pk:
        require_right_to_set_sign_in(user, by)
        return _set_email(user, address, keep=keep, by=by)
    if address == user.email:
        return user
    with limits.telling(f"user {user.pk}"):
        return _set_email(user, address, keep=keep, by=by)


def _set_email(user: User, address: str, *, keep: uuid.UUID | None, by: User) -> User:
    with unit_of_work():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if is_anonymous(locked):
            raise PersonErased
        old = locked.email
        if address == old:
            return locked
        locked.email, locked.is_verified, locked.is_provisional = address, False, False
        try:
            with transaction.atomic():
                locked.save(update_fields=["email", "is_verified", "is_provisional", "updated_at"])
        except IntegrityError as error:
            raise EmailTaken from error
        one_time.end_all(locked)
        if keep is None:
            end_sessions(locked, reason=SessionEnd.ACCESS_CHANGED, by=by)
        else:
            revoke_families(locked, reason=SessionEnd.ACCESS_CHANGED, by=by, keep=keep)
        send_mail_later(to=old, template=REPLACED_MAIL, language=locked.language, at_most_every=ONE_MAIL_EVERY)
        resend_code(address)
        profile_changed.send(User, user=locked, old={"email": old}, new={"email": address}, by=by)
    return locked


def require_right_to_correct(user: User, by: User) -> None:
    """Raises `Forbidden` without `accounts.change_user`; administrators are corrected by administrators only, and staff
    by who has all their rights (`MoreThanOwn`).
    """
    if not by.has_perm("accounts.change_user"):
        raise Forbidden
    if user.role == Role.ADMIN and not by.is_superuser:
        raise AdministratorsOnly
    require_no_more_rights(user, by)


def require_right_to_set_sign_in(user: User, by: User) -> None:
    """As `require_right_to_correct`, and `accounts.change_sign_in`: whoever sets somebody's address can become them."""
    require_right_to_correct(user, by)
    if not by.has_perm("accounts.change_sign_in"):
        raise Forbidden


def update_profile(user: User, *, by: User, **fields: str) -> User:
    """Set the given profile fields (names, phone in E.164, language, bio); announces only what really changed.

    Raises `PersonErased` (409): who was erased a moment ago gets no name back.
    """
    with unit_of_work():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if is_anonymous(locked):
            raise PersonErased
        changes = {name: value for name, value in fields.items() if getattr(locked, name) != value}
        if not changes:
            return locked
        old = {name: getattr(locked, name) for name in changes}
        for name, value in changes.items():
            setattr(locked, name, value)
        # Whoever said this is more than a form.
        locked.is_provisional = False
        locked.save(update_fields=[*changes, "is_provisional", "updated_at"])
        profile_changed.send(User, user=locked, old=old, new=changes, by=by)
    return locked

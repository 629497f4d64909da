"""A forgotten password, and one that its owner changes."""

import uuid
from datetime import timedelta

from django.utils import timezone

from accounts.emails import normalize_email
from accounts.enums import SecretPurpose, SessionEnd
from accounts.exceptions import InvalidCredentials, InvalidResetToken, WrongPassword
from accounts.mails import CHANGED_MAIL, RESET_MAIL
from accounts.models import User
from accounts.services import limits, one_time
from accounts.services.hashing import hash_password
from accounts.services.sessions import end_sessions, revoke_families
from accounts.services.signin import confirm_password
from accounts.signals import password_changed, password_reset
from common.errors import FieldError
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work

ONE_MAIL_EVERY = timedelta(minutes=1)


def request_reset(email: str, *, page: str = "") -> None:
    """Mail a link to whoever has this address, at most one a minute; the caller learns nothing.

    `page` is where the new password is chosen, unless on the page of `PASSWORD_RESET_URL`.

    Link and person are looked for when the mail is sent: until then an unknown address looks like any other.
    """
    send_mail_later(
        to=normalize_email(email),
        template=RESET_MAIL,
        context={"page": page} if page else None,
        expires_at=timezone.now() + one_time.LINK_LIFETIME,
        at_most_every=ONE_MAIL_EVERY,
    )


def reset_password(*, token: str, new_password: str) -> User:
    """Set a new password by a mailed link, which also proves the address; ends every session, forgives the limits.

    `new_password` has passed the validators. Raises `InvalidResetToken` (400).
    """
    secret = one_time.find_link(SecretPurpose.RESET_PASSWORD, token)
    if secret is None:
        raise InvalidResetToken
    hashed = hash_password(new_password)
    with unit_of_work():
        user = User.objects.select_for_update(no_key=True).get(pk=secret.user_id)
        if not user.is_active or not one_time.end(secret):
            raise InvalidResetToken
        one_time.end_all(user)
        user.password = hashed
        user.is_verified = True
        user.save(update_fields=["password", "is_verified", "updated_at"])
        end_sessions(user, reason=SessionEnd.PASSWORD_RESET, by=user)
        password_reset.send(User, user=user)
        send_mail_later(to=user.email, template=CHANGED_MAIL, language=user.language)
    limits.forgive(user)
    return user


def change_password(user: User, *, current_password: str, new_password: str, keep: uuid.UUID | None, by: User) -> None:
    """Set a new password knowing the old one; ends all sessions but the one of `keep`.

    Raises `RateLimited` (429), `WrongPassword` (400), which names the field, and `Unavailable` (503).
    """
    try:
        confirm_password(user, password=current_password)
    except InvalidCredentials as error:
        field = FieldError("current_password", WrongPassword.code, WrongPassword.detail)
        raise WrongPassword(errors=[field]) from error
    set_password(user, new_password, keep=keep, by=by)


def set_password(user: User, new_password: str, *, keep: uuid.UUID | None = None, by: User) -> None:
    """The part of `change_password` for a caller who has made sure that it is the owner.

    Without `keep` every session of the API ends. Raises `Unavailable` (503).
    """
    hashed = hash_password(new_password)
    with unit_of_work():
        locked = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        locked.password = user.password = hashed
        locked.save(update_fields=["password", "updated_at"])
        announce_change(locked, keep=keep, by=by)
        user.token_version = locked.token_version


def announce_change(user: User, *, keep: uuid.UUID | None = None, by: User | None) -> None:
    """What follows a password that was set by whatever way: nothing of before is good any more, and it is told."""
    with unit_of_work():
        one_time.end_all(user)
        if keep is None:
            end_sessions(user, reason=SessionEnd.PASSWORD_CHANGED, by=by)
        else:
            revoke_families(user, reason=SessionEnd.PASSWORD_CHANGED, by=by, keep=keep)
        password_changed.send(User, user=user, by=by)
        send_mail_later(to=user.email, template=CHANGED_MAIL, language=user.language)

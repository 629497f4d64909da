"""Sign-in with a password."""

from django.contrib.auth import authenticate
from django.contrib.auth.models import update_last_login
from django.http import HttpRequest

from accounts.emails import normalize_email
from accounts.exceptions import EmailNotVerified, InvalidCredentials
from accounts.models import User
from accounts.signals import sign_in_failed, user_signed_in
from common.context import set_actor
from common.unit_of_work import unit_of_work


def sign_in(request: HttpRequest | None, *, email: str, password: str) -> User:
    """Check the password and announce the outcome.

    Raises `InvalidCredentials` (401), the same for wrong and unknown, and `EmailNotVerified` (403).
    """
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        _announce_failure(email, None, InvalidCredentials.code)
        raise InvalidCredentials
    if not user.is_verified:
        _announce_failure(email, user.pk, EmailNotVerified.code)
        raise EmailNotVerified
    set_actor("user", user.pk)
    with unit_of_work():
        update_last_login(User, user)
        user_signed_in.send(User, user=user)
    return user


def _announce_failure(email: str, user_id: int | None, reason: str) -> None:
    with unit_of_work():
        sign_in_failed.send(User, email=normalize_email(email), user_id=user_id, reason=reason)

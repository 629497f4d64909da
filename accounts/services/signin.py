"""Sign-in with a password: count, check, then the second factor, then the session."""

from collections.abc import Container

from django.contrib.auth import authenticate
from django.http import HttpRequest

from accounts.emails import normalize_email
from accounts.exceptions import (
    EmailNotVerified,
    InvalidCredentials,
    SecondFactorInvalid,
    SecondFactorRequired,
    SecondFactorSetupRequired,
    StaffOnly,
)
from accounts.models import User
from accounts.services import limits, second_factor
from accounts.services.hashing import hash_gate
from accounts.services.sessions import open_session
from accounts.signals import sign_in_failed
from accounts.tokens import TokenPair, issue_enrolment
from common import limits as counters
from common.errors import DomainError
from common.unit_of_work import unit_of_work


def sign_in(*, email: str, password: str, otp: str | None = None, staff_only: bool = False) -> TokenPair:
    """Open a session of the API. Raises what `check_credentials` raises."""
    user = check_credentials(email=email, password=password, otp=otp, staff_only=staff_only)
    return open_session(user)


def check_credentials(
    *,
    email: str,
    password: str,
    otp: str | None = None,
    staff_only: bool = False,
    roles: Container[str] | None = None,
    allow_unverified: bool = False,
    ask_second_factor: bool = True,
    request: HttpRequest | None = None,
) -> User:
    """Whom the password and the second factor belong to, for the API and the admin alike.

    Failures are counted and announced; a wrong code counts like a wrong password. With `roles` only those may enter;
    only the old routes let in who has not verified their address, or staff without a second factor.

    Raises `RateLimited` (429) before anything is checked; `InvalidCredentials` (401), the same for wrong, unknown and
    switched off; with the right password only `EmailNotVerified` and `StaffOnly` (403), `SecondFactorRequired` and
    `SecondFactorInvalid` (401), `SecondFactorSetupRequired` (403, with an `mfa_token`); `Unavailable` (503) where too
    many check passwords at once. Not inside a transaction.
    """
    attempt = limits.take_attempt(email)
    try:
        with hash_gate():
            user = authenticate(request, username=email, password=password)
    except Exception:
        attempt.withdrawn()
        raise
    if not isinstance(user, User):
        user_id = User.objects.filter(email=attempt.email).values_list("pk", flat=True).first()
        _announce_failure(email, user_id, InvalidCredentials.code)
        attempt.failed(user_id=user_id)
        raise InvalidCredentials
    refusal = _refusal(user, staff_only=staff_only, roles=roles, allow_unverified=allow_unverified)
    if refusal is not None:
        # Not `succeeded`: whoever registers the address of somebody else must not become a device that they know.
        attempt.withdrawn()
        _announce_failure(email, user.pk, refusal.code)
        raise refusal
    try:
        if ask_second_factor:
            check_second_factor(user, otp=otp)
    except SecondFactorInvalid as error:
        _announce_failure(email, user.pk, error.code)
        attempt.failed(user_id=user.pk)
        raise
    except Exception:
        # Nothing was guessed, and nobody is in yet.
        attempt.withdrawn()
        raise
    if user.is_verified:
        attempt.succeeded()
    else:
        attempt.withdrawn()
    return user


def check_second_factor(user: User, *, otp: str | None) -> None:
    """Whoever opens a session without `check_credentials` asks this first, after an attempt was counted.

    Raises `SecondFactorRequired`, `SecondFactorInvalid` (401), `SecondFactorSetupRequired` (403).
    """
    if user.mfa_enabled:
        if not otp:
            raise SecondFactorRequired
        if not second_factor.use(user, otp):
            raise SecondFactorInvalid
    elif second_factor.is_required(user):
        raise SecondFactorSetupRequired(extra={"mfa_token": issue_enrolment(user, second_factor.ENROLMENT_LASTS)})


def confirm_password(user: User, *, password: str) -> None:
    """Make sure that whoever holds the session also knows the password.

    Raises `RateLimited` (429), `InvalidCredentials` (401), `Unavailable` (503). Not inside a transaction.
    """
    taken = counters.take((limits.CONFIRM, str(user.pk)))
    try:
        with hash_gate():
            is_right = user.check_password(password)
    except Exception:
        counters.give_back(taken)
        raise
    if not is_right:
        _announce_failure(user.email, user.pk, InvalidCredentials.code)
        raise InvalidCredentials
    counters.give_back(taken)


def _refusal(
    user: User, *, staff_only: bool, roles: Container[str] | None, allow_unverified: bool
) -> DomainError | None:
    if not user.is_verified and not allow_unverified:
        return EmailNotVerified()
    if (staff_only and not user.is_staff) or (roles is not None and user.role not in roles):
        return StaffOnly()
    return None


def _announce_failure(email: str, user_id: int | None, reason: str) -> None:
    with unit_of_work():
        sign_in_failed.send(User, email=normalize_email(email), user_id=user_id, reason=reason)

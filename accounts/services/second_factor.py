"""The second factor: an authenticator application, and recovery codes for the day it is lost.

Secrets and codes leave this module once, in the answer to whoever enrols.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import totp
from accounts.enums import SessionEnd
from accounts.exceptions import (
    SecondFactorEnabled,
    SecondFactorInvalid,
    SecondFactorKept,
    SecondFactorNotEnabled,
    SecondFactorNotStarted,
)
from accounts.mails import FACTOR_MAIL
from accounts.models import SecondFactor, User
from accounts.services import limits, recovery_codes
from accounts.services.sessions import end_sessions
from accounts.signals import (
    recovery_code_used,
    recovery_codes_renewed,
    second_factor_enabled,
    second_factor_failed,
    second_factor_removed,
)
from common import limits as counters
from common.crypto import decrypt, encrypt, reencrypt
from common.mail import send_mail_later
from common.unit_of_work import unit_of_work

# An enrolment that is not confirmed within this time begins anew.
ENROLMENT_LASTS = timedelta(minutes=30)


@dataclass(frozen=True)
class Enrolment:
    """What goes into the authenticator application: by hand (base 32), or as a QR code of the address."""

    secret: str
    otpauth_uri: str


def is_required(user: User) -> bool:
    """Whether this person cannot do without: whoever may open the back office, where `MFA_REQUIRED` says so."""
    return bool(settings.MFA_REQUIRED and user.is_staff)


def start_enrolment(user: User, *, is_proved: bool = False) -> Enrolment:
    """A new secret, which counts from its first code on. The factor that there is stays good until then.

    `is_proved`: the caller has confirmed password and factor. Otherwise raises `SecondFactorEnabled` (409) where there
    is a factor, also one that was enabled only a moment ago.
    """
    secret = totp.new_secret()
    with unit_of_work():
        factor, _created = SecondFactor.objects.select_for_update().get_or_create(user=user)
        if factor.secret is not None and not is_proved:
            raise SecondFactorEnabled
        factor.pending_secret, factor.pending_since = encrypt(secret), timezone.now()
        factor.save(update_fields=["pending_secret", "pending_since", "updated_at"])
    return _enrolment(user, secret)


def is_enrolling(user: User) -> bool:
    """Whether an enrolment waits for its first code."""
    factor = SecondFactor.objects.filter(user=user).first()
    return factor is not None and _is_pending(factor)


def resume_enrolment(user: User) -> Enrolment:
    """The enrolment that waits for its code, so that a page may be loaded again; else a new one.

    Raises `SecondFactorEnabled` (409) where there is a factor and nothing waits.
    """
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is None or not _is_pending(factor):
        return start_enrolment(user)
    return _enrolment(user, decrypt(bytes(factor.pending_secret or b"")))


def confirm_enrolment(user: User, *, otp: str, by: User) -> list[str]:
    """Enable the secret that `start_enrolment` gave, and return the recovery codes.

    Raises `SecondFactorNotStarted` (409), `SecondFactorInvalid` (401), `RateLimited` (429). Not inside a transaction.
    """
    taken = counters.take((limits.CONFIRM, str(user.pk)))
    try:
        codes = _enable_pending(user, _plain(otp), by=by)
    except SecondFactorNotStarted:
        counters.give_back(taken)
        raise
    if codes is None:
        raise _failed(
            user, _("Ce code n'est pas celui de l'application. Vérifiez l'heure du téléphone, puis réessayez.")
        )
    counters.give_back(taken)
    return codes


def enrol_at_shell(user: User) -> tuple[Enrolment, list[str]]:
    """A factor that needs no first code: the operator sees the secret. Raises `SecondFactorEnabled` (409)."""
    with unit_of_work():
        factor, _created = SecondFactor.objects.select_for_update().get_or_create(user=user)
        if factor.secret is not None:
            raise SecondFactorEnabled
        secret = totp.new_secret()
        return _enrolment(user, secret), _enable(user, factor, secret, step=0, by=None)


def use(user: User, code: str) -> bool:
    """Whether `code` is good: the application's, or a recovery code. It never is again; the row count decides."""
    factor = SecondFactor.objects.filter(user=user, secret__isnull=False).first()
    if factor is None:
        return False
    given = _plain(code)
    if len(given) == totp.DIGITS:
        return _use_step(factor, given)
    with unit_of_work():
        is_good = recovery_codes.use_code(factor, given)
        if is_good:
            recovery_code_used.send(User, user=user, left=recovery_codes.codes_left(factor))
    return is_good


def confirm_second_factor(user: User, *, otp: str) -> None:
    """Make sure that whoever holds the session also holds the factor.

    Raises `SecondFactorNotEnabled` (409), `RateLimited` (429), `SecondFactorInvalid` (401). Not inside a transaction.
    """
    if not user.mfa_enabled:
        raise SecondFactorNotEnabled
    taken = counters.take((limits.CONFIRM, str(user.pk)))
    if not use(user, otp):
        raise _failed(user)
    counters.give_back(taken)


def renew_recovery_codes(user: User, *, by: User) -> list[str]:
    """Ten new codes; the old ones are dead. The caller has confirmed the factor."""
    with unit_of_work():
        factor = SecondFactor.objects.select_for_update().filter(user=user, secret__isnull=False).first()
        if factor is None:
            raise SecondFactorNotEnabled
        codes = recovery_codes.replace_codes(factor)
        recovery_codes_renewed.send(User, user=user, by=by)
    return codes


def recovery_codes_left(user: User) -> int:
    factor = SecondFactor.objects.filter(user=user).first()
    return recovery_codes.codes_left(factor) if factor is not None else 0


def require_removable(user: User) -> None:
    """Raises `SecondFactorKept` (403) where the role needs a factor: it can be replaced only."""
    if is_required(user):
        raise SecondFactorKept


def disable(user: User, *, by: User) -> None:
    """Go on without. The caller has confirmed password and factor.

    Raises `SecondFactorKept` (403) where the role needs one, `SecondFactorNotEnabled` (409).
    """
    require_removable(user)
    if not _remove(user, reason="disabled", by=by):
        raise SecondFactorNotEnabled


def reset(user: User) -> bool:
    """For a lost phone, at a shell: no factor, no recovery codes, no session; whether there was a factor."""
    with unit_of_work():
        had_one = _remove(user, reason="reset", by=None)
        if had_one:
            end_sessions(user, reason=SessionEnd.ACCESS_CHANGED, by=None)
    return had_one


def reencrypt_all() -> int:
    """Put every secret under the first of `ENCRYPTION_KEYS`, so that older keys can go; how many factors."""
    count = 0
    for pk in SecondFactor.objects.values_list("pk", flat=True).iterator():
        with unit_of_work():
            factor = SecondFactor.objects.select_for_update().filter(pk=pk).first()
            if factor is None:
                continue
            for name in ("secret", "pending_secret"):
                value = getattr(factor, name)
                setattr(factor, name, reencrypt(bytes(value)) if value is not None else None)
            factor.save(update_fields=["secret", "pending_secret", "updated_at"])
            count += 1
    return count


def _enrolment(user: User, secret: bytes) -> Enrolment:
    uri = totp.otpauth_uri(secret, issuer=settings.MFA_ISSUER, account=user.email)
    return Enrolment(totp.as_text(secret), uri)


def _is_pending(factor: SecondFactor) -> bool:
    return factor.pending_since is not None and timezone.now() - factor.pending_since <= ENROLMENT_LASTS


def _enable_pending(user: User, code: str, *, by: User) -> list[str] | None:
    """The recovery codes, None where the code is wrong. Raises `SecondFactorNotStarted`."""
    with unit_of_work():
        factor = SecondFactor.objects.select_for_update().filter(user=user).first()
        if factor is None or not _is_pending(factor):
            raise SecondFactorNotStarted
        secret = decrypt(bytes(factor.pending_secret or b""))
        step = totp.matching_step(secret, code, now=timezone.now().timestamp())
        return _enable(user, factor, secret, step=step, by=by) if step is not None else None


def _enable(user: User, factor: SecondFactor, secret: bytes, *, step: int, by: User | None) -> list[str]:
    replaced = factor.secret is not None
    factor.secret, factor.enabled_at = encrypt(secret), timezone.now()
    factor.pending_secret = factor.pending_since = None
    factor.last_step = max(step, factor.last_step)
    factor.save()
    User.objects.filter(pk=user.pk).update(mfa_enabled=True, updated_at=timezone.now())
    user.mfa_enabled = True
    codes = recovery_codes.replace_codes(factor)
    second_factor_enabled.send(User, user=user, replaced=replaced, by=by)
    _tell(user, "replaced" if replaced else "enabled")
    return codes


def _use_step(factor: SecondFactor, code: str) -> bool:
    secret = decrypt(bytes(factor.secret or b""))
    now = timezone.now()
    step = totp.matching_step(secret, code, now=now.timestamp())
    if step is None:
        return False
    newer = SecondFactor.objects.filter(pk=factor.pk, enabled_at=factor.enabled_at, last_step__lt=step)
    return newer.update(last_step=step, updated_at=now) == 1


def _remove(user: User, *, reason: str, by: User | None) -> bool:
    with unit_of_work():
        SecondFactor.objects.filter(user=user).delete()
        was_enabled = bool(User.objects.filter(pk=user.pk, mfa_enabled=True).update(mfa_enabled=False))
        user.mfa_enabled = False
        if was_enabled:
            second_factor_removed.send(User, user=user, reason=reason, by=by)
            _tell(user, reason)
    return was_enabled


def _tell(user: User, change: str) -> None:
    """By mail: whoever did it, the owner of the address knows."""
    send_mail_later(to=user.email, template=FACTOR_MAIL, context={"change": change}, language=user.language)


def _failed(user: User, detail: str | None = None) -> SecondFactorInvalid:
    with unit_of_work():
        second_factor_failed.send(User, user=user)
    return SecondFactorInvalid(detail)


def _plain(code: str) -> str:
    """As typed, in groups or not, in capitals or not."""
    return "".join(code.split()).replace("-", "").lower()

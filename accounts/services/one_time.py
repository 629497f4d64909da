"""Codes and links that are mailed: hashed with our key, good for one thing, once, for a while, for a few attempts.

An attempt is taken by one guarded UPDATE before anything is compared, in a transaction of its own: however many try at
once, no more than `attempts` comparisons are made.
"""

import hmac
import secrets
from datetime import timedelta

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.enums import SecretPurpose
from accounts.models import OneTimeSecret, User
from accounts.signals import secret_exhausted
from common import sql
from common.unit_of_work import unit_of_work

CODE_LIFETIME = timedelta(minutes=10)
CODE_ATTEMPTS = 5
LINK_LIFETIME = timedelta(minutes=15)
INVITATION_LIFETIME = timedelta(days=3)
KEPT_FOR = timedelta(days=1)

_CODE_DIGITS = 6


def new_code() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(10**_CODE_DIGITS):0{_CODE_DIGITS}d}"


def issue_code(user: User, purpose: SecretPurpose, *, code: str = "", is_contested: bool = False) -> str:
    """A six-digit code, good for `CODE_LIFETIME` and `CODE_ATTEMPTS`; the one before is dead from now on.

    `code` is one of `new_code`, where the mail is written first. What was contested once stays so.
    """
    code = code or new_code()
    _replace(
        user,
        purpose,
        _digest(purpose, code, user.pk),
        attempts=CODE_ATTEMPTS,
        lifetime=CODE_LIFETIME,
        is_contested=is_contested,
    )
    return code


def contest(user: User, purpose: SecretPurpose) -> None:
    """From now on whatever is mailed for this is contested, until something of it is used."""
    live = OneTimeSecret.objects.filter(user=user, purpose=purpose, ended_at__isnull=True)
    # The second time it finds what replaced the first one while it waited for it.
    for _again in range(2):
        if live.update(is_contested=True, updated_at=timezone.now()):
            return
    # Nobody is told this code: the one that is mailed next inherits from it.
    issue_code(user, purpose, is_contested=True)


def issue_link_token(user: User, purpose: SecretPurpose, *, lifetime: timedelta = LINK_LIFETIME) -> str:
    """256 random bits for a link, good once, for `lifetime`; the one before is dead from now on."""
    token = secrets.token_urlsafe(32)
    _replace(user, purpose, _digest(purpose, token), attempts=1, lifetime=lifetime)
    return token


def pending_secret(user: User, purpose: SecretPurpose) -> OneTimeSecret | None:
    """The one that was mailed and has not expired, also where its attempts are used up."""
    return OneTimeSecret.objects.filter(
        user=user, purpose=purpose, ended_at__isnull=True, expires_at__gt=timezone.now()
    ).first()


def try_code(user_id: int, purpose: SecretPurpose, code: str) -> OneTimeSecret | None:
    """Take one attempt, then compare. None for wrong, expired, exhausted and never issued alike.

    What is returned may be used once: see `end`. Not inside of a transaction, which could undo the counting.
    """
    with unit_of_work():
        row = _take_attempt(user_id, purpose)
        if row is None:
            return None
        secret_id, attempts_left, digest = row
        if hmac.compare_digest(bytes(digest), _digest(purpose, code, user_id)):
            return OneTimeSecret.objects.get(pk=secret_id)
        if attempts_left == 0:
            secret_exhausted.send(OneTimeSecret, user_id=user_id, purpose=purpose)
    return None


def find_link(purpose: SecretPurpose, token: str) -> OneTimeSecret | None:
    """The live row of a link's token. Nobody guesses 256 bits: there is no attempt to count before `end`."""
    return (
        OneTimeSecret.objects.filter(
            purpose=purpose,
            digest=_digest(purpose, token),
            ended_at__isnull=True,
            expires_at__gt=timezone.now(),
        )
        .select_related("user")
        .first()
    )


def end(secret: OneTimeSecret) -> bool:
    """Use it up, in the transaction of what it allows; False where somebody else has, or a newer one was issued.

    Afterwards `secret` says whether it was contested in the end.
    """
    now = timezone.now()
    if not OneTimeSecret.objects.filter(pk=secret.pk, ended_at__isnull=True).update(ended_at=now, updated_at=now):
        return False
    secret.refresh_from_db(fields=["is_contested"])
    return True


def end_all(user: User) -> None:
    """Whatever was mailed to this person is dead from now on."""
    now = timezone.now()
    OneTimeSecret.objects.filter(user=user, ended_at__isnull=True).update(ended_at=now, updated_at=now)


def forget_expired() -> int:
    """Delete what nobody can use any more; the events stay, and so does what the next code is to inherit."""
    expired = OneTimeSecret.objects.filter(expires_at__lt=timezone.now() - KEPT_FOR)
    deleted, _per_model = expired.exclude(is_contested=True, ended_at__isnull=True).delete()
    return deleted


def _replace(
    user: User,
    purpose: SecretPurpose,
    digest: bytes,
    *,
    attempts: int,
    lifetime: timedelta,
    is_contested: bool = False,
) -> None:
    now = timezone.now()

    def insert() -> None:
        live = OneTimeSecret.objects.filter(user=user, purpose=purpose, ended_at__isnull=True)
        # Also where it has expired: who asks for another code is not who chose the password therefore. Under its lock:
        # whoever contests it at this moment is waited for, or waits and finds the new one.
        marks = [each.is_contested for each in live.select_for_update()]
        live.update(ended_at=now, updated_at=now)
        OneTimeSecret.objects.create(
            user=user,
            purpose=purpose,
            digest=digest,
            attempts_left=attempts,
            expires_at=now + lifetime,
            is_contested=is_contested or any(marks),
        )

    with unit_of_work():
        try:
            with transaction.atomic():
                insert()
        except IntegrityError:
            # Another request issued one between our two statements; ours is newer.
            insert()


def _take_attempt(user_id: int, purpose: SecretPurpose) -> tuple[int, int, bytes] | None:
    """One guarded UPDATE: (id, attempts left, digest), or None where there is nothing to try."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    row = sql.fetch_one(
        "UPDATE accounts_onetimesecret SET attempts_left = attempts_left - 1, updated_at = %s "
        "WHERE user_id = %s AND purpose = %s AND ended_at IS NULL AND expires_at > %s AND attempts_left > 0 "
        "RETURNING id, attempts_left, digest",
        [now, user_id, str(purpose), now],
    )
    return (row[0], row[1], row[2]) if row else None


def _digest(purpose: SecretPurpose, secret: str, user_id: int | None = None) -> bytes:
    """Keyed, because six digits are found in a second otherwise; a code is bound to its person."""
    return salted_hmac(f"accounts.one_time.{purpose}", f"{user_id}:{secret}", algorithm="sha256").digest()

"""Sessions: one family of tokens a sign-in. Of all who refresh with one token the row count chooses one.

The device is the context's (`common.context`): its address and its User-Agent.
"""

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accounts.enums import SessionEnd
from accounts.exceptions import RefreshReused, SessionEnded, TokenNotValid, UnknownSession
from accounts.models import TokenFamily, User
from accounts.selectors import live_session
from accounts.signals import refresh_reused, sessions_ended, user_signed_in
from accounts.tokens import REFRESH, Claims, InvalidToken, TokenPair, decode, issue_pair, issue_single
from common.context import current, set_actor
from common.unit_of_work import unit_of_work

# A phone whose answer was lost asks again within this time.
GRACE = timedelta(seconds=30)
# Beside what the tokens live: long enough to look at a session that should not have been.
KEPT_AFTER_EXPIRY = timedelta(days=30)


def open_session(user: User) -> TokenPair:
    """Sign `user` in on the context's device: a new family, its first pair, the announcement.

    The caller has made sure who they are. Raises `SessionEnded` (401) where the password, the role or the access has
    changed since `user` was read.
    """
    return issue_pair(user, _begin(user, place="api"))


def open_single(user: User, *, kind: str, until: datetime, place: str) -> str:
    """As `open_session` for a client that never refreshes: one token of that kind; `place` tells where they came in."""
    return issue_single(user, _begin(user, place=place, expires_at=until), kind=kind)


def _begin(user: User, *, place: str, expires_at: datetime | None = None) -> TokenFamily:
    with unit_of_work():
        now = timezone.now()
        # The password by itself: who keeps a session while changing it keeps the version, too.
        same = User.objects.filter(pk=user.pk, is_active=True, token_version=user.token_version, password=user.password)
        if not same.update(last_login=now):
            raise SessionEnded
        set_actor("user", user.pk)
        user.last_login = now
        family = start_family(user, expires_at=expires_at)
        user_signed_in.send(User, user=user, place=place)
    return family


def start_family(user: User, *, expires_at: datetime | None = None) -> TokenFamily:
    """The row alone, announced to nobody."""
    now = timezone.now()
    return TokenFamily.objects.create(
        user=user,
        **_device(),
        refreshed_at=now,
        expires_at=expires_at or now + settings.REFRESH_TOKEN_LIFETIME,
    )


def refresh_session(token: str) -> TokenPair:
    """A new pair for a refresh token that was not used before.

    The same device may ask again with the token just before for `GRACE`, and gets the same pair. Any other token of
    the family's past ends the family. Raises `TokenNotValid`, `SessionEnded`, `RefreshReused` (401).
    """
    try:
        claims = decode(token, REFRESH)
    except InvalidToken as error:
        raise TokenNotValid from error
    user, family = _live_session(claims)
    set_actor("user", user.pk)
    now = timezone.now()
    if family.counter == claims.counter and _advance(family, now=now):
        return issue_pair(user, family)
    # Somebody else was first, now or earlier: what they left decides.
    user, family = _live_session(claims)
    if _is_repetition(family, claims, now=timezone.now()):
        return issue_pair(user, family)
    _end_reused(family, claims)
    raise RefreshReused


def end_session(user: User, family: uuid.UUID, *, reason: SessionEnd, by: User | None) -> None:
    """End one of the user's sessions; `UnknownSession` (404) where it is not theirs, or has ended."""
    with unit_of_work():
        ended = TokenFamily.objects.filter(user=user, public_id=family, revoked_at__isnull=True).update(
            **_revocation(reason)
        )
        if not ended:
            raise UnknownSession
        sessions_ended.send(TokenFamily, user_id=user.pk, families=[family], reason=reason, by=by)


def end_sessions(user: User, *, reason: SessionEnd, by: User | None) -> int:
    """End every session of the user at once, also one that is being opened right now; how many there were.

    Raises `token_version`, on `user` too: no token issued before is good any more.
    """
    with unit_of_work():
        User.objects.filter(pk=user.pk).update(token_version=F("token_version") + 1, updated_at=timezone.now())
        user.refresh_from_db(fields=["token_version"])
        return revoke_families(user, reason=reason, by=by)


def revoke_families(user: User, *, reason: SessionEnd, by: User | None, keep: uuid.UUID | None = None) -> int:
    """The part of `end_sessions` for a caller who has raised `token_version` in the same transaction.

    With `keep`, which is a family's public id, all sessions but that one end, and the version may stay as it is.
    """
    open_ones = TokenFamily.objects.filter(user=user, revoked_at__isnull=True)
    if keep is not None:
        open_ones = open_ones.exclude(public_id=keep)
    with unit_of_work():
        families = list(open_ones.order_by("pk").select_for_update(no_key=True).values_list("public_id", flat=True))
        if families:
            open_ones.filter(public_id__in=families).update(**_revocation(reason))
            sessions_ended.send(TokenFamily, user_id=user.pk, families=families, reason=reason, by=by)
    return len(families)


def forget_expired() -> int:
    """Delete families whose last token expired `KEPT_AFTER_EXPIRY` ago; the events about them stay."""
    deleted, _per_model = TokenFamily.objects.filter(expires_at__lt=timezone.now() - KEPT_AFTER_EXPIRY).delete()
    return deleted


def device_digest() -> bytes:
    """What makes two requests come from the same device."""
    return hashlib.sha256(current().user_agent.encode("utf-8", "surrogateescape")).digest()


def _device() -> dict[str, Any]:
    """Who uses a family now; an application that was updated calls itself by another name."""
    context = current()
    name = "".join(character for character in context.user_agent if character.isprintable())[:200]
    return {"device": name, "device_digest": device_digest(), "ip": context.ip or None}


def _live_session(claims: Claims) -> tuple[User, TokenFamily]:
    session = live_session(claims)
    if session is None:
        raise SessionEnded
    return session


def _advance(family: TokenFamily, *, now: datetime) -> bool:
    """Make the next pair the good one; False for everybody but one of those who try with the same counter."""
    changes = {
        "counter": family.counter + 1,
        "refreshed_at": now,
        "expires_at": now + settings.REFRESH_TOKEN_LIFETIME,
        **_device(),
    }
    advanced = TokenFamily.objects.filter(pk=family.pk, counter=family.counter, revoked_at__isnull=True).update(
        **changes, updated_at=now
    )
    for name, value in changes.items():
        setattr(family, name, value)
    return advanced == 1


def _is_repetition(family: TokenFamily, claims: Claims, *, now: datetime) -> bool:
    return (
        claims.counter == family.counter - 1
        and now - family.refreshed_at <= GRACE
        and bytes(family.device_digest) == device_digest()
    )


def _end_reused(family: TokenFamily, claims: Claims) -> None:
    with unit_of_work():
        revoked = TokenFamily.objects.filter(pk=family.pk, revoked_at__isnull=True).update(
            **_revocation(SessionEnd.REFRESH_REUSED)
        )
        if revoked:
            refresh_reused.send(TokenFamily, family=family, counter=claims.counter)


def _revocation(reason: SessionEnd) -> dict[str, Any]:
    now = timezone.now()
    return {"revoked_at": now, "revoked_for": reason, "updated_at": now}

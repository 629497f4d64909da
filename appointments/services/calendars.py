"""Calendars that people share with their own programmes: by a secret address that can be taken back."""

import hashlib
import secrets

from django.db.models import Q
from django.utils import timezone

from accounts.enums import Role
from accounts.models import User
from appointments.enums import FeedKind
from appointments.models import CalendarFeed
from appointments.signals import feed_changed
from common.errors import Forbidden
from common.unit_of_work import unit_of_work


def share(user: User, *, kind: FeedKind, with_names: bool = False, by: User) -> tuple[CalendarFeed, str]:
    """A new address for one's calendar; an older one of the same kind ends. Returns the feed and its token.

    The token is told now and never again: only its hash is kept. Raises `Forbidden` for a doctor's calendar that is
    none.
    """
    if kind == FeedKind.DOCTOR and user.role != Role.DOCTOR:
        raise Forbidden
    token = secrets.token_urlsafe(32)
    with unit_of_work():
        # Two at once wait for one another here, and the later one's address is the one that counts.
        list(User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk"))
        for old in CalendarFeed.objects.filter(user=user, kind=kind, revoked_at=None):
            _revoke(old, by=by)
        feed = CalendarFeed.objects.create(
            user=user,
            kind=kind,
            with_names=with_names and kind == FeedKind.DOCTOR,
            token_hash=hash_of(token),
        )
        feed_changed.send(CalendarFeed, feed=feed, by=by)
    return feed, token


def revoke(feed: CalendarFeed, *, by: User) -> None:
    """From now on the address is a 404."""
    if feed.user_id != by.pk and not by.has_perm("appointments.change_calendarfeed"):
        raise Forbidden
    with unit_of_work():
        locked = CalendarFeed.objects.select_for_update(no_key=True).get(pk=feed.pk)
        if locked.revoked_at is None:
            _revoke(locked, by=by)


def revoke_all(user_id: int) -> None:
    """Of a person who is erased: every address that is live."""
    with unit_of_work():
        for feed in CalendarFeed.objects.select_for_update(no_key=True).filter(user_id=user_id, revoked_at=None):
            _revoke(feed, by=None)


def _revoke(feed: CalendarFeed, *, by: User | None) -> None:
    feed.revoked_at = timezone.now()
    feed.save(update_fields=["revoked_at", "updated_at"])
    feed_changed.send(CalendarFeed, feed=feed, by=by)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def feed_of(token: str) -> CalendarFeed | None:
    """The live feed at a secret address, of somebody who may still sign in; a doctor's, of who still is one."""
    live = CalendarFeed.objects.filter(token_hash=hash_of(token), revoked_at=None, user__is_active=True)
    return live.filter(Q(kind=FeedKind.PATIENT) | Q(user__role=Role.DOCTOR)).select_related("user").first()

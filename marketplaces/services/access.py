"""Calls in a merchant's name, with a token that is fresh: refreshed by one, waited for by the others.

A refresh is an HTTP call and holds no transaction. Who refreshes takes a lease on the row (a guarded UPDATE); the
others wait for the new version, or come again later. The answer is written only over the version that it replaces, so
that a slow one never undoes a newer one.

Etsy's refresh token is used up by a refresh whose answer is lost. The old one is then tried once more: where Etsy had
not received it all is well, otherwise it is refused, the connection is `expired` and the merchant is asked.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from common.unit_of_work import persist
from marketplaces import tokens
from marketplaces.channels import get_channel
from marketplaces.channels.base import Channel, ChannelError, Outcome, Page, Result, Seller
from marketplaces.channels.oauth import GRANT_OVER, OAuth, Tokens
from marketplaces.enums import ConnectionState
from marketplaces.models import ChannelConnection
from marketplaces.services import connections
from marketplaces.tenancy import merchant_scope

logger = logging.getLogger(__name__)

# A token that ends sooner is refreshed before a call.
MARGIN = timedelta(seconds=60)
# How long others wait for whoever refreshes, before they come again later.
WAIT_SECONDS = 5.0
RETRY_SECONDS = 3.0
_LONGEST_PAUSE = 300.0
_POLL_SECONDS = 0.05

Row = TypeVar("Row")


@dataclass(frozen=True)
class Access:
    """A seller whose token is good, as far as we know, and the version of it."""

    seller: Seller
    version: int


def act(merchant_id: int, channel_name: str, call: Callable[[Channel, Seller], Result]) -> Result:
    """A call of a channel in a merchant's name, outside of any transaction; never raises for what happens out there.

    A token that the channel refuses is refreshed once; refused again, the connection is `expired`.
    Raises `UnknownChannel` where the channel is switched off.
    """
    channel = get_channel(channel_name)
    try:
        result: Result = _authorised(merchant_id, channel, lambda seller: call(channel, seller), lambda told: told)
        return result
    except ChannelError as error:
        return error.result()


def read(merchant_id: int, channel_name: str, call: Callable[[Channel, Seller], Page[Row]]) -> Page[Row]:
    """As `act`, for what is read page by page."""
    channel = get_channel(channel_name)
    try:
        page: Page[Row] = _authorised(
            merchant_id, channel, lambda seller: call(channel, seller), lambda told: told.result
        )
        return page
    except ChannelError as error:
        return Page(error.result())


def access_to(merchant_id: int, channel: Channel, *, refused: int | None = None) -> Access:
    """A fresh token; `refused` is the version that the channel no longer takes, whatever its life.

    Raises `ChannelError`: `CREDENTIALS` where the access is over, `LATER` where it could not be refreshed now.
    """
    gives_up = time.monotonic() + WAIT_SECONDS
    seen: int | None = None
    while True:
        with merchant_scope(merchant_id):
            connection = ChannelConnection.objects.filter(channel=channel.name).first()
            if connection is None or connection.state != ConnectionState.CONNECTED:
                raise ChannelError(Outcome.CREDENTIALS, (connection and connection.reason) or "not_connected")
            # What was refreshed since we looked is as fresh as it gets, however short the channel lets it live.
            is_new = seen is not None and connection.version != seen
            if channel.oauth is None or is_new or _is_fresh(connection, refused):
                return _as_access(connection)
            seen = connection.version
            is_ours = _lease(connection)
        if is_ours:
            _refresh(connection, channel.name, channel.oauth)
        elif time.monotonic() > gives_up:
            raise ChannelError(Outcome.LATER, "refreshing", retry_after=RETRY_SECONDS)
        else:
            time.sleep(_POLL_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  (jitter, not a secret)


def _authorised(
    merchant_id: int, channel: Channel, call: Callable[[Seller], Any], result_of: Callable[[Any], Result]
) -> Any:
    access = access_to(merchant_id, channel)
    answer = call(access.seller)
    if result_of(answer).outcome != Outcome.CREDENTIALS:
        return answer
    if channel.oauth is not None:
        access = access_to(merchant_id, channel, refused=access.version)
        answer = call(access.seller)
    if result_of(answer).outcome == Outcome.CREDENTIALS:
        connections.expire(merchant_id, channel.name, version=access.version, reason="access_refused")
    return answer


def _is_fresh(connection: ChannelConnection, refused: int | None) -> bool:
    if connection.version == refused or connection.expires_at is None:
        return False
    return connection.expires_at - MARGIN > timezone.now()


def _lease(connection: ChannelConnection) -> bool:
    """Whether this call is the one that refreshes."""
    now = timezone.now()
    # Longer than the call may take, with what it needs to be written down.
    lasts = timedelta(seconds=settings.CHANNEL_DEADLINE_SECONDS + 10)
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return bool(_unchanged(connection).filter(free).update(lease_until=now + lasts))


def _refresh(connection: ChannelConnection, channel_name: str, oauth: OAuth) -> None:
    """Replace the pair that the row had. Raises `ChannelError`."""
    merchant_id, version = connection.merchant_id, connection.version
    held = _unsealed(connection)
    try:
        fresh = oauth.refresh(held["refresh"])
    except ChannelError as error:
        if error.reason == GRANT_OVER:
            reason = "refresh_lost" if held.get("uncertain") else "refresh_refused"
            connections.expire(merchant_id, channel_name, version=version, reason=reason)
            return
        if error.outcome == Outcome.REFUSED:
            # Our own keys are wrong: no merchant can do anything about that.
            logger.error("channel refused our keys", extra={"channel": channel_name, "reason": error.reason})
        pause = min(error.retry_after or RETRY_SECONDS, _LONGEST_PAUSE)
        is_uncertain = error.outcome == Outcome.UNKNOWN
        persist(lambda: _postpone(connection, held, pause, is_uncertain=is_uncertain))
        raise ChannelError(Outcome.LATER, "refresh_failed", error.reason, retry_after=pause) from error
    # The channel says it once: lost here, the merchant would have to connect anew.
    persist(lambda: _replace(connection, held, fresh))


def _replace(connection: ChannelConnection, held: dict[str, str], fresh: Tokens) -> None:
    now = timezone.now()
    refresh = fresh.refresh_token or held["refresh"]
    changes: dict[str, Any] = {
        "tokens": _sealed(connection, {"access": fresh.access_token, "refresh": refresh}),
        "expires_at": now + timedelta(seconds=fresh.expires_in),
        "version": connection.version + 1,
        "lease_until": None,
        "updated_at": now,
    }
    if fresh.refresh_token:
        changes["refresh_expires_at"] = now + timedelta(seconds=fresh.refresh_expires_in)
    with merchant_scope(connection.merchant_id):
        _unchanged(connection).update(**changes)


def _postpone(connection: ChannelConnection, held: dict[str, str], pause: float, *, is_uncertain: bool) -> None:
    """Let nobody try for a while; `uncertain` remembers that the refresh token may be used up."""
    changes: dict[str, Any] = {"lease_until": timezone.now() + timedelta(seconds=pause)}
    if is_uncertain:
        changes["tokens"] = _sealed(connection, {**held, "uncertain": "1"})
    with merchant_scope(connection.merchant_id):
        _unchanged(connection).update(**changes)


def _unchanged(connection: ChannelConnection) -> Any:
    """The row, as long as it is still the pair of tokens that was read."""
    return ChannelConnection.objects.filter(
        pk=connection.pk, version=connection.version, state=ConnectionState.CONNECTED
    )


def _as_access(connection: ChannelConnection) -> Access:
    token = _unsealed(connection)["access"] if connection.tokens else ""
    seller = Seller(
        merchant_id=connection.merchant_id,
        access_token=token,
        account_id=connection.account_id,
        settings=dict(connection.settings),
    )
    return Access(seller, connection.version)


def _unsealed(connection: ChannelConnection) -> dict[str, str]:
    try:
        return tokens.unseal(bytes(connection.tokens), merchant_id=connection.merchant_id, channel=connection.channel)
    except tokens.Unreadable as error:
        # A key that was dropped too early: put back, everything works again.
        logger.error("channel tokens cannot be read", extra={"channel": connection.channel, "why": str(error)})
        raise ChannelError(Outcome.LATER, "tokens_unreadable", retry_after=_LONGEST_PAUSE) from error


def _sealed(connection: ChannelConnection, values: dict[str, str]) -> bytes:
    return tokens.seal(values, merchant_id=connection.merchant_id, channel=connection.channel)

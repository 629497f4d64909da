"""A merchant's access to a channel: asked for, given by a consent, ended, kept fresh elsewhere (`access`).

The state that travels through the merchant's browser is signed, names merchant and person, and its secret part is good
once: whoever takes the row of `ChannelAuthorization` away exchanges the code, nobody else.
"""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core import signing
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from common.context import acting
from common.errors import FieldError, Invalid
from common.mail import send_mail_later
from common.unit_of_work import persist
from marketplaces import signals, tokens
from marketplaces.channels import get_channel
from marketplaces.channels.base import Channel, ChannelError, Outcome
from marketplaces.channels.exceptions import ChannelUnavailable, ConsentRefused, InvalidState, NotConnected
from marketplaces.channels.oauth import GRANT_OVER, OAuth, Tokens, challenge_of, new_verifier
from marketplaces.enums import ConnectionState, MemberRole
from marketplaces.models import ChannelAuthorization, ChannelConnection, Membership
from marketplaces.tenancy import merchant_scope, require_merchant

logger = logging.getLogger(__name__)

STATE_LASTS = timedelta(minutes=10)
_SALT = "marketplaces.channels.state"
_LONGEST_SETTING = 100


@dataclass(frozen=True)
class Asked:
    """What follows on `connect`: the consent page, or at once the connection of a channel without tokens."""

    authorization_url: str
    connection: ChannelConnection | None = None


def connect(channel_name: str, *, by: User) -> Asked:
    """Begin a connection of the present merchant. An earlier consent that `by` asked for is void.

    Raises `UnknownChannel` (404).
    """
    merchant_id, channel = require_merchant(), get_channel(channel_name)
    if channel.oauth is None:
        return Asked("", _switch_on(merchant_id, channel, by=by))
    secret, verifier = secrets.token_urlsafe(32), new_verifier()
    ChannelAuthorization.objects.update_or_create(
        merchant_id=merchant_id,
        user=by,
        channel=channel.name,
        defaults={
            "digest": _digest(secret),
            "verifier": tokens.seal({"verifier": verifier}, merchant_id=merchant_id, channel=channel.name),
            "expires_at": timezone.now() + STATE_LASTS,
        },
    )
    state = signing.dumps([merchant_id, by.pk, channel.name, secret], salt=_SALT, compress=False)
    return Asked(channel.oauth.consent_url(state=state, challenge=challenge_of(verifier)))


def complete(
    channel_name: str, *, state: str, code: str, error: str = "", present: int | None = None
) -> ChannelConnection:
    """The merchant's browser is back: exchange the code, once, and keep the tokens. Begins its own transactions.

    `present` is the id of whoever is signed in there, if anybody is: nobody completes another person's consent.

    Raises `UnknownChannel` (404), `InvalidState` (400), `ConsentRefused` (400), `ChannelUnavailable` (503).
    """
    channel = get_channel(channel_name)
    if channel.oauth is None:
        raise InvalidState
    merchant_id, user_id, secret = _read_state(state, channel.name)
    if present not in (None, user_id):
        raise InvalidState
    with merchant_scope(merchant_id):
        verifier = _take(merchant_id, user_id, channel.name, secret)
    if error or not code:
        raise ConsentRefused
    with acting("user", str(user_id)):
        fresh, account_id = _exchange(channel.oauth, channel, code, verifier)
        return persist(lambda: _store(merchant_id, user_id, channel, fresh, account_id))


def disconnect(channel_name: str, *, by: User) -> ChannelConnection:
    """Forget the present merchant's tokens. Raises `NotConnected` (404)."""
    connection = _mine(channel_name)
    if connection.state != ConnectionState.STOPPED:
        _end(connection, ConnectionState.STOPPED, "disconnected", by=by)
    return connection


def change_settings(channel_name: str, changes: Mapping[str, Any], *, by: User) -> ChannelConnection:
    """Set what the channel needs to know (`accepts`); an empty text or null takes a setting away.

    Raises `NotConnected` (404), `Invalid` (400) with every wrong field.
    """
    channel = get_channel(channel_name)
    errors = [_setting_error(channel, name, value) for name, value in changes.items()]
    if found := [error for error in errors if error is not None]:
        raise Invalid(errors=found)
    connection = _mine(channel_name)
    old = dict(connection.settings)
    given = {name: str(value) for name, value in changes.items() if value not in (None, "")}
    connection.settings = {name: value for name, value in old.items() if name not in changes} | given
    if connection.settings != old:
        connection.save(update_fields=["settings", "updated_at"])
        signals.connection_changed.send(
            ChannelConnection, connection=connection, old=old, new=connection.settings, by=by
        )
    return connection


def expire(merchant_id: int, channel_name: str, *, version: int, reason: str) -> bool:
    """The channel no longer lets us act: the merchant is asked to connect anew. Whether this call ended it.

    `version` is the pair of tokens that was refused: a newer one stays. Begins its own transaction.
    """
    return _end_by_ourselves(merchant_id, channel_name, ConnectionState.EXPIRED, version=version, reason=reason)


def stop(merchant_id: int, channel_name: str, *, reason: str) -> bool:
    """The channel wants a person to look (a captcha, a session that is over): nothing more is done there before the
    merchant connects anew. Whether this call ended it. Begins its own transaction."""
    return _end_by_ourselves(merchant_id, channel_name, ConnectionState.STOPPED, version=None, reason=reason)


def _end_by_ourselves(
    merchant_id: int, channel_name: str, state: ConnectionState, *, version: int | None, reason: str
) -> bool:
    with merchant_scope(merchant_id):
        rows = ChannelConnection.objects.select_for_update(of=("self",)).filter(channel=channel_name)
        connection = rows.filter(state=ConnectionState.CONNECTED).first()
        if connection is None or version not in (None, connection.version):
            return False
        _end(connection, state, reason, by=None)
        _ask_owners(connection)
        return True


def _ask_owners(connection: ChannelConnection) -> None:
    """Nothing goes on at the channel before one of them has connected anew."""
    owners = Membership.objects.filter(role=MemberRole.OWNER, user__is_active=True).select_related("user", "merchant")
    for membership in owners.order_by("pk"):
        send_mail_later(
            to=membership.user.email,
            template="channel_ended",
            context={"channel": connection.get_channel_display(), "merchant": membership.merchant.name},
            language=membership.user.language,
        )


def _end(connection: ChannelConnection, state: ConnectionState, reason: str, *, by: User | None) -> None:
    old = connection.state
    connection.state, connection.reason = state, reason
    connection.tokens, connection.lease_until = b"", None
    connection.expires_at = connection.refresh_expires_at = None
    connection.version += 1
    connection.save(
        update_fields="state reason tokens lease_until expires_at refresh_expires_at version updated_at".split()
    )
    signals.connection_moved.send(ChannelConnection, connection=connection, old=old, by=by)


def _mine(channel_name: str) -> ChannelConnection:
    connection: ChannelConnection | None = (
        ChannelConnection.objects.select_for_update(of=("self",)).filter(channel=channel_name).first()
    )
    if connection is None:
        raise NotConnected
    return connection


def _switch_on(merchant_id: int, channel: Channel, *, by: User) -> ChannelConnection:
    return _connected(merchant_id, by.pk, channel, {}, account_id="")


def _store(merchant_id: int, user_id: int, channel: Channel, fresh: Tokens, account_id: str) -> ChannelConnection:
    sealed = tokens.seal(
        {"access": fresh.access_token, "refresh": fresh.refresh_token}, merchant_id=merchant_id, channel=channel.name
    )
    now = timezone.now()
    values = {
        "tokens": sealed,
        "expires_at": now + timedelta(seconds=fresh.expires_in),
        "refresh_expires_at": now + timedelta(seconds=fresh.refresh_expires_in) if fresh.refresh_token else None,
    }
    with merchant_scope(merchant_id):
        return _connected(merchant_id, user_id, channel, values, account_id=account_id)


def _connected(
    merchant_id: int, user_id: int, channel: Channel, values: Mapping[str, Any], *, account_id: str
) -> ChannelConnection:
    ChannelConnection.objects.get_or_create(
        merchant_id=merchant_id, channel=channel.name, defaults={"state": ConnectionState.STOPPED}
    )
    connection = _mine(channel.name)
    old = connection.state if connection.connected_at else None
    for name, value in values.items():
        setattr(connection, name, value)
    connection.state, connection.reason, connection.lease_until = ConnectionState.CONNECTED, "", None
    connection.account_id = account_id
    connection.version += 1
    connection.connected_at, connection.connected_by_id = timezone.now(), user_id
    connection.save()
    by = connection.connected_by
    signals.connection_moved.send(ChannelConnection, connection=connection, old=old, by=by)
    return connection


def _exchange(oauth: OAuth, channel: Channel, code: str, verifier: str) -> tuple[Tokens, str]:
    try:
        fresh = oauth.exchange(code, verifier=verifier)
        if not fresh.refresh_token:
            raise ChannelError(Outcome.REFUSED, "no_refresh_token")
        return fresh, oauth.account(fresh)
    except ChannelError as error:
        if error.reason == GRANT_OVER:
            raise ConsentRefused from error
        logger.warning("channel not connected", extra={"channel": channel.name, "reason": error.reason})
        raise ChannelUnavailable(retry_after=30) from error


def _read_state(state: str, channel_name: str) -> tuple[int, int, str]:
    try:
        merchant_id, user_id, named, secret = signing.loads(state, salt=_SALT, max_age=STATE_LASTS)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise InvalidState from error
    if named != channel_name:
        raise InvalidState
    return merchant_id, user_id, secret


def _take(merchant_id: int, user_id: int, channel_name: str, secret: str) -> str:
    """The PKCE verifier of a consent that is good still, once: the row goes."""
    row = (
        ChannelAuthorization.objects.select_for_update(of=("self",))
        .filter(user_id=user_id, channel=channel_name, digest=_digest(secret), expires_at__gt=timezone.now())
        .first()
    )
    if row is None or not _may_connect(user_id):
        raise InvalidState
    row.delete()
    try:
        return tokens.unseal(row.verifier, merchant_id=merchant_id, channel=channel_name)["verifier"]
    except tokens.Unreadable as error:
        # Its key was removed within these ten minutes.
        raise InvalidState from error


def _may_connect(user_id: int) -> bool:
    """Whether the person is an owner of the present merchant still."""
    mine = Membership.objects.filter(user_id=user_id, user__is_active=True, merchant__is_active=True)
    role = mine.values_list("role", flat=True).first()
    return role is not None and MemberRole(role).allows(MemberRole.OWNER)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _setting_error(channel: Channel, name: str, value: Any) -> FieldError | None:
    if name not in channel.accepts:
        return FieldError(f"settings.{name}", "unknown_field", _("Champ inconnu."))
    if value is not None and (not isinstance(value, str) or len(value) > _LONGEST_SETTING):
        return FieldError(f"settings.{name}", "invalid", Invalid.detail)
    return None

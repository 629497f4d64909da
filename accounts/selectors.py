"""Reads that several places share."""

import uuid

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.emails import is_reserved, normalize_email
from accounts.enums import PricedAction
from accounts.models import Account, PriceList, TokenFamily, User
from accounts.tokens import Claims
from common import sql

_USER_FIELDS = tuple(field.attname for field in User._meta.concrete_fields)
_FAMILY_FIELDS = tuple(field.attname for field in TokenFamily._meta.concrete_fields)
_SESSION = (
    f"SELECT {', '.join([f'u.{name}' for name in _USER_FIELDS] + [f'f.{name}' for name in _FAMILY_FIELDS])} "
    f"FROM {User._meta.db_table} u JOIN {TokenFamily._meta.db_table} f ON f.user_id = u.id "
    "WHERE u.id = %s AND f.public_id = %s"
)

# What `PriceList.credits_now` says, for statements by hand: parameters are the moment and the action.
PRICE_NOW = (
    "(SELECT CASE WHEN next_from <= %s THEN next_credits ELSE credits END "
    f"FROM {PriceList._meta.db_table} WHERE action = %s)"
)


def is_anonymous(user: User) -> bool:
    """Whether this person was erased: no address, and no way in.

    The address alone says nothing of somebody who registered one there before that was refused.
    """
    return is_reserved(user.email) and not user.is_active and not user.has_usable_password()


def action_price(action: PricedAction) -> int:
    """What an action costs now, in credits; 0 where no price list row names it."""
    row = PriceList.objects.filter(action=action).first()
    return 0 if row is None else row.credits_now


def user_by_email(email: str) -> User | None:
    """Whoever has this address, in any case."""
    return User.objects.filter(email=normalize_email(email)).first()


def account_of(user_id: int) -> Account:
    """The user's account with its rate."""
    return Account.objects.select_related("rate").get(user_id=user_id)


def live_session(claims: Claims) -> tuple[User, TokenFamily] | None:
    """The user and the family that a token names together, where both are still good for it.

    Every request asks this: one query, on PostgreSQL by hand, where no value needs to be converted.
    """
    found = _session(claims.user_id, claims.family) if claims.family else None
    if found is None:
        return None
    user, family = found
    is_good = family.revoked_at is None and user.is_active and user.token_version == claims.version
    return found if is_good else None


def _session(user_id: int, family: uuid.UUID) -> tuple[User, TokenFamily] | None:
    if connection.vendor != "postgresql":
        found = TokenFamily.objects.select_related("user").filter(public_id=family, user_id=user_id).first()
        return (found.user, found) if found else None
    (rows,) = sql.fetch_prepared((_SESSION, [user_id, family]))
    if not rows:
        return None
    row = rows[0]
    user = User.from_db("default", _USER_FIELDS, row[: len(_USER_FIELDS)])
    return user, TokenFamily.from_db("default", _FAMILY_FIELDS, row[len(_USER_FIELDS) :])


def open_sessions(user_id: int) -> QuerySet[TokenFamily]:
    """The user's sessions that still can be refreshed."""
    return TokenFamily.objects.filter(user_id=user_id, revoked_at__isnull=True, expires_at__gt=timezone.now())

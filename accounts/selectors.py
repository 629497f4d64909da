"""Reads that several places share."""

from django.db import connection

from accounts.enums import PricedAction
from accounts.models import Account, PriceList, User
from common import sql

_USER_FIELDS = tuple(field.attname for field in User._meta.concrete_fields)
_USER_BY_ID = f"SELECT {', '.join(_USER_FIELDS)} FROM {User._meta.db_table} WHERE id = %s"


def action_price(action: PricedAction) -> int:
    """What an action costs now, in credits; 0 where no price list row names it."""
    return PriceList.objects.filter(action=action).values_list("credits", flat=True).first() or 0


def account_of(user_id: int) -> Account:
    """The user's account with its rate."""
    return Account.objects.select_related("rate").get(user_id=user_id)


def user_of_token(user_id: int) -> User | None:
    """The user whom a token names. Every request asks this: by hand, where no value needs to be converted."""
    if connection.vendor != "postgresql":
        return User.objects.filter(pk=user_id).first()
    row = sql.fetch_one(_USER_BY_ID, [user_id])
    return User.from_db("default", _USER_FIELDS, row) if row else None

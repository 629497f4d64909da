"""Rows as the old sites read them: names, nesting and types are the contract."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.enums import Role
from accounts.models import Account, PriceList, Rate, User

Row = dict[str, Any]

USER_ROLE, ADMIN_ROLE = "USER", "ADMIN"
STAFF_ROLES = (Role.STAFF, Role.ADMIN)


def moment(at: datetime | None) -> str | None:
    """ISO 8601 with the offset of `TIME_ZONE`."""
    return None if at is None else timezone.localtime(at).isoformat()


def role_of(user: User) -> str:
    return ADMIN_ROLE if user.role in STAFF_ROLES else USER_ROLE


def user(person: User) -> Row:
    return {
        "id": person.pk,
        "firstname": person.first_name,
        "lastname": person.last_name,
        "email": person.email,
        "phone": person.phone,
        "role": role_of(person),
        "created_at": moment(person.created_at),
        "updated_at": moment(person.updated_at),
    }


def nameless(person: User) -> Row:
    """For a caller who has not said who they are: the same fields, and nobody's name."""
    return user(person) | {"firstname": "", "lastname": "", "email": "", "phone": ""}


def rate(pack: Rate) -> Row:
    return {
        "id": pack.pk,
        "libelle": pack.label,
        "price": pack.price,
        "credit": pack.credits,
        "created_at": moment(pack.created_at),
        "updated_at": moment(pack.updated_at),
    }


def price_list(price: PriceList) -> Row:
    return {
        "id": price.pk,
        "libelle": price.label,
        "credit": price.credits_now,
        "created_at": moment(price.created_at),
        "updated_at": moment(price.updated_at),
    }


def account(prepaid: Account, *, is_nameless: bool = False) -> Row:
    """`prepaid` with its user and rate loaded."""
    return {
        "id": prepaid.pk,
        "credit": prepaid.credit,
        "subscription_date": moment(prepaid.subscribed_at),
        "activate": prepaid.is_active,
        "user_id": prepaid.user_id,
        "rate_id": prepaid.rate_id,
        "created_at": moment(prepaid.created_at),
        "updated_at": moment(prepaid.updated_at),
        "user": nameless(prepaid.user) if is_nameless else user(prepaid.user),
        "rate": rate(prepaid.rate) if prepaid.rate else None,
    }

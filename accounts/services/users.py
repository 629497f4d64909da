"""People are created here and nowhere else: every one has an account and its welcome credits."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.utils.translation import gettext as _

from accounts.emails import given_address
from accounts.enums import BACK_OFFICE_ROLES, EntryKind, Role
from accounts.models import Account, User
from accounts.services import ledger
from accounts.services.hashing import hash_password
from accounts.signals import user_created
from common.unit_of_work import unit_of_work


def create_user(
    *,
    email: str,
    password: str | None,
    hashed_password: str | None = None,
    role: Role = Role.PATIENT,
    by: User | None = None,
    **fields: Any,
) -> User:
    """A person with an account and the welcome credits of `WELCOME_CREDITS`. Without a password none signs in.

    `hashed_password` is for who had to hash it earlier; `password` is not read then.

    Raises `django.db.IntegrityError` where the address is taken: whether to tell is the caller's decision; and
    `EmailReserved` (400).
    """
    hashed = hashed_password or hash_password(password)
    with unit_of_work():
        user = User(
            email=given_address(email),
            password=hashed,
            role=role,
            is_staff=role in BACK_OFFICE_ROLES,
            is_superuser=role == Role.ADMIN,
            **fields,
        )
        user.save(force_insert=True)
        user.groups.set(Group.objects.filter(name=role))
        Account.objects.create(user=user)
        if settings.WELCOME_CREDITS:
            ledger.grant(
                user.pk,
                settings.WELCOME_CREDITS,
                kind=EntryKind.WELCOME,
                reference=f"user:{user.pk}",
                label=_("Crédits de bienvenue"),
                by=by,
            )
        user_created.send(User, user=user, by=by)
    return user

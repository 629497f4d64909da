"""People for tests, made by the same service as real ones."""

import itertools
from typing import Any

from accounts.enums import Role
from accounts.models import Account, User
from accounts.services import ledger
from accounts.services.sessions import start_family
from accounts.services.users import create_user
from accounts.tokens import TokenPair, issue_pair

PASSWORD = "Medoc-test-1"

_numbers = itertools.count(1)


def make_user(role: Role = Role.PATIENT, *, credits: int | None = None, **fields: Any) -> User:
    """A verified person; with `credits` the account holds exactly so many, by an entry in the ledger."""
    number = next(_numbers)
    fields.setdefault("email", f"{role}{number}@example.org")
    fields.setdefault("is_verified", True)
    user = create_user(password=PASSWORD, role=role, **fields)
    if credits is not None:
        set_credits(user, credits)
    return user


def make_session(user: User) -> TokenPair:
    """A session of this person, as a sign-in leaves it, but nobody was told."""
    return issue_pair(user, start_family(user))


def set_credits(user: User, credits: int) -> None:
    """Bring the balance to `credits` by one adjustment."""
    difference = credits - balance(user)
    if difference:
        ledger.adjust(user.pk, difference, reason="test", reference=f"test:{next(_numbers)}", by=user)


def balance(user: User) -> int:
    return Account.objects.values_list("credit", flat=True).get(user=user)

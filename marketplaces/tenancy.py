"""Whose rows are meant: a context variable for the managers, settings of the transaction for PostgreSQL's policies.

`merchant_scope` is the atomic block of everything that touches one merchant's rows, `person_scope` the one in which a
person finds the merchants they belong to, `crossing` what staff and workers use who see them all. Outside of these the
managers of tenant tables raise `NoMerchant`, and PostgreSQL shows no row.

On PostgreSQL the first two say who is meant by `SET LOCAL`: it ends with the transaction, whatever happens. Crossing is
no setting, which any statement could make: it is a login of its own (`DATABASE_STAFF_URL`), the only one whose policy
shows every row (docs/adr/0021).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DEFAULT_DB_ALIAS, load_backend

from common.unit_of_work import in_unit, unit_of_work
from marketplaces.exceptions import NoMerchant


@dataclass(frozen=True)
class Scope:
    """One merchant, or one person, or everybody (`crosses`)."""

    merchant_id: int | None = None
    user_id: int | None = None
    crosses: bool = False


_scope: ContextVar[Scope | None] = ContextVar("marketplaces_scope", default=None)
_crosses: ContextVar[bool] = ContextVar("marketplaces_crosses", default=False)
_staff = threading.local()


def current_scope() -> Scope | None:
    return _scope.get()


def require_merchant() -> int:
    """The id of the merchant whose block this is. Raises `NoMerchant`."""
    scope = _scope.get()
    if scope is None or scope.merchant_id is None:
        raise NoMerchant("no merchant is set: use merchant_scope() of marketplaces.tenancy")
    return scope.merchant_id


@contextmanager
def merchant_scope(merchant_id: int) -> Iterator[None]:
    """A unit of work in which one merchant's rows are all there is. May be nested, also in `crossing`."""
    with _transaction(Scope(merchant_id=merchant_id)):
        yield


@contextmanager
def person_scope(user_id: int) -> Iterator[None]:
    """A unit of work in which a person's memberships, and their merchants, are all there is."""
    with _transaction(Scope(user_id=user_id)):
        yield


@contextmanager
def crossing() -> Iterator[None]:
    """Every merchant's rows, for staff and workers: on PostgreSQL by the login of `DATABASE_STAFF_URL`.

    Begins no transaction, and must begin outside of one: within the block `connection` is another one. Raises
    `ImproperlyConfigured` where PostgreSQL has no such login.
    """
    if _crosses.get():
        with _scoped(Scope(crosses=True)):
            yield
        return
    if _scope.get() is not None:
        raise RuntimeError("crossing() is no way out of a merchant's block: begin it outside")
    token = _crosses.set(True)
    try:
        with staff_login() if connection.vendor == "postgresql" else nullcontext(), _scoped(Scope(crosses=True)):
            yield
    finally:
        _crosses.reset(token)


@contextmanager
def _transaction(scope: Scope) -> Iterator[None]:
    outer = _scope.get()
    with unit_of_work(), _scoped(scope):
        _tell(scope)
        yield
    # At the end of the transaction, and where it fails, PostgreSQL forgets by itself. What a unit around this one
    # still has to write at its end is written for this merchant.
    if connection.in_atomic_block and (outer is not None or not in_unit()):
        _tell(outer)


@contextmanager
def _scoped(scope: Scope) -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def _tell(scope: Scope | None) -> None:
    if connection.vendor != "postgresql":
        return
    merchant, user = (scope.merchant_id, scope.user_id) if scope else (None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.merchant_id', %s, true), set_config('app.user_id', %s, true)",
            [str(merchant or ""), str(user or "")],
        )


@contextmanager
def staff_login() -> Iterator[None]:
    """`connection` is the one of the staff's login, as long as the block lasts, for this thread."""
    usual = connections[DEFAULT_DB_ALIAS]
    if usual.in_atomic_block:
        raise RuntimeError("crossing() begins outside of a transaction: inside, the login cannot change")
    own = _staff_connection(usual)
    own.health_check_done = False  # type: ignore[attr-defined]
    own.close_if_unusable_or_obsolete()
    connections[DEFAULT_DB_ALIAS] = own
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = usual


def close_staff_connection() -> None:
    """This thread's, where it has one: it opens again by itself."""
    if (known := getattr(_staff, "connection", None)) is not None:
        known.close()


def _staff_connection(usual: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """One a thread, kept like any other. It bears the alias of the usual one, so that rows know only one database."""
    login = settings.DATABASE_STAFF_LOGIN
    if not login:
        raise ImproperlyConfigured(
            "Staff and workers need a login of their own to see every merchant's rows: "
            "set DATABASE_STAFF_URL (docs/marketplaces.md)."
        )
    wanted: dict[str, Any] = {**usual.settings_dict, **login}
    known: BaseDatabaseWrapper | None = getattr(_staff, "connection", None)
    if known is None or known.settings_dict != wanted:
        close_staff_connection()
        made: BaseDatabaseWrapper = load_backend(wanted["ENGINE"]).DatabaseWrapper(deepcopy(wanted), DEFAULT_DB_ALIAS)
        _staff.connection = made
        return made
    return known

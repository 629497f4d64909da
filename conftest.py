"""Fixtures of the whole suite: real engines, the append-only triggers, the simulators, signed-in clients."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.db import connection
from django.test import TransactionTestCase
from rest_framework.test import APIClient

from config.env import env
from simulators.config import SimulatorConfig
from simulators.server import SimulatorServer


def _become(url_setting: str) -> None:
    """Connect as the role of that URL from now on. With one role, or on SQLite, nothing changes."""
    url = env.str(url_setting, default="")
    if not url or not project_settings.DATABASE_APPLICATION_ROLE:
        return
    config = env.db_url_config(url)
    connection.close()
    connection.settings_dict.update(USER=config["USER"], PASSWORD=config["PASSWORD"])


def _become_tests() -> None:
    """The login of the tests acts as the application's role (`tests.engines.postgres`); a given server has none."""
    _become("DATABASE_TESTS_URL" if env.str("DATABASE_TESTS_URL", default="") else "DATABASE_URL")


@pytest.fixture(autouse=True, scope="session")
def staff_login_within_a_test() -> Iterator[None]:
    """In a test that is one transaction staff act in it, too: by their role, as another login would not see its rows.

    Tests with real transactions log in.
    """
    from marketplaces import tenancy

    log_in = tenancy.staff_login

    @contextmanager
    def staff_login() -> Iterator[None]:
        blocks = connection.atomic_blocks
        if not blocks or not blocks[0]._from_testcase:
            try:
                with log_in():
                    yield
            finally:
                # The test database goes away.
                tenancy.close_staff_connection()
            return
        application, staff = project_settings.DATABASE_APPLICATION_ROLE, project_settings.DATABASE_STAFF_LOGIN["USER"]
        connection.connection.execute(f"SET LOCAL ROLE {staff}")
        try:
            yield
        finally:
            connection.connection.execute(f"SET LOCAL ROLE {application}")

    tenancy.staff_login = staff_login
    yield
    tenancy.staff_login = log_in


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """The owner creates and migrates the test database …"""
    _become("DATABASE_OWNER_URL")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """… and the tests run as the application's role, without DDL and without UPDATE on what is append-only."""
    _become_tests()
    yield
    _become("DATABASE_OWNER_URL")


@pytest.fixture(autouse=True)
def nothing_prepared() -> None:
    """What one test prepared on the connection is no business of the next: its captured statements tell their text."""
    from common import prepared

    prepared.forget()


@contextmanager
def _append_only_lifted() -> Iterator[None]:
    from common.append_only import append_only_tables

    _become("DATABASE_OWNER_URL")
    tables = append_only_tables()
    is_postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for table in tables:
            if is_postgres:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            else:
                for event in ("update", "delete"):
                    cursor.execute(f"DROP TRIGGER append_only_{event}_{table}")
    try:
        yield
    finally:
        _append_only_again(tables, is_postgres=is_postgres)


def _append_only_again(tables: list[str], *, is_postgres: bool) -> None:
    from common.append_only import sqlite_triggers

    with connection.cursor() as cursor:
        for table in tables:
            for statement in [f"ALTER TABLE {table} ENABLE TRIGGER USER"] if is_postgres else sqlite_triggers(table):
                cursor.execute(statement)
    _become_tests()


@pytest.fixture(autouse=True, scope="session")
def append_only_lifted_around_flush() -> Iterator[None]:
    """Around the flush after a test with real transactions; by name only where a test seeds corruptions."""
    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def lifted_flush(case: TransactionTestCase) -> None:
        with _append_only_lifted():
            flush(case)

    TransactionTestCase._fixture_teardown = lifted_flush  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = flush  # type: ignore[attr-defined]


@pytest.fixture
def append_only_lifted() -> Callable[[], Any]:
    """`with append_only_lifted():` the owner connects and may rewrite what is append-only, to be found out."""
    return _append_only_lifted


@pytest.fixture
def as_owner() -> Iterator[None]:
    """Connected as the owner of the tables, as `archive_events` is."""
    _become("DATABASE_OWNER_URL")
    yield
    _become_tests()


@pytest.fixture(autouse=True)
def _nobody_acts_yet() -> Iterator[None]:
    """Whoever signed in during the test before does not act in this one."""
    from common import context

    token = context._current.set(context.Context())
    yield
    context._current.reset(token)


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Any) -> None:
    """Argon2 takes its time on purpose; only tests of sign-in itself need it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _no_rate_limit(settings: Any) -> None:
    """A test asks more often than any address or payer should; those of a limit itself set it."""
    settings.RATE_LIMIT_PER_MINUTE = 0
    settings.EPG_ANONYMOUS_PER_MINUTE = 0
    settings.PAYMENT_PROMPTS_PER_PHONE = settings.PAYMENT_PROMPTS_PER_USER = 0


@pytest.fixture
def api() -> Callable[..., APIClient]:
    """`api(user)` is a client with the user's access token, `api()` an anonymous one."""
    from accounts.tests.factories import make_session

    def client_for(user: Any = None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_session(user).access_token}")
        return client

    return client_for


@pytest.fixture
def simulators(settings: Any) -> Iterator[SimulatorServer]:
    """The outside services over real sockets, without faults, and the project pointed at them."""
    with SimulatorServer(port=0) as server:
        settings.MYPAYGA_URL = f"{server.url}/mypayga/v1"
        settings.SINGPAY_URL = f"{server.url}/singpay/v1"
        settings.EBAY_URL = f"{server.url}/ebay"
        settings.EBAY_CONSENT_URL = f"{server.url}/ebay/oauth2/authorize"
        settings.ETSY_URL = f"{server.url}/etsy/v3/application"
        settings.ETSY_TOKEN_URL = f"{server.url}/etsy/v3/public/oauth/token"
        settings.ETSY_CONSENT_URL = f"{server.url}/etsy/oauth/connect"
        yield server


@pytest.fixture
def epg(simulators: SimulatorServer, settings: Any) -> Iterator[Any]:
    """EPG switched on: the simulated one, empty, and a process that has never heard of it."""
    from catalog.tests.supervisor import Supervisor, forget_everything

    settings.EPG_URL, settings.EPG_API_KEY = f"{simulators.url}/epg", SimulatorConfig().epg_api_key
    forget_everything()
    yield Supervisor(simulators)
    forget_everything()

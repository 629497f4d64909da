"""A PostgreSQL cluster with the roles of production: an owner, an application without DDL, staff who cross merchants.

Beside them the tests' own login, which may act as the application and as staff within one transaction (`conftest.py`).
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.engines.base import Engine, EngineError
from tests.engines.packages import install

OLDEST_MAJOR = 15
MAX_CONNECTIONS = 300
DATABASE = "medoc"
OWNER = "medoc_owner"
APPLICATION = "medoc_app"
STAFF = "medoc_staff"
TESTS = "medoc_tests"
BRING_YOUR_OWN = (
    "set TEST_DATABASE_URL (and TEST_DATABASE_OWNER_URL, TEST_DATABASE_STAFF_URL) to a PostgreSQL server for tests"
)


class Postgres(Engine):
    """`durable` keeps every commit safe on disk, as production does: for benchmarks."""

    name = "postgres"
    # Immediate shutdown: the files are removed next, so nothing has to be written to them.
    stop_signal = signal.SIGQUIT

    def __init__(self, *, durable: bool = False) -> None:
        super().__init__()
        self.durable = durable
        self._password = secrets.token_hex(16)

    @staticmethod
    def given(environ: Mapping[str, str]) -> dict[str, str] | None:
        url = environ.get("TEST_DATABASE_URL")
        if not url:
            return None
        urls = {"DATABASE_URL": url, "DATABASE_OWNER_URL": environ.get("TEST_DATABASE_OWNER_URL") or url}
        if staff := environ.get("TEST_DATABASE_STAFF_URL"):
            urls["DATABASE_STAFF_URL"] = staff
        for value in urls.values():
            _check(value)
        return urls

    def start(self) -> dict[str, str]:
        programs = find_programs()
        if programs is None:
            install("postgresql", otherwise=BRING_YOUR_OWN)
            programs = find_programs()
        if programs is None:
            raise EngineError(f"This system's PostgreSQL is older than {OLDEST_MAJOR}: {BRING_YOUR_OWN}.")
        # PostgreSQL refuses to run as root.
        self.user = _system_user() if os.geteuid() == 0 else None
        data = self._initialise(programs)
        port = self.launch(
            lambda port: [str(programs / "postgres"), "-D", str(data), "-p", str(port)],
            lambda port, pid: self._answers(port),
        )
        passwords = {role: secrets.token_hex(16) for role in (OWNER, APPLICATION, STAFF, TESTS)}
        self._create_roles(port, passwords)
        urls = {
            role: f"postgres://{role}:{password}@127.0.0.1:{port}/{DATABASE}" for role, password in passwords.items()
        }
        return {
            "DATABASE_URL": urls[APPLICATION],
            "DATABASE_OWNER_URL": urls[OWNER],
            "DATABASE_STAFF_URL": urls[STAFF],
            "DATABASE_TESTS_URL": urls[TESTS],
        }

    def _initialise(self, programs: Path) -> Path:
        # Another system user must reach the directory, which the caller's TMPDIR need not allow;
        # /tmp may be memory, where durability would cost nothing.
        directory = self.make_directory("/var/tmp" if self.durable else "/tmp" if self.user else None)
        data = directory / "data"
        password_file = directory / "password"
        password_file.write_text(self._password)
        if self.user is not None:
            shutil.chown(password_file, self.user)
        self.run(
            [
                str(programs / "initdb"),
                f"--pgdata={data}",
                "--no-sync",
                "--username=postgres",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ]
        )
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in self._settings())
        return data

    def _settings(self) -> Iterator[tuple[str, str]]:
        yield "listen_addresses", "'127.0.0.1'"
        # No socket file, hence no limit on the length of its path.
        yield "unix_socket_directories", "''"
        yield "max_connections", str(MAX_CONNECTIONS)
        yield "timezone", "'UTC'"
        if not self.durable:
            yield "fsync", "off"
            yield "synchronous_commit", "off"
            yield "full_page_writes", "off"

    def _connect(self, port: int) -> psycopg.Connection:
        # Our cluster has no certificate, and asking for one costs a round trip.
        return psycopg.connect(
            host="127.0.0.1",
            port=port,
            user="postgres",
            password=self._password,
            dbname="postgres",
            sslmode="disable",
            autocommit=True,
            connect_timeout=3,
        )

    def _answers(self, port: int) -> bool:
        # Only our server knows the random password.
        try:
            self._connect(port).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_roles(self, port: int, passwords: Mapping[str, str]) -> None:
        with self._connect(port) as connection:
            rights_of = {OWNER: "CREATEDB", TESTS: "NOINHERIT"}
            for role in passwords:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN {} PASSWORD {}").format(
                        sql.Identifier(role), sql.SQL(rights_of.get(role, "")), passwords[role]
                    )
                )
            connection.execute(f"GRANT {APPLICATION}, {STAFF} TO {TESTS}")
            # Also in processes of their own, which a test starts on its database: none asks for the role itself.
            connection.execute(f"ALTER ROLE {TESTS} SET role = {APPLICATION}")
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
            )


def find_programs() -> Path | None:
    """The folder with initdb and postgres of the newest sufficient version on this machine."""
    usable = [folder for folder in _candidates() if (folder / "initdb").is_file() and (folder / "postgres").is_file()]
    newest = max(usable, key=_major, default=None)
    return newest if newest is not None and _major(newest) >= OLDEST_MAJOR else None


def _candidates() -> Iterator[Path]:
    yield from Path("/usr/lib/postgresql").glob("*/bin")
    if pg_config := shutil.which("pg_config"):
        yield Path(subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False).stdout.strip())
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent


def _major(folder: Path) -> int:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


def _system_user() -> str:
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


def _check(url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.Error as error:
        raise EngineError(
            f"No PostgreSQL answers at {urlsplit(url).hostname} as TEST_DATABASE_URL says: {error}"
        ) from error

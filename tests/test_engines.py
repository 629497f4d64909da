import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pymongo
import pytest
import redis

from tests.engines import MongoDB, Postgres, Redis

PROJECT = Path(__file__).resolve().parent.parent
BRINGS_NOTHING = {name: value for name, value in os.environ.items() if not name.startswith("TEST_")}


@pytest.fixture(scope="module")
def urls():
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def cache_url():
    server = Redis()
    try:
        yield server.start()["CACHE_URL"]
    finally:
        server.stop()


def run_with_engines(*arguments, **environ):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.engines", *arguments],
        cwd=PROJECT,
        env=BRINGS_NOTHING | environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def redis_answers(url):
    try:
        with redis.Redis.from_url(url) as client:
            return client.ping()
    except redis.ConnectionError:
        return False


def test_postgres_application_cannot_create_a_table(urls):
    with psycopg.connect(urls["DATABASE_URL"]) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE forbidden (id int)")
    with psycopg.connect(urls["DATABASE_OWNER_URL"]) as connection:
        assert connection.execute("SELECT to_regclass('forbidden')").fetchone() == (None,)


@pytest.mark.parametrize("statement", ["CREATE DATABASE other", "CREATE SCHEMA other", "CREATE ROLE other"])
def test_postgres_application_cannot_create_anything_larger(urls, statement):
    with (
        psycopg.connect(urls["DATABASE_URL"], autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_postgres_application_may_what_the_owner_grants(urls):
    with psycopg.connect(urls["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("CREATE TABLE ledger (amount int)")
        with psycopg.connect(urls["DATABASE_URL"], autocommit=True) as application:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute("INSERT INTO ledger VALUES (1)")
            owner.execute("GRANT SELECT, INSERT ON ledger TO medoc_app")
            application.execute("INSERT INTO ledger VALUES (1)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute("DELETE FROM ledger")
            assert application.execute("SELECT amount FROM ledger").fetchall() == [(1,)]


def test_postgres_owner_creates_databases_and_the_extensions_of_the_schema(urls):
    with psycopg.connect(urls["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("CREATE DATABASE test_medoc")
        owner.execute("CREATE EXTENSION btree_gist")
        owner.execute("CREATE EXTENSION pg_trgm")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("CREATE ROLE other")


def test_postgres_upper_case_knows_accents(urls):
    with psycopg.connect(urls["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT upper('comprimé')").fetchone() == ("COMPRIMÉ",)


def test_postgres_refuses_a_wrong_password(urls):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(urls["DATABASE_URL"], password="medoc")


@pytest.mark.parametrize(("durable", "expected"), [(False, ("off", "off", "300")), (True, ("on", "on", "300"))])
def test_postgres_durability(durable, expected):
    server = Postgres(durable=durable)
    try:
        with psycopg.connect(server.start()["DATABASE_URL"]) as connection:
            shown = [
                connection.execute(f"SHOW {name}").fetchone()[0]
                for name in ("fsync", "synchronous_commit", "max_connections")
            ]
    finally:
        server.stop()
    assert tuple(shown) == expected


def test_stop_leaves_no_process_and_no_file():
    servers = [Postgres(), Redis(), MongoDB()]
    try:
        database = servers[0].start()["DATABASE_URL"]
        for server in servers[1:]:
            server.start()
        with psycopg.connect(database) as connection:
            pids = [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_activity")]
        pids += [server.process.pid for server in servers]
        directories = [server.directory for server in servers]
        assert all(directory.stat().st_mode & 0o777 == 0o700 for directory in directories)
    finally:
        for server in servers:
            server.stop()
    assert [pid for pid in pids if is_alive(pid)] == []
    assert [directory for directory in directories if directory.exists()] == []


def test_mongodb_stores_and_finds():
    server = MongoDB()
    try:
        with pymongo.MongoClient(server.start()["TEST_MONGODB_URL"]) as client:
            client.medoc.products.insert_one({"_id": "3400930000000", "label": "Comprimé"})
            assert list(client.medoc.products.find({"label": "Comprimé"})) == [
                {"_id": "3400930000000", "label": "Comprimé"}
            ]
    finally:
        server.stop()


def test_command_gets_the_addresses_and_gives_its_exit_code():
    command = "import os; print(os.environ['CACHE_URL']); raise SystemExit(7)"
    with run_with_engines("--only", "redis", "--", sys.executable, "-c", command) as process:
        url = process.stdout.read().strip()
    assert process.returncode == 7
    assert url.startswith("redis://127.0.0.1:")
    assert not redis_answers(url)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_command_and_the_servers(number):
    command = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "print(os.environ['CACHE_URL'], os.getpid(), flush=True)\n"
        "time.sleep(60)"
    )
    with run_with_engines("--only", "redis", "--", sys.executable, "-c", command) as process:
        url, pid = process.stdout.readline().split()
        assert redis_answers(url)
        process.send_signal(number)
    assert process.returncode == 128 + number
    assert not redis_answers(url)
    assert not is_alive(int(pid))


def test_kill_of_the_runner_ends_the_servers(tmp_path):
    command = "import os; print(os.environ['CACHE_URL'], flush=True); input()"
    arguments = ("--only", "redis", "--", sys.executable, "-c", command)
    # Nobody is left to remove the server's directory.
    with run_with_engines(*arguments, TMPDIR=str(tmp_path)) as process:
        url = process.stdout.readline().strip()
        assert redis_answers(url)
        process.kill()
    wait_until(lambda: not redis_answers(url))


def test_given_server_is_used_and_left_running(cache_url):
    command = "import os; print(os.environ['CACHE_URL'])"
    arguments = ("--only", "redis", "--", sys.executable, "-c", command)
    with run_with_engines(*arguments, TEST_CACHE_URL=cache_url) as process:
        assert process.stdout.read() == f"{cache_url}\n"
    assert process.returncode == 0
    assert redis_answers(cache_url)


def test_given_database_without_an_owner_is_used_for_both(urls):
    given = Postgres.given({"TEST_DATABASE_URL": urls["DATABASE_URL"]})
    assert given == {"DATABASE_URL": urls["DATABASE_URL"], "DATABASE_OWNER_URL": urls["DATABASE_URL"]}


@pytest.mark.parametrize(
    ("engine", "variable", "url", "sentence"),
    [
        ("postgres", "TEST_DATABASE_URL", "postgres://x:hidden@127.0.0.1:1/x", "No PostgreSQL answers at"),
        ("redis", "TEST_CACHE_URL", "redis://:hidden@127.0.0.1:1/0", "No Redis answers at TEST_CACHE_URL"),
    ],
)
def test_given_server_that_does_not_answer_is_named_and_nothing_runs(engine, variable, url, sentence):
    with run_with_engines("--only", engine, "--", "echo", "ran", **{variable: url}) as process:
        output, errors = process.communicate()
    assert process.returncode == 1
    assert output == ""
    assert sentence in errors
    assert "hidden" not in errors
    assert "Traceback" not in errors


def test_unknown_engine_is_refused():
    with run_with_engines("--only", "oracle", "--", "echo", "ran") as process:
        output, errors = process.communicate()
    assert process.returncode == 2
    assert output == ""
    assert "unknown: oracle; known: postgres, redis, mongodb" in errors


def test_unknown_command_is_named():
    with run_with_engines("--only", "redis", "--", "no-such-command") as process:
        _, errors = process.communicate()
    assert process.returncode == 127
    assert "cannot run no-such-command: No such file or directory" in errors

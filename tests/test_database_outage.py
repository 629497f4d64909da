"""The service beside a real PostgreSQL that is down, comes up, is killed and comes back: no restart is needed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from backoffice.demo.processes import Processes
from config import databases
from tests.deployment.processes import free_port, get
from tests.engines import Postgres
from tests.engines.postgres import find_programs

PROJECT = Path(__file__).resolve().parent.parent
DEADLINE_SECONDS = 60


class Server(Postgres):
    """A cluster that also listens on a socket in its own directory, and is stopped and started again."""

    def _settings(self) -> Iterator[tuple[str, str]]:
        yield from super()._settings()
        yield "unix_socket_directories", f"'{self.directory}'"

    def kill(self) -> None:
        assert self.process is not None
        self._end(self.process)

    def start_again(self, port: int) -> None:
        programs = find_programs()
        assert programs is not None
        assert self.directory is not None
        (self.directory / "data" / "postmaster.pid").unlink(missing_ok=True)
        self.process = self._spawn([str(programs / "postgres"), "-D", str(self.directory / "data"), "-p", str(port)])


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Server, dict[str, str]]]:
    engine = Server()
    try:
        yield engine, engine.start()
    finally:
        engine.stop()


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _asked(port: int, path: str) -> tuple[int, dict[str, object]]:
    status, _headers, body = get(port, path)
    return status, json.loads(body)


def _is(port: int, path: str, expected: int) -> bool:
    try:
        return _asked(port, path)[0] == expected
    except (OSError, HTTPException):
        return False


def test_service_starts_without_its_database_and_recovers_by_itself(
    server: tuple[Server, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, urls = server
    address = urlsplit(urls["DATABASE_URL"])
    assert address.port is not None
    settings = {**urls, "DEBUG": "1", "DATA_DIR": str(tmp_path), "CACHE_URL": "", "CATALOG_DATABASE_URL": ""}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=PROJECT, env=os.environ | settings, check=True
    )
    engine.kill()
    port = free_port()
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(PROJECT)
    processes = Processes(tmp_path / "logs")
    try:
        processes.start("web", "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4")
        processes.wait_for("web", f"http://127.0.0.1:{port}/health")
        for _round in range(2):
            status, health = _asked(port, "/health")
            assert (status, health["status"]) == (200, "degraded")
            assert health["checks"]["database"] == "down"  # type: ignore[index]
            assert _asked(port, "/health/db") == (503, {"status": "down"})
            status, problem = _asked(port, "/api/v1/rates/")
            assert (status, problem["code"]) == (503, "database_unavailable")

            engine.start_again(address.port)
            _until(lambda: _is(port, "/health/db", 200))
            _until(lambda: _is(port, "/api/v1/rates/", 200))
            assert _asked(port, "/health")[1]["checks"]["database"] == "ok"  # type: ignore[index]
            engine.kill()
    finally:
        processes.stop()
        engine.start_again(address.port)


def test_every_way_to_the_server_leads_to_it(server: tuple[Server, dict[str, str]]) -> None:
    engine, urls = server
    address = urlsplit(urls["DATABASE_URL"])
    user = f"{address.username}:{address.password}"
    directory, port = str(engine.directory), address.port
    assert port is not None
    _until(lambda: engine._answers(port))

    for url in (
        f"postgres://{user}@127.0.0.1:{port}/medoc?sslmode=disable",
        f"postgres://{user}@{quote(directory, safe='')}:{port}/medoc",
        f"postgres://{user}@/medoc?host={directory}&port={port}",
        f"postgres://{user}@/{directory}/medoc?port={port}",
    ):
        config = databases.parse(url)
        with psycopg.connect(
            host=config["HOST"],
            port=config["PORT"] or None,
            user=config["USER"],
            password=config["PASSWORD"],
            dbname=config["NAME"],
            **config["OPTIONS"],
        ) as connection:
            row = connection.execute("SELECT current_user, inet_server_addr() IS NULL").fetchone()
        assert row == ("medoc_app", "127.0.0.1" not in url)

"""A database of its own for what is measured on a seeded year, on the same server, filled once a run."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db import connection
from psycopg import sql

NAME = "medoc_year"
# A part of the full figures, for a look: `BENCH_YEAR=0.1`.
SHARE = float(os.environ.get("BENCH_YEAR", "1"))
_FULL = {"events": 1_000_000, "reservations": 200_000, "users": 100_000, "appointments": 100_000}
_seeded: list[str] = []


@contextlib.contextmanager
def seeded_year() -> Iterator[str]:
    """Connected to it meanwhile, and so are processes that are started; what it holds."""
    before, name = dict(os.environ), connection.settings_dict["NAME"]
    connection.close()
    os.environ.update({key: _elsewhere(value) for key, value in before.items() if _is_url(key)})
    connection.settings_dict["NAME"] = NAME
    try:
        if not _seeded:
            _seeded.append(_fill(before.get("DATABASE_OWNER_URL") or before["DATABASE_URL"]))
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # The time of one process is all the time that a statement takes.
                cursor.execute("SET max_parallel_workers_per_gather = 0")
        yield _seeded[0]
    finally:
        connection.close()
        os.environ.update(before)
        connection.settings_dict["NAME"] = name


def _is_url(key: str) -> bool:
    return (key.startswith("DATABASE_") and key.endswith("_URL")) or key == "DATABASE_URL"


def _elsewhere(url: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{NAME}"))


def _fill(owner_url: str) -> str:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], check=True)
    sizes = [word for name, count in _FULL.items() for word in (f"--{name}", str(max(int(count * SHARE), 1)))]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "manage.py", "seed_load", *sizes], check=True, stdout=subprocess.PIPE, text=True
    )
    seconds = time.perf_counter() - started
    return f"{done.stdout.strip().removeprefix('seeded: ')} (seeded in {seconds:.0f} s)"

"""Real threads against a real database: everybody starts at the same moment."""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection, connections


def run_together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Call `work(number)` in `count` threads at once; the results in order, an exception as its own result."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        try:
            barrier.wait(timeout=30)
            results[number] = work(number)
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return results


class Beside:
    """Work that is done by another thread meanwhile, beginning at once; `result()` waits for what came of it, an
    exception included."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._result: Any = None

        def run() -> None:
            try:
                self._result = work()
            except Exception as error:
                self._result = error
            finally:
                connections.close_all()

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def result(self) -> Any:
        self._thread.join(timeout=60)
        if self._thread.is_alive():
            raise AssertionError("it has not come to an end")
        return self._result


def await_a_lock() -> None:
    """Return once somebody waits for a lock; after ten seconds nobody will."""
    ends = time.monotonic() + 10
    while not waiting_for_a_lock():
        assert time.monotonic() < ends, "nobody waits for a lock"
        time.sleep(0.02)


def waiting_for_a_lock() -> set[int]:
    """The sessions of this database that wait for a lock, by their process ids.

    Not by `pg_stat_activity.wait_event`, which shows a session only to the role that logged in.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database()"
        )
        return {pid for (pid,) in cursor.fetchall()}


def kill_connection() -> None:
    """The database ends our connection, as one that is restarted does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]

    def kill(number: int) -> Any:
        with connection.cursor() as cursor:
            # A session is ended by whoever logged in as the same role.
            cursor.execute("SET ROLE NONE")
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
            return cursor.fetchone()[0]

    assert run_together(1, kill) == [True]

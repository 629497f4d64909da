"""What signing in costs beside one password hash, and what being signed in costs a request."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from django.contrib.auth.hashers import check_password, make_password
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services.hashing import slots
from accounts.services.sessions import open_session
from tests.bench.report import Report, percentile

PASSWORD = "Medoc-bench-1"
PEOPLE, HASHES = 200, 20
SECONDS = int(os.environ.get("BENCH_SECONDS", "10"))
LOGIN, ME = "/api/v1/auth/login/", "/api/v1/auth/me/"


def run(report: Report, has_catalogue: bool) -> None:
    report.section(f"Identity: in-process requests, {slots()} cores, one thread a core")
    encoded = make_password(PASSWORD)
    people = User.objects.bulk_create(
        User(email=f"identity{number}@example.org", is_verified=True, password=encoded) for number in range(PEOPLE)
    )
    wall, cpu = _cost(lambda: check_password(PASSWORD, encoded), times=HASHES)
    report.add("one Argon2 check", f"{wall * 1000:.0f} ms, {cpu * 1000:.0f} ms of processor time")
    report.add("… so at most", f"{slots() / cpu:.1f} sign-ins/s")
    sign_in = _sign_in(people)
    _, whole = _cost(sign_in, times=HASHES)
    report.add("one sign-in", f"{whole * 1000:.0f} ms of processor time, {whole / cpu:.2f} hashes")
    report.add("sign-ins", f"{_per_second(sign_in):.1f}/s")
    _measure_me(report, people[0])


def _sign_in(people: list[User]) -> Callable[[], None]:
    turn = count()

    def work() -> None:
        number = next(turn)
        body = {"email": people[number % len(people)].email, "password": PASSWORD}
        response = _client().post(LOGIN, body, format="json", REMOTE_ADDR=f"10.0.{number % 250}.1")
        if response.status_code != 200:
            raise SystemExit(f"a sign-in was answered {response.status_code}")

    return work


def _client() -> APIClient:
    return APIClient(SERVER_NAME="127.0.0.1")


def _measure_me(report: Report, user: User) -> None:
    client = _client()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {open_session(user).access_token}")
    client.get(ME)
    with CaptureQueriesContext(connection) as queries:
        client.get(ME)
    report.add("GET me, queries", f"{len(queries)}", goal="≤ 1", reached=len(queries) <= 1)
    samples = [_time(lambda: client.get(ME)) * 1000 for _ in range(500)]
    report.add("GET me", f"p50 {percentile(samples, 0.5):.2f}  p95 {percentile(samples, 0.95):.2f} ms")


def _per_second(work: Callable[[], None]) -> float:
    """Calls of `work` a second, by one thread a core."""
    started = time.perf_counter()

    def loop(_: int) -> int:
        done = 0
        try:
            while time.perf_counter() - started < SECONDS:
                work()
                done += 1
        finally:
            connections.close_all()
        return done

    with ThreadPoolExecutor(slots()) as pool:
        done = sum(pool.map(loop, range(slots())))
    return done / (time.perf_counter() - started)


def _cost(work: Callable[[], object], *, times: int) -> tuple[float, float]:
    """Seconds by the clock and of processor time (all threads) that one call takes, the median and the mean."""
    processor = time.process_time()
    samples = [_time(work) for _ in range(times)]
    return percentile(samples, 0.5), (time.process_time() - processor) / times


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started

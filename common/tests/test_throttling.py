"""The limit of those who have not signed in: by address, exact among many at once, in the database without a cache."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from rest_framework.test import APIClient

from accounts.tests.factories import make_user
from common.api import throttling
from common.models import RateCounter
from tests.threads import run_together

pytestmark = pytest.mark.django_db

RATES = "/api/v1/rates/"
NOON = datetime(2026, 1, 31, 12, 0, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def five_a_minute(settings, monkeypatch):
    settings.RATE_LIMIT_PER_MINUTE = 5
    monkeypatch.setattr(throttling, "_distrusted_until", float("-inf"))
    cache.clear()


@pytest.fixture(params=["cache", "database"])
def counted_in(request, settings):
    """Where the limit is counted; the database where no Redis answers."""
    if request.param == "database":
        settings.CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "redis://127.0.0.1:1/0",
                "OPTIONS": {"socket_connect_timeout": 0.2, "socket_timeout": 0.2},
            }
        }
    elif "OPTIONS" in settings.CACHES["default"] and "socket_timeout" in settings.CACHES["default"]["OPTIONS"]:
        # What a busy machine makes Redis late for would be counted in the database instead.
        patient = {"socket_connect_timeout": 10, "socket_timeout": 10}
        settings.CACHES = {"default": settings.CACHES["default"] | {"OPTIONS": patient}}
    return request.param


def _ask(ip="198.51.100.7", url=RATES, method="get"):
    return getattr(APIClient(), method)(url, REMOTE_ADDR=ip)


def test_limit_by_address(counted_in):
    with time_machine.travel(NOON, tick=False) as clock:
        assert [_ask().status_code for _ in range(6)] == [200] * 5 + [429]
        refused = _ask()
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.headers["Retry-After"] == ("40" if counted_in == "cache" else "60")
        assert _ask(ip="203.0.113.1").status_code == 200
        clock.shift(timedelta(seconds=int(refused.headers["Retry-After"])))
        assert _ask().status_code == 200
    assert RateCounter.objects.exists() == (counted_in == "database")


def test_addresses_of_one_subscriber_are_one(counted_in):
    with time_machine.travel(NOON, tick=False):
        answers = [_ask(ip=f"2001:db8:1:2::{number:x}").status_code for number in range(6)]
        assert answers == [200] * 5 + [429]
        assert _ask(ip="2001:db8:1:3::1").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_limit_is_exact_among_many_at_once(counted_in):
    with time_machine.travel(NOON, tick=False):
        statuses = run_together(30, lambda _: _ask().status_code)

    assert sorted(statuses) == [200] * 5 + [429] * 25


def test_who_signed_in_is_not_counted(api):
    client = api(make_user())

    assert {client.get(RATES).status_code for _ in range(8)} == {200}


def test_who_knows_the_secret_of_a_callback_is_always_heard(settings):
    url = f"/api/v1/payments/callbacks/mypayga/{settings.PAYMENTS_CALLBACK_TOKEN}/"
    with time_machine.travel(NOON, tick=False):
        assert {_ask(url=url, method="post").status_code for _ in range(8)} == {200}
        guesses = [_ask(url="/api/v1/payments/callbacks/mypayga/guess/", method="post").status_code for _ in range(7)]

    assert guesses == [404] * 5 + [429] * 2


def test_cache_that_is_down_is_asked_seldom(settings, monkeypatch):
    asked = []
    monkeypatch.setattr(throttling.cache, "add", lambda *args, **kwargs: asked.append(1) or 1 / 0, raising=False)
    for _ in range(4):
        _ask()

    assert len(asked) == 1

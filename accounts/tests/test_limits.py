"""Who may try a password how often; counted before the password is checked, however many come at once."""

import threading
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import hashers
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import limits, signin
from accounts.services.limits import ACCOUNT, ADDRESS, forgive
from accounts.tests.factories import PASSWORD, make_user
from audit.models import Event
from common.addresses import network_of
from common.context import acting
from common.limits import Limit
from tests.threads import run_together

pytestmark = pytest.mark.django_db

LOGIN = "/api/v1/auth/login/"


@pytest.fixture
def user():
    return make_user(email="marie@example.org")


@pytest.fixture
def checks(monkeypatch):
    """The passwords that were checked, or hashed for somebody who does not exist."""
    hasher = hashers.MD5PasswordHasher
    seen, encode, verify = [], hasher.encode, hasher.verify
    inside = []

    def counting_encode(self, password, salt):
        if not inside:
            seen.append(password)
        return encode(self, password, salt)

    def counting_verify(self, password, encoded):
        seen.append(password)
        inside.append(1)
        try:
            return verify(self, password, encoded)
        finally:
            inside.pop()

    monkeypatch.setattr(hasher, "encode", counting_encode)
    monkeypatch.setattr(hasher, "verify", counting_verify)
    return seen


WRONG = "wrong"


def _sign_in(password=WRONG, *, email="marie@example.org", ip="198.51.100.7", device="phone"):
    return APIClient().post(
        LOGIN,
        {"email": email, "password": password},
        format="json",
        headers={"user-agent": device},
        REMOTE_ADDR=ip,
    )


def _statuses(count, *args, **kwargs):
    return [_sign_in(*args, **kwargs).status_code for _ in range(count)]


def test_five_in_fifteen_minutes(user, checks):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert _statuses(6) == [401] * 5 + [429]
        refused = _sign_in(PASSWORD)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert refused.headers["Retry-After"] == "900"
        assert len(checks) == 5
        clock.shift(timedelta(seconds=899))
        assert _sign_in(PASSWORD).status_code == 429
        clock.shift(timedelta(seconds=1))
        assert _sign_in(PASSWORD).status_code == 200


def test_waits_grow_to_an_hour_and_no_further(user):
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(6):
            ip = f"198.51.{number}.7"
            assert _statuses(5, ip=ip) == [401] * 5
            waits.append(int(_sign_in(ip=ip).headers["Retry-After"]))
            clock.shift(timedelta(seconds=waits[-1]))

    assert waits == [900, 1800, 3600, 3600, 3600, 3600]


def test_refused_attempts_prolong_nothing(user):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        _statuses(5)
        clock.shift(timedelta(minutes=14))
        assert set(_statuses(30)) == {429}
        clock.shift(timedelta(minutes=1))
        assert _sign_in(PASSWORD).status_code == 200


def test_quiet_hour_starts_anew(user):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        _statuses(5)
        clock.shift(timedelta(hours=2))
        _statuses(5, ip="203.0.113.1")
        assert _sign_in().headers["Retry-After"] == "900"


def test_locked_wrong_and_unknown_are_told_the_same(user):
    _statuses(5)
    _statuses(5, email="nobody@example.org")

    bodies = []
    for email, password in [("marie", PASSWORD), ("marie", "wrong"), ("nobody", "wrong")]:
        body = _sign_in(password, email=f"{email}@example.org").json()
        body.pop("request_id")
        bodies.append(body)
    assert bodies == [bodies[0]] * 3


def test_right_passwords_use_nothing_up(user):
    assert _statuses(12, PASSWORD) == [200] * 12
    assert _statuses(12, PASSWORD, device="laptop") == [200] * 12


def test_other_people_behind_the_same_address_sign_in(user):
    other = make_user()
    _statuses(6)

    assert _sign_in(PASSWORD, email=other.email).status_code == 200


def test_device_of_the_owner_is_not_kept_out_by_strangers(user):
    _sign_in(PASSWORD)
    assert _statuses(6, ip="203.0.113.9", device="bot") == [401] * 5 + [429]

    assert _sign_in(PASSWORD).status_code == 200
    assert _sign_in(PASSWORD, ip="198.51.100.99").status_code == 200
    assert _sign_in(PASSWORD, device="tablet").status_code == 429
    assert _sign_in(PASSWORD, ip="192.0.2.1").status_code == 429


def test_who_registered_the_address_of_somebody_else_makes_no_known_device_of_it(user):
    User.objects.update(is_verified=False)
    assert _sign_in(PASSWORD, device="bot").json()["code"] == "email_not_verified"
    User.objects.update(is_verified=True)
    _statuses(5, ip="203.0.113.9")

    assert _statuses(5, device="bot") == [429] * 5


def test_device_of_the_owner_has_five_attempts_as_well(user, checks):
    _sign_in(PASSWORD)
    checks.clear()

    assert _statuses(8) == [401] * 5 + [429] * 3
    assert len(checks) == 5


def test_one_network_gets_twenty_in_six_hours(user):
    statuses = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(6):
            statuses += _statuses(5, ip=f"198.51.100.{number}")
            clock.shift(timedelta(hours=1))
        assert statuses == [401] * 20 + [429] * 10
        assert _sign_in(ip="203.0.113.1").status_code == 401


@pytest.mark.parametrize("ip", ["198.51.100.7", "2001:db8:1:2::{:x}"])
def test_address_is_generous_but_has_an_end(user, monkeypatch, ip):
    """Of IPv6 everybody has 2^64: they are one."""
    monkeypatch.setattr(limits, "ADDRESS", Limit(ADDRESS.scope, attempts=7, window=900))
    statuses = [_sign_in(email=f"p{number}@example.org", ip=ip.format(number + 1)).status_code for number in range(9)]

    assert statuses == [401] * 7 + [429] * 2
    assert _sign_in(email="p8@example.org", ip="203.0.113.1").status_code == 401


@pytest.mark.parametrize("proxies, behind", [(0, ""), (1, ", 198.51.100.7")])
def test_forged_header_is_no_other_network(user, settings, monkeypatch, proxies, behind):
    """Only what our own proxy wrote last is believed, and without one nothing is."""
    settings.NUM_PROXIES = proxies
    network = limits.NETWORK
    monkeypatch.setattr(limits, "NETWORK", Limit(network.scope, attempts=3, window=network.window))
    statuses = [_sign_in_from(f"203.0.{number}.1{behind}").status_code for number in range(5)]

    assert statuses == [401] * 3 + [429] * 2
    # The account itself has attempts left.
    settings.NUM_PROXIES = 1
    assert _sign_in_from("192.0.2.1").status_code == 401


def _sign_in_from(forwarded):
    return APIClient().post(
        LOGIN,
        {"email": "marie@example.org", "password": "wrong"},
        format="json",
        headers={"x-forwarded-for": forwarded},
    )


def test_forgiven_owner_comes_in_from_where_they_were_forgiven(user):
    _statuses(6)
    with acting("anonymous", ip="198.51.100.7", user_agent="phone"):
        forgive(user)
    _statuses(6, ip="203.0.113.9", device="bot")

    assert _sign_in(PASSWORD).status_code == 200


def test_events_of_a_lock_out(user):
    _statuses(9)
    _statuses(9, email="nobody@example.org", ip="203.0.113.1")

    known, unknown = Event.objects.filter(action="user.sign_in_locked").order_by("id")
    assert (known.entity_id, unknown.entity_id) == (str(user.pk), "")
    assert known.changes == {"scope": "sign_in:account", "seconds": known.changes["seconds"]}
    assert 890 <= known.changes["seconds"] <= 900
    assert known.personal.values == {"email": "marie@example.org"}
    assert Event.objects.filter(action="user.sign_in_failed").count() == 10


def test_alarm_when_everything_fails(user, monkeypatch):
    monkeypatch.setattr(limits, "ALARM", Limit("sign_in:all", attempts=6, window=900))
    for number in range(9):
        assert _sign_in(email=f"p{number}@example.org", ip=f"203.0.{number}.1").status_code == 401

    assert Event.objects.get(action="user.sign_in_alarm").changes == {"attempts": 6, "window": 900}


@pytest.mark.parametrize(
    "ip, network",
    [
        ("198.51.100.7", "198.51.100.0/24"),
        ("::ffff:198.51.100.7", "198.51.100.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_network_of_an_address(ip, network):
    assert network_of(ip) == network


@pytest.mark.django_db(transaction=True)
def test_hundred_at_once_reach_the_check_five_times(user, checks):
    count = 100 if connection.vendor == "postgresql" else 16
    wrong = run_together(count, lambda _: _sign_in().status_code)
    right = run_together(10, lambda _: _sign_in(PASSWORD).status_code)

    assert sorted(wrong) == [401] * ACCOUNT.attempts + [429] * (count - ACCOUNT.attempts)
    assert right == [429] * 10
    assert len(checks) == ACCOUNT.attempts


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races")
@pytest.mark.django_db(transaction=True)
def test_counting_after_the_check_lets_all_through(user, checks, monkeypatch):
    """What counting first is for: all look at the counter before anybody has raised it."""
    everybody_has_looked = threading.Barrier(20)

    def look_only(email):
        everybody_has_looked.wait(timeout=30)
        return limits.Attempt(email, [])

    monkeypatch.setattr(signin.limits, "take_attempt", look_only)
    statuses = run_together(20, lambda _: _sign_in().status_code)

    assert statuses == [401] * 20
    assert len(checks) == 20


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.soak)])
@pytest.mark.django_db(transaction=True)
def test_attempts_from_fifty_addresses(user, checks, count):
    """SQLite's only writer would make fifty wait for one another: there they are ten."""
    addresses = 50 if connection.vendor == "postgresql" else 10

    def attack(number):
        return _statuses(count // addresses, ip=f"203.0.{number}.1", device=f"bot {number}")

    results = [status for statuses in run_together(addresses, attack) for status in statuses]

    assert (results.count(401), results.count(429)) == (5, count - 5)
    assert len(checks) == 5
    assert _sign_in(PASSWORD).status_code == 429
    with acting("anonymous", ip="198.51.100.7", user_agent="phone"):
        forgive(user)
    assert _statuses(6, ip="203.0.113.9", device="bot") == [401] * 5 + [429]
    assert _sign_in(PASSWORD).status_code == 200

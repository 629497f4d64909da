"""Codes and links: one live at a time, hashed, and never more comparisons than attempts."""

import hmac
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.enums import SecretPurpose
from accounts.models import OneTimeSecret
from accounts.services import one_time
from accounts.services.one_time import end, find_link, issue_code, issue_link_token, try_code
from accounts.tests.factories import make_user
from audit.models import Event
from tests.threads import run_together

pytestmark = pytest.mark.django_db

VERIFY, RESET = SecretPurpose.VERIFY_EMAIL, SecretPurpose.RESET_PASSWORD
PEOPLE = 30


def _wrong(code: str, number: int = 1) -> str:
    return f"{(int(code) + number) % 10**6:06d}"


def test_code_is_good_once():
    user = make_user()
    code = issue_code(user, VERIFY)

    assert (len(code), code.isdigit()) == (6, True)
    secret = try_code(user.pk, VERIFY, code)
    assert secret is not None
    assert end(secret) is True
    assert end(secret) is False
    assert try_code(user.pk, VERIFY, code) is None


def test_code_is_stored_hashed_with_a_key():
    user = make_user()
    code = issue_code(user, VERIFY)

    digest = bytes(OneTimeSecret.objects.get().digest)
    assert len(digest) == 32
    assert code.encode() not in digest
    other = make_user()
    assert issue_code(other, VERIFY, code=code) == code
    assert bytes(OneTimeSecret.objects.get(user=other).digest) != digest


def test_code_of_somebody_else_or_for_something_else():
    user, other = make_user(), make_user()
    code = issue_code(user, VERIFY)
    issue_code(other, VERIFY, code=_wrong(code))

    assert try_code(other.pk, VERIFY, code) is None
    assert try_code(user.pk, RESET, code) is None
    assert find_link(RESET, code) is None
    assert try_code(user.pk, VERIFY, code) is not None


def test_five_wrong_codes_kill_it_and_are_an_event():
    user = make_user()
    code = issue_code(user, VERIFY)

    for number in range(1, 6):
        assert Event.objects.filter(action="user.code_exhausted").count() == 0
        assert try_code(user.pk, VERIFY, _wrong(code, number)) is None
    assert try_code(user.pk, VERIFY, code) is None

    event = Event.objects.get(action="user.code_exhausted")
    assert (event.entity, event.entity_id, event.changes) == ("user", str(user.pk), {"purpose": "verify_email"})
    assert code not in str(list(Event.objects.values()))


def test_fifth_attempt_may_still_be_right():
    user = make_user()
    code = issue_code(user, VERIFY)
    for number in range(1, 5):
        try_code(user.pk, VERIFY, _wrong(code, number))

    assert try_code(user.pk, VERIFY, code) is not None
    assert Event.objects.filter(action="user.code_exhausted").count() == 0


def test_code_is_good_for_ten_minutes():
    user = make_user()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        code = issue_code(user, VERIFY)
        clock.shift(timedelta(minutes=10) - timedelta(seconds=1))
        assert one_time.pending_secret(user, VERIFY) is not None
        clock.shift(timedelta(seconds=1))
        assert one_time.pending_secret(user, VERIFY) is None
        assert try_code(user.pk, VERIFY, code) is None
    assert OneTimeSecret.objects.get().attempts_left == 5


def test_new_code_kills_the_one_before():
    user = make_user()
    first = issue_code(user, VERIFY)
    second = issue_code(user, VERIFY, code=_wrong(first))

    assert try_code(user.pk, VERIFY, first) is None
    assert try_code(user.pk, VERIFY, second) is not None
    assert list(OneTimeSecret.objects.order_by("pk").values_list("attempts_left", flat=True)) == [5, 3]


def test_link_is_good_once_for_fifteen_minutes():
    user = make_user()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        token = issue_link_token(user, RESET)
        assert len(token) == 43
        assert find_link(RESET, token + "x") is None
        assert find_link(VERIFY, token) is None
        found = find_link(RESET, token)
        assert found is not None
        assert found.user == user
        clock.shift(timedelta(minutes=15))
        assert find_link(RESET, token) is None
        clock.shift(-timedelta(minutes=1))
        assert end(found) is True
        assert find_link(RESET, token) is None


def test_contest_is_handed_on_until_a_code_is_used():
    user = make_user()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        issue_code(user, VERIFY)
        OneTimeSecret.objects.update(is_contested=True)
        issue_code(user, VERIFY)
        assert OneTimeSecret.objects.get(ended_at=None).is_contested is True
        clock.shift(timedelta(minutes=10))
        issue_code(user, VERIFY)
        contested = OneTimeSecret.objects.get(ended_at=None)
        assert contested.is_contested is True
        end(contested)
        issue_code(user, VERIFY)
        assert OneTimeSecret.objects.get(ended_at=None).is_contested is False


def test_what_nobody_can_use_is_forgotten():
    user = make_user()
    with time_machine.travel(timezone.now() - timedelta(days=2), tick=False):
        issue_code(user, VERIFY)
    issue_code(user, VERIFY)

    assert one_time.forget_expired() == 1
    assert OneTimeSecret.objects.filter(ended_at=None).count() == 1


@pytest.fixture
def comparisons(monkeypatch):
    """How often a code has been compared."""
    seen = []
    compare = hmac.compare_digest

    def counting(a, b):
        seen.append(1)
        return compare(a, b)

    monkeypatch.setattr(one_time.hmac, "compare_digest", counting)
    return seen


@pytest.mark.django_db(transaction=True)
def test_many_wrong_codes_at_once_are_compared_five_times(comparisons):
    user = make_user()
    code = issue_code(user, VERIFY)

    found = run_together(PEOPLE, lambda number: try_code(user.pk, VERIFY, _wrong(code, number + 1)))

    assert found == [None] * PEOPLE
    assert len(comparisons) == 5
    assert OneTimeSecret.objects.get().attempts_left == 0
    assert Event.objects.filter(action="user.code_exhausted").count() == 1


@pytest.mark.django_db(transaction=True)
def test_right_code_many_times_at_once_is_used_once():
    user = make_user()
    code = issue_code(user, VERIFY)

    def use(number):
        secret = try_code(user.pk, VERIFY, code)
        return secret is not None and end(secret)

    assert run_together(PEOPLE, use).count(True) == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races")
@pytest.mark.django_db(transaction=True)
def test_without_the_guard_every_one_of_them_is_compared(comparisons, monkeypatch):
    user = make_user()
    code = issue_code(user, VERIFY)
    everybody_has_looked = Barrier(PEOPLE)

    def read_then_write(user_id, purpose):
        secret = OneTimeSecret.objects.get(user_id=user_id, purpose=purpose, attempts_left__gt=0)
        everybody_has_looked.wait(timeout=30)
        OneTimeSecret.objects.filter(pk=secret.pk).update(attempts_left=secret.attempts_left - 1)
        return secret.pk, secret.attempts_left - 1, secret.digest

    monkeypatch.setattr(one_time, "_take_attempt", read_then_write)
    run_together(PEOPLE, lambda number: try_code(user.pk, VERIFY, _wrong(code, number + 1)))

    assert len(comparisons) == PEOPLE


@pytest.mark.django_db(transaction=True)
def test_many_codes_issued_at_once_leave_one_alive():
    user = make_user()

    codes = [code for code in run_together(8, lambda number: issue_code(user, VERIFY)) if isinstance(code, str)]

    assert codes
    assert OneTimeSecret.objects.filter(ended_at=None).count() == 1


@pytest.mark.parametrize("fields", [{"purpose": "other"}, {"attempts_left": -1}, {"ended_at": None}])
def test_database_refuses_the_impossible(fields):
    user = make_user()
    issue_code(user, VERIFY)
    issue_code(user, VERIFY)
    with pytest.raises(IntegrityError), transaction.atomic():
        OneTimeSecret.objects.update(**fields)

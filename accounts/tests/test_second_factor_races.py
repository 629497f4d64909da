"""The same code many times at once. A race test counts only if it fails with the guard taken away: first it is."""

import threading

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts import totp
from accounts.models import RecoveryCode, SecondFactor, TokenFamily
from accounts.services import second_factor, signin
from accounts.tests.factories import PASSWORD, make_user
from accounts.tests.phones import Phone, give_phone
from audit.models import Event
from tests.threads import run_together

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 20
needs_several_writers = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer: nothing races"
)


@needs_several_writers
def test_reading_then_writing_accepts_one_code_many_times(monkeypatch):
    user = make_user()
    phone, _codes = give_phone(user)
    everybody_has_read = threading.Barrier(THREADS)

    def read_then_write(factor, code):
        is_new = totp.matching_step(second_factor.decrypt(bytes(factor.secret)), code, now=_now()) > factor.last_step
        everybody_has_read.wait(timeout=30)
        factor.save(update_fields=["last_step"])
        return is_new

    def _now():
        return second_factor.timezone.now().timestamp()

    monkeypatch.setattr(second_factor, "_use_step", read_then_write)

    assert run_together(THREADS, lambda _: second_factor.use(user, phone.code())) == [True] * THREADS


def test_one_code_is_accepted_once_however_many_send_it():
    user = make_user()
    phone, _codes = give_phone(user)
    code = phone.code()

    results = run_together(THREADS, lambda _: second_factor.use(user, code))

    assert sorted(results) == [False] * (THREADS - 1) + [True]
    assert SecondFactor.objects.get(user=user).last_step >= 1


def test_one_recovery_code_is_accepted_once_however_many_send_it():
    user = make_user()
    _phone, codes = give_phone(user)

    results = run_together(THREADS, lambda _: second_factor.use(user, codes[0]))

    assert sorted(results) == [False] * (THREADS - 1) + [True]
    assert RecoveryCode.objects.filter(used_at__isnull=False).count() == 1
    assert Event.objects.filter(action="user.recovery_code_used").count() == 1


def test_one_code_opens_one_session_however_many_sign_in_with_it():
    user = make_user()
    phone, _codes = give_phone(user)
    body = {"email": user.email, "password": PASSWORD, "otp": phone.code()}

    results = run_together(8, lambda _: APIClient().post("/api/v1/auth/login/", body, format="json").status_code)

    assert results.count(200) == 1
    assert set(results) <= {200, 401, 429}
    assert TokenFamily.objects.count() == 1


def test_wrong_codes_at_once_are_checked_as_often_as_the_limit_allows(monkeypatch):
    user = make_user()
    phone, _codes = give_phone(user)
    checked = []
    use = second_factor.use

    def counting(user, code):
        checked.append(code)
        return use(user, code)

    monkeypatch.setattr(signin.second_factor, "use", counting)
    body = {"email": user.email, "password": PASSWORD, "otp": phone.wrong_code()}

    results = run_together(THREADS, lambda _: APIClient().post("/api/v1/auth/login/", body, format="json").status_code)

    assert (results.count(401), results.count(429)) == (5, THREADS - 5)
    assert len(checked) == 5


def test_one_first_code_at_once_gives_one_set_of_recovery_codes():
    user = make_user()
    secret = second_factor.start_enrolment(user).secret
    code = Phone(secret).code()

    def confirm(_):
        return second_factor.confirm_enrolment(user, otp=code, by=user)

    results = run_together(5, confirm)

    given = [result for result in results if isinstance(result, list)]
    assert len(given) == 1
    assert {type(result).__name__ for result in results if not isinstance(result, list)} == {"SecondFactorNotStarted"}
    assert RecoveryCode.objects.count() == 10
    assert second_factor.use(user, given[0][0])

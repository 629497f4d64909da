"""Refresh tokens are good once; who uses one twice from elsewhere ends the session for everybody."""

import threading
from datetime import timedelta

import jwt
import pytest
import time_machine
from django.conf import settings as project_settings
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import TokenFamily, User
from accounts.services import sessions
from accounts.services.roles import change_role
from accounts.tests.factories import PASSWORD, make_user
from audit.models import Event
from tests.threads import run_together

pytestmark = pytest.mark.django_db

LOGIN, REFRESH, ME = "/api/v1/auth/login/", "/api/v1/auth/refresh/", "/api/v1/auth/me/"
PHONE, LAPTOP = "Medoc/1.0 (Android)", "Mozilla/5.0 (X11)"


@pytest.fixture
def user():
    return make_user(email="marie@example.org")


def _sign_in(device=PHONE):
    body = {"email": "marie@example.org", "password": PASSWORD}
    return APIClient().post(LOGIN, body, format="json", headers={"user-agent": device}).json()


def _refresh(token, device=PHONE):
    return APIClient().post(REFRESH, {"refresh_token": token}, format="json", headers={"user-agent": device})


def _me(access_token):
    return APIClient().get(ME, headers={"authorization": f"Bearer {access_token}"})


def _refused(response, code):
    return (response.status_code, response.json().get("code")) == (401, code)


def _claims(token):
    return jwt.decode(token, project_settings.JWT_SIGNING_KEY, algorithms=["HS256"], audience="toctocmedoc-api")


def test_refresh_gives_a_new_pair(user):
    first = _sign_in()
    response = _refresh(first["refresh_token"])

    assert response.status_code == 200
    second = response.json()
    assert set(second) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (second["token_type"], second["expires_in"]) == ("bearer", 1800)
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    old, new = _claims(first["refresh_token"]), _claims(second["refresh_token"])
    assert (old["ctr"], new["ctr"], new["fam"]) == (1, 2, old["fam"])
    assert _me(second["access_token"]).status_code == 200
    assert TokenFamily.objects.get().counter == 2


def test_stolen_token_ends_the_session(user):
    a = _sign_in()["refresh_token"]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        b = _refresh(a).json()
        clock.shift(timedelta(seconds=31))
        replayed = _refresh(a)
        assert _refused(replayed, "refresh_reused")
        assert _refused(_refresh(b["refresh_token"]), "session_ended")
        assert _refused(_me(b["access_token"]), "session_ended")

    family = TokenFamily.objects.get()
    assert (family.revoked_for, family.counter) == ("refresh_reused", 2)
    event = Event.objects.get(action="session.refresh_reused")
    assert (event.entity_id, event.actor_id) == (str(family.public_id), str(user.pk))
    assert event.changes == {"user": user.pk, "counter": 1, "current": 2}


def test_another_device_has_no_grace(user):
    a = _sign_in()["refresh_token"]
    b = _refresh(a).json()["refresh_token"]

    assert _refused(_refresh(a, LAPTOP), "refresh_reused")
    assert _refused(_refresh(b), "session_ended")
    assert Event.objects.filter(action="session.refresh_reused").count() == 1


def test_thief_who_is_first_is_put_out_too(user):
    a = _sign_in()["refresh_token"]
    stolen = _refresh(a, LAPTOP).json()["refresh_token"]

    assert _refused(_refresh(a), "refresh_reused")
    assert _refused(_refresh(stolen, LAPTOP), "session_ended")


def test_lost_answer_is_given_again(user):
    a = _sign_in()["refresh_token"]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = _refresh(a).json()
        clock.shift(timedelta(seconds=30))
        again = _refresh(a)

    assert again.json() == first
    assert TokenFamily.objects.get().counter == 2
    assert not Event.objects.filter(action="session.refresh_reused").exists()


def test_only_the_token_just_before_is_given_again(user):
    a = _sign_in()["refresh_token"]
    b = _refresh(a).json()["refresh_token"]
    _refresh(b)

    assert _refused(_refresh(a), "refresh_reused")


def test_device_that_was_updated_refreshes(user):
    a = _sign_in()["refresh_token"]
    b = _refresh(a, "Medoc/1.1 (Android)").json()["refresh_token"]

    assert _refresh(b, "Medoc/1.1 (Android)").status_code == 200
    assert TokenFamily.objects.get().device == "Medoc/1.1 (Android)"


def test_other_sessions_survive_a_theft(user):
    a, other = _sign_in()["refresh_token"], _sign_in(LAPTOP)
    _refresh(_refresh(a).json()["refresh_token"])
    _refresh(a)

    assert _refresh(other["refresh_token"], LAPTOP).status_code == 200


@pytest.mark.parametrize("body", [{}, {"refresh_token": "x"}, {"refresh_token": "a.b.c"}])
def test_no_token_of_ours(body):
    assert _refused(APIClient().post(REFRESH, body, format="json"), "token_not_valid")


@pytest.mark.parametrize("body", [{"refresh_token": ["x"]}, {"refresh_token": None}, {"token": "x"}, []])
def test_body_that_does_not_fit(body):
    assert APIClient().post(REFRESH, body, format="json").status_code == 400


def test_access_token_refreshes_nothing(user):
    pair = _sign_in()

    assert _refused(_refresh(pair["access_token"]), "token_not_valid")
    assert _refused(_me(pair["refresh_token"]), "token_not_valid")
    assert TokenFamily.objects.get().counter == 1


def test_refresh_token_lives_seven_days(user):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        a = _sign_in()["refresh_token"]
        clock.shift(timedelta(days=7, seconds=-1))
        b = _refresh(a).json()["refresh_token"]
        clock.shift(timedelta(days=7))
        assert _refused(_refresh(b), "token_not_valid")


@pytest.mark.parametrize("change", [{"is_active": False}, {"token_version": 2}])
def test_person_who_may_not_come_in_any_more(user, change):
    a = _sign_in()["refresh_token"]
    User.objects.update(**change)

    assert _refused(_refresh(a), "session_ended")
    assert TokenFamily.objects.get().counter == 1


def test_role_that_changed_ends_the_session(user):
    pair = _sign_in()
    change_role(user, Role.STAFF, by=make_user(Role.ADMIN))

    assert _refused(_refresh(pair["refresh_token"]), "session_ended")
    assert _refused(_me(pair["access_token"]), "session_ended")
    assert TokenFamily.objects.get().revoked_for == "access_changed"


def test_token_of_before_the_families_asks_to_sign_in_again(user):
    now = timezone.now()
    claims = {"sub": str(user.pk), "role": "patient", "type": "refresh", "jti": "0" * 32, "ver": 1, "iat": now}
    claims |= {"exp": now + timedelta(days=1), "iss": "toctocmedoc", "aud": "toctocmedoc-api"}
    token = jwt.encode(claims, project_settings.JWT_SIGNING_KEY, "HS256")

    assert _refused(_refresh(token), "token_not_valid")


def _refresh_together(token, count):
    return [response.json() for response in run_together(count, lambda _: _refresh(token))]


@pytest.mark.django_db(transaction=True)
def test_many_refreshes_of_one_token_get_one_pair(user):
    token = _sign_in()["refresh_token"]
    answers = _refresh_together(token, 20)

    assert answers == [answers[0]] * 20
    assert _claims(answers[0]["refresh_token"])["ctr"] == 2
    assert TokenFamily.objects.get().counter == 2
    assert _refresh(answers[0]["refresh_token"]).status_code == 200


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer: nothing races")
@pytest.mark.django_db(transaction=True)
def test_many_refreshes_all_succeed_without_the_row_count(user, monkeypatch):
    """What the guarded UPDATE is for: each of those who have read the counter moves it on by itself."""
    token = _sign_in()["refresh_token"]
    everybody_has_read = threading.Barrier(8)

    def read_modify_write(family, *, now):
        everybody_has_read.wait(timeout=30)
        family.counter += 1
        family.refreshed_at = now
        family.save()
        return True

    monkeypatch.setattr(sessions, "_advance", read_modify_write)
    issued = []
    monkeypatch.setattr(
        sessions, "issue_pair", lambda user, family: issued.append(family.counter) or _issue(user, family)
    )
    _refresh_together(token, 8)

    assert issued == [2] * 8


_issue = sessions.issue_pair


@pytest.mark.django_db(transaction=True)
def test_many_replays_end_the_session_once(user):
    a = _sign_in()["refresh_token"]
    b = _refresh(a).json()["refresh_token"]
    _refresh(b)

    codes = {answer["code"] for answer in _refresh_together(a, 20)}
    assert codes <= {"refresh_reused", "session_ended"}
    assert Event.objects.filter(action="session.refresh_reused").count() == 1
    assert _refused(_refresh(b), "session_ended")

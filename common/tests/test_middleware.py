"""What stands around every request: its id, its address, the gate of its URL, its slash."""

import logging
import re

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from rest_framework.test import APIClient

from accounts.models import Rate
from accounts.tests.factories import PASSWORD, make_user
from audit.models import Event
from common.context import current
from common.middleware import ContextMiddleware, SlashMiddleware, client_ip

LOGIN = "/api/v1/auth/login/"


def _ip(settings, proxies, remote="10.0.0.1", forwarded=None):
    settings.NUM_PROXIES = proxies
    headers = {"x-forwarded-for": forwarded} if forwarded is not None else {}
    return client_ip(RequestFactory(REMOTE_ADDR=remote).get("/", headers=headers))


@pytest.mark.parametrize(
    "proxies, forwarded, expected",
    [
        (0, None, "10.0.0.1"),
        (0, "1.2.3.4", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (1, "6.6.6.6,,  1.2.3.4 ,", "1.2.3.4"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (2, "1.2.3.4", "1.2.3.4"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "not an address", "10.0.0.1"),
        (1, "1" * 5000, "10.0.0.1"),
    ],
)
def test_address_is_what_our_own_proxy_wrote(settings, proxies, forwarded, expected):
    assert _ip(settings, proxies, forwarded=forwarded) == expected


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/", "/api/v1/rates/"])
def test_cookie_that_no_database_can_store(path):
    answer = APIClient(raise_request_exception=False, HTTP_COOKIE='sessionid="0123456789\\000"').get(path)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_no_address_behind_a_unix_socket(settings):
    assert _ip(settings, 0, remote="") == ""


@pytest.mark.parametrize(
    "offered, taken",
    [
        ("abcdefgh", True),
        ("A-b_9" * 12, True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("a" * 7, False),
        ("abcdefgh\nx", False),
        ("abc defgh", False),
        ("é" * 8, False),
        ("", False),
    ],
)
def test_request_id_of_the_proxy_is_taken_where_it_looks_like_one(offered, taken):
    seen = {}

    def view(request):
        seen["id"] = current().request_id
        return HttpResponse()

    response = ContextMiddleware(view)(RequestFactory().get("/", headers={"x-request-id": offered}))

    assert response.headers["X-Request-ID"] == seen["id"]
    assert (seen["id"] == offered) is taken
    assert taken or re.fullmatch("[0-9a-f]{32}", seen["id"])


def test_context_ends_with_the_request():
    before = current()
    ContextMiddleware(lambda request: HttpResponse())(RequestFactory().get("/"))
    assert current() == before


@pytest.mark.django_db
def test_every_request_is_one_line_in_the_log(caplog, api):
    user = make_user()
    with caplog.at_level(logging.INFO, logger="common.requests"):
        response = api(user).get("/api/v1/account")

    (line,) = [record for record in caplog.records if record.name == "common.requests"]
    assert (line.method, line.path, line.status, line.ip) == ("GET", "/api/v1/account", 200, "127.0.0.1")
    assert response.headers["X-Request-ID"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "method, path, told",
    [
        ("post", "/api/v1/payments/callbacks/mypayga/the-secret/", "/api/v1/payments/callbacks/mypayga/***/"),
        ("get", "/calendar/the-secret.ics", "/calendar/***"),
        ("post", "/calendar/the-secret.ics/", "/calendar/***/"),
    ],
)
def test_secret_of_an_address_is_not_in_the_log(caplog, method, path, told):
    with caplog.at_level(logging.INFO, logger="common.requests"):
        getattr(APIClient(), method)(path)

    (line,) = [record for record in caplog.records if record.name == "common.requests"]
    assert line.path == told
    assert "the-secret" not in caplog.text


@pytest.mark.parametrize(
    "path, resolved",
    [
        ("/api/v1/rates", "/api/v1/rates/"),
        ("/api/v1/rates/", "/api/v1/rates/"),
        ("/api/v1/account/entries.csv", "/api/v1/account/entries.csv"),
        ("/api/v1/account/entries.csv/", "/api/v1/account/entries.csv"),
        ("/api/v1/appointments/1.ics/", "/api/v1/appointments/1.ics"),
        ("/api/v1/payments/callbacks/mypayga/se.cret", "/api/v1/payments/callbacks/mypayga/se.cret/"),
        ("/health", "/health"),
        ("/health/", "/health"),
        ("/health/db/", "/health/db"),
        ("/openapi.json/", "/openapi.json"),
        ("/", "/"),
        ("/admin", "/admin/"),
        ("/admin/", "/admin/"),
        ("/admin/accounts/user/", "/admin/accounts/user/"),
        ("/administration", "/administration"),
    ],
)
def test_one_path_with_and_without_its_slash(path, resolved):
    request = RequestFactory().get(path)
    SlashMiddleware(lambda request: HttpResponse())(request)
    assert request.path_info == resolved


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "utf-16", "latin-1", "bogus", "UTF-8"])
def test_charset_does_not_open_another_gate(charset):
    """Everything is UTF-8: another reading of the same bytes could smuggle in what the gate refuses."""
    Rate.objects.create(label="R", price=1, credits=1)
    response = APIClient().generic(
        "GET", "/api/v1/rates/?limit=5&label=%5Cud800%5Cx00", content_type=f"text/plain; charset={charset}"
    )
    assert response.status_code == 200
    assert response.json()["meta"]["limit"] == 5

    user = make_user()
    form = f"username={user.email}&password={PASSWORD}"
    response = APIClient().generic(
        "POST", LOGIN, form, content_type=f"application/x-www-form-urlencoded; charset={charset}"
    )
    assert response.status_code == 200


@pytest.mark.django_db
def test_personal_answers_are_kept_by_no_cache(api):
    response = api(make_user()).get("/api/v1/account/")

    assert response.headers["Cache-Control"] == "no-store"
    assert "Authorization" in response.headers["Vary"]


@pytest.mark.django_db
def test_public_answers_may_be_kept_but_not_for_those_who_sign_in():
    response = APIClient().get("/api/v1/rates/")

    assert "Cache-Control" not in response.headers
    assert "Authorization" in response.headers["Vary"]


@pytest.mark.django_db
def test_sign_in_is_kept_by_no_cache():
    user = make_user()
    response = APIClient().post(LOGIN, {"email": user.email, "password": PASSWORD}, format="json")

    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_hostile_forwarded_address_is_not_stored(settings):
    settings.NUM_PROXIES = 1
    response = APIClient().post(
        LOGIN,
        {"email": "nobody@example.org", "password": "x"},
        format="json",
        headers={"x-forwarded-for": "x" * 1000},
    )

    assert response.status_code == 401
    assert Event.objects.get(action="user.sign_in_failed").personal.ip == "127.0.0.1"

"""What holds for every old address."""

import json
import runpy
import sys
import types

import pytest
from django.urls import resolve

from accounts.tests.factories import PASSWORD, make_session
from common.middleware import LastResortMiddleware
from config import urls
from legacy.tests.conftest import SITE
from legacy.urls import urlpatterns
from legacy.views.base import LegacyView

pytestmark = pytest.mark.django_db

NOWHERE = {"detail": "Cette adresse n'existe pas. Le contrat est à /docs."}
PROBLEM = "application/problem+json"


def _paths():
    samples = {"email": "x@example.org", "libelle": "x", "start_at": "2026-01-01", "end_at": "2026-01-01", "rest": ""}
    samples |= {"token": "x", "page": "0", "count": "1"}
    for pattern in urlpatterns:
        text = str(pattern.pattern)
        if text.startswith("^"):
            yield "/" + text[1:].split("(")[0].replace("?:", ""), pattern
            continue
        for name in pattern.pattern.converters:
            converter = type(pattern.pattern.converters[name]).__name__
            kind = {"IntConverter": "int", "StringConverter": "str", "PathConverter": "path"}[converter]
            text = text.replace(f"<{kind}:{name}>", samples.get(name, "1"))
        yield "/" + text, pattern


PATHS = [(path, pattern.callback.cls) for path, pattern in _paths() if not path.startswith("/my_pay_ga/s")]
PATHS = [(path if not path.endswith("/") or path == "/" else path + "success_url", view) for path, view in PATHS]
REDIRECTS = "/sing_pay_api/"


@pytest.mark.parametrize("path, view", PATHS, ids=[path for path, _ in PATHS])
def test_every_route_answers_json_with_its_successor_and_the_origin(api, staff, path, view):
    assert issubclass(view, LegacyView)
    assert resolve(path).func.cls is view
    client = api(staff)
    for method in ("get", "post", "put", "patch", "delete", "head", "options"):
        answer = getattr(client, method)(path, headers={"Origin": SITE})
        if path.startswith(REDIRECTS) and method in ("get", "head"):
            assert answer.status_code == 307
        else:
            assert not 300 <= answer.status_code < 400, (method, path)
            assert answer.status_code < 500, (method, path)
            assert answer.headers["Content-Type"] == "application/json", (method, path)
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert answer.headers["Deprecation"] == "@1767225600"
        assert answer.headers["Link"] == f'<{view.successor}>; rel="successor-version"'
        if answer.status_code >= 400 and method != "head":
            assert list(answer.json()) == ["detail"]


@pytest.mark.parametrize("path, view", PATHS, ids=[path for path, _ in PATHS])
def test_preflight_allows_what_the_sites_send_and_no_cookies(api, path, view):
    headers = {
        "Origin": SITE,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization",
    }
    answer = api().options(path, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert set(answer.headers["Access-Control-Allow-Methods"].split(", ")) >= {"GET", "POST", "PUT", "DELETE", "PATCH"}
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_other_origins_are_told_nothing(api, settings):
    settings.DEBUG = False
    for origin in ("https://elsewhere.example.org", "http://localhost:5173", "null", "http://[", ""):
        answer = api().get("/rate/all", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "origin" in answer.headers["Vary"].lower()
    settings.DEBUG = True
    answer = api().get("/rate/all", headers={"Origin": "http://localhost:5173"})
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"


@pytest.mark.parametrize("path", ["//rate/all", "///rate/all", "/rate/all/", "/rate/all"])
def test_doubled_and_trailing_slashes_are_the_same_route(api, path):
    answer = api().get("/", PATH_INFO=path)
    assert (answer.status_code, answer.json()) == (200, [])


def test_new_addresses_have_no_doubled_slash(api):
    answer = api().get("/", PATH_INFO="//api/v1/rates/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)


@pytest.mark.parametrize(
    "path",
    ["/contact/send", "/facture/1", "/facture/all", "/api_epg/alternative_by_province", "/rate/none", "/user/update/x"],
)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_routes_that_never_were_are_a_clean_404(api, path, method):
    answer = getattr(api(), method)(path, headers={"Origin": SITE})
    assert (answer.status_code, answer.json()) == (404, NOWHERE)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == SITE


@pytest.mark.parametrize("path", ["/rate/all", "/user/update/1", "/event/all", "/account/spent/1"])
def test_patch_is_a_clean_405(api, path):
    answer = api().patch(path)
    assert (answer.status_code, list(answer.json())) == (405, ["detail"])
    assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere/", "/contacts"])
def test_problem_details_everywhere_else(api, path):
    answer = api().get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)


def test_unplanned_errors_are_json_with_the_origin(api, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("secret")

    monkeypatch.setattr("legacy.shapes.rate", fail)
    monkeypatch.setattr("legacy.views.rates.Rate.objects", None)
    answer = api().get("/rate/all", headers={"Origin": SITE})
    assert (answer.status_code, list(answer.json())) == (500, ["detail"])
    assert "secret" not in answer.content.decode()
    assert answer.headers["Access-Control-Allow-Origin"] == SITE


def test_unplanned_errors_outside_of_the_views_too(api, monkeypatch):
    def fail(*args):
        raise RuntimeError("secret")

    monkeypatch.setattr("common.middleware.SlashMiddleware.__call__", fail)
    client = api()
    client.raise_request_exception = False
    answer = client.get("/rate/all", headers={"Origin": SITE})
    assert (answer.status_code, list(answer.json())) == (500, ["detail"])
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert LastResortMiddleware


def test_urls_that_cannot_be_stored_are_refused_in_the_old_form(api):
    answer = api().get("/price_list/get_by_libelle/a%00b")
    assert (answer.status_code, type(answer.json()["detail"])) == (400, str)


def test_messages_are_french_whatever_the_browser_speaks(api):
    answer = api().get("/contact/send", headers={"Accept-Language": "en"})
    assert answer.json() == NOWHERE


@pytest.mark.parametrize("header", ["Bearer token", "Bearer null", "Bearer undefined", "Bearer é", "Bearer"])
def test_unusable_bearer_is_ignored_where_none_is_needed(api, header):
    for path in ("/rate/all", "/price_list/all", "/", "/api_epg/all_products/0/1"):
        assert api().get(path, HTTP_AUTHORIZATION=header).status_code == 200


def test_bearer_that_has_ended_is_told_apart_from_none(api, patient):
    token = make_session(patient).access_token
    patient.sessions.update(revoked_at="2026-01-01T00:00:00Z", revoked_for="signed_out")
    for header, detail in (
        ({}, "Not authenticated"),
        ({"HTTP_AUTHORIZATION": f"Bearer {token}"}, "Vous n'êtes pas autorisé à effectuer cette action"),
        ({"HTTP_AUTHORIZATION": "Bearer null"}, "Vous n'êtes pas autorisé à effectuer cette action"),
    ):
        answer = api().get("/auth/me", **header)
        assert (answer.status_code, answer.json()) == (401, {"detail": detail})
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "raw, kind",
    [
        (b'{"username": "NAME", "password": "PASS"}', "application/json"),
        (b'{"username": "NAME", "password": "PASS"}', "text/plain"),
        (b"username=NAME&password=PASS", "application/x-www-form-urlencoded; charset=UTF-8"),
    ],
)
def test_bodies_are_read_whatever_they_are_called(api, patient, raw, kind):
    raw = raw.replace(b"NAME", patient.email.encode()).replace(b"PASS", PASSWORD.encode())
    assert api().generic("POST", "/auth/login", raw, content_type=kind).status_code == 200


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"null", b"\xff", b'{"a": 1, "a": 2}', b"[" * 100])
def test_body_that_cannot_be_read_is_malformed(api, raw):
    answer = api().generic("POST", "/auth/register", raw, content_type="application/json")
    assert answer.status_code == 422
    assert all(sorted(fault) == ["loc", "msg", "type"] for fault in answer.json()["detail"])


def test_body_that_is_too_large(api):
    raw = json.dumps({"lastname": "x" * 300_000}).encode()
    answer = api().generic("POST", "/auth/register", raw, content_type="application/json")
    assert (answer.status_code, type(answer.json()["detail"])) == (413, str)


def test_get_may_name_a_content_type(api):
    assert api().generic("GET", "/rate/all", b"", content_type="application/json").status_code == 200


def test_heads_are_no_way_around(api, patient):
    assert api().head("/user/all").status_code == 401
    assert api(patient).head("/user/all").status_code == 403


def test_anonymous_requests_are_limited(api, settings):
    settings.RATE_LIMIT_PER_MINUTE = 3
    assert [api().get("/rate/all").status_code for _ in range(4)] == [200] * 3 + [429]


def test_openapi_marks_every_route_as_deprecated_under_one_tag(api):
    paths = api().get("/openapi.json").json()["paths"]
    ours = {path: item for path, item in paths.items() if not path.startswith("/api/v1/")}
    operations = [operation for item in ours.values() for operation in item.values() if isinstance(operation, dict)]
    assert len(operations) >= 38
    assert all(operation["tags"] == ["legacy"] and operation["deprecated"] for operation in operations)


def test_one_setting_switches_everything_off(api, settings, monkeypatch):
    settings.LEGACY_ROUTES = False
    without = types.ModuleType("urls_without_the_old_ones")
    without.__dict__.update(runpy.run_path(str(urls.__file__)))
    monkeypatch.setitem(sys.modules, without.__name__, without)
    settings.ROOT_URLCONF = without.__name__
    for path in ("/rate/all", "/auth/login", "/contact/send"):
        answer = api().get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)
    assert api().get("/").status_code == 302

"""Every route there is, walked: nothing that is added can forget the rules of the house."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admindocs.views import simplify_regex
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts.enums import Role
from accounts.tests.factories import make_user
from common.middleware import SlashMiddleware
from common.tests.rows import our_models

METHODS = ("get", "post", "put", "patch", "delete")
UNSAFE = METHODS[1:]
PROBLEM = "application/problem+json"

# Unsafe routes that read no Idempotency-Key, each with its reason.
EXEMPT = {
    "post /api/v1/auth/login/": "signing in twice gives two sessions, as it should",
    "post /api/v1/auth/login/json/": "an alias of login",
    "post /api/v1/auth/login/admin/": "as login",
    "post /api/v1/auth/refresh/": "a repeat within 30 seconds is answered by the same pair",
    "post /api/v1/auth/logout/": "a session ends once",
    "post /api/v1/auth/logout/all/": "sessions end once",
    "delete /api/v1/auth/sessions/{id}/": "a session ends once",
    "post /api/v1/auth/mfa/totp/": "the later secret replaces the earlier one; a stored answer would keep it",
    "post /api/v1/auth/mfa/totp/confirm/": "a code is good once; a stored answer would keep the recovery codes",
    "post /api/v1/auth/mfa/totp/disable/": "a code is good once",
    "post /api/v1/auth/mfa/recovery-codes/": "a code is good once; a stored answer would keep the recovery codes",
    "post /api/v1/auth/register/": "a repeat is answered the same, and one mail a minute is sent",
    "post /api/v1/auth/signup/": "an alias of register",
    "post /api/v1/auth/verify-otp/": "a code is good once",
    "post /api/v1/auth/resend-otp/": "one mail a minute, however often it is asked for",
    "post /api/v1/auth/forgot-password/": "one mail a minute, however often it is asked for",
    "post /api/v1/auth/reset-password/": "a link is good once",
    "post /api/v1/auth/change-password/": "with the new password the current one is wrong",
    "patch /api/v1/users/{id}/": "the same change twice is the same person",
    "delete /api/v1/users/{id}/": "who was erased is nobody already",
    "post /api/v1/items/{id}/images/": "the same picture sent twice is one",
    "post /api/v1/plugin/tasks/{id}/result/": "an answer counts once; a second one is told so",
    "post /api/v1/plugin/heartbeat/": "a lease that is renewed twice is renewed",
    "post /api/v1/plugin/devices/": "a stored answer would keep the token",
    "delete /api/v1/plugin/devices/{id}/": "what is revoked stays revoked",
    "patch /api/v1/auth/me/": "the same change twice is the same profile",
    "patch /api/v1/users/me/": "an alias of me",
    "patch /api/v1/auth/user/profile/": "an alias of me",
    "post /api/v1/alerts/": "asked twice it is one alert",
    "delete /api/v1/alerts/{id}/": "what is gone is gone",
    "post /api/v1/channels/{channel}/connect/": "the later address makes the earlier one void",
    "patch /api/v1/channels/{channel}/": "the same settings twice are the same settings",
    "delete /api/v1/channels/{channel}/": "what is forgotten is forgotten",
    "post /api/v1/payments/callbacks/{provider}/{secret}/": "gateways send no key; a message is known by its content",
}
REQUIRED = {
    "post /api/v1/availability/",
    "post /api/v1/reservations/",
    "post /api/v1/appointments/",
    "post /api/v1/waitlist/",
    "post /api/v1/payments/",
    "post /api/v1/refunds/",
}
# What anybody may ask without a sign-in.
PUBLIC = {
    "post /api/v1/auth/login/",
    "post /api/v1/auth/login/json/",
    "post /api/v1/auth/login/admin/",
    "post /api/v1/auth/refresh/",
    "post /api/v1/auth/register/",
    "post /api/v1/auth/signup/",
    "post /api/v1/auth/verify-otp/",
    "post /api/v1/auth/resend-otp/",
    "post /api/v1/auth/forgot-password/",
    "post /api/v1/auth/reset-password/",
    "get /api/v1/rates/",
    "get /api/v1/price-lists/",
    "get /api/v1/products/",
    "get /api/v1/products/{code}/",
    "get /api/v1/products/suggest/",
    "get /api/v1/products/{code}/availability/",
    "get /api/v1/products/{code}/prices/",
    "get /api/v1/specialties/",
    "get /api/v1/doctors/",
    "get /api/v1/doctors/{id}/",
    "get /api/v1/doctors/{id}/slots/",
    "get /api/v1/slots/",
    "get /api/v1/pharmacies/",
    "get /api/v1/pharmacies/{code}/",
    "get /api/v1/channels/{channel}/callback/",
    "get /api/v1/payments/callbacks/{provider}/{secret}/",
    "post /api/v1/payments/callbacks/{provider}/{secret}/",
}
# A GET that only refuses, and notes it.
REFUSAL = "get /api/v1/payments/callbacks/{provider}/{secret}/"
SAMPLES = {
    "id": str(uuid.UUID(int=7)),
    "image": str(uuid.UUID(int=8)),
    "member": "7",
    "kind": "category",
    "path": "x",
    "provider": "mypayga",
    "channel": "ebay",
    "secret": "x",
    "token": "x",
    "code": "3400930000001",
}

# Routes whose ids are numbers.
NUMBERED = ("/api/v1/accounts/", "/api/v1/users/", "/api/v1/doctors/", "/api/v1/calendars/")


@dataclass(frozen=True)
class Route:
    path: str
    callback: Any

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """HTTP method → the view's method."""
        actions = getattr(self.callback, "actions", None) or {name: name for name in METHODS}
        found = {method: getattr(self.callback.cls, name, None) for method, name in actions.items()}
        return {method: handler for method, handler in found.items() if handler is not None and method in METHODS}

    def url(self) -> str:
        numbered = {"id": "7"} if self.path.startswith(NUMBERED) else {}
        return re.sub(r"\{(\w+)\}", lambda name: (SAMPLES | numbered)[name[1]], self.path)

    def is_alias(self) -> bool:
        return getattr(self.callback, "initkwargs", {}).get("schema", ...) is None


def _walk(resolver: URLResolver, prefix: str = "") -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        text = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern, text)
        elif isinstance(pattern, URLPattern):
            path = simplify_regex(text.replace("^", "").replace("$", "").replace("\\Z", ""))
            yield Route(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path), pattern.callback)


def _is_walked(route: Route) -> bool:
    """Neither the admin nor the old contract, which reads no key and has tests of its own (`legacy/tests`)."""
    return not route.path.startswith("/admin/") and not route.callback.__module__.startswith("legacy.")


ROUTES = list(filter(_is_walked, _walk(get_resolver())))
API = [
    route
    for route in ROUTES
    if route.path.startswith("/api/") and issubclass(getattr(route.callback, "cls", object), APIView)
]
OPERATIONS = [(route, method) for route in API for method in route.handlers()]


def _name(value: Any) -> str:
    return value.path if isinstance(value, Route) else str(value)


def operations(*, only: Callable[[str], bool] = lambda name: True) -> pytest.MarkDecorator:
    chosen = [pair for pair in OPERATIONS if only(f"{pair[1]} {pair[0].path}")]
    return pytest.mark.parametrize("route, method", chosen, ids=_name)


def test_walk_finds_the_api() -> None:
    names = {f"{method} {route.path}" for route, method in OPERATIONS}
    assert len(names) == len(OPERATIONS) >= 30
    assert names >= REQUIRED | PUBLIC | EXEMPT.keys()
    assert {route.path for route in ROUTES if route.path.startswith("/api/")} == {route.path for route in API}


@operations(only=lambda name: name.split()[0] in UNSAFE)
def test_unsafe_route_reads_the_idempotency_key_or_is_exempt_for_a_reason(route: Route, method: str) -> None:
    required = getattr(route.handlers()[method], "idempotency_required", None)
    name = f"{method} {route.path}"

    assert (required is None) is (name in EXEMPT)
    assert (required is True) is (name in REQUIRED)


@operations(only=lambda name: name not in PUBLIC)
@pytest.mark.django_db
def test_route_needs_a_sign_in_unless_it_is_public(route: Route, method: str) -> None:
    response = getattr(APIClient(), method)(route.url(), {}, format="json")

    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("route", ROUTES, ids=_name)
def test_route_answers_with_and_without_its_slash(route: Route) -> None:
    url = route.url()
    if url == "/":
        return
    seen = []
    for path in (url.rstrip("/"), url.rstrip("/") + "/"):
        request = RequestFactory().get(path)
        SlashMiddleware(lambda request: HttpResponse())(request)
        match = resolve(request.path_info)
        seen.append((match.func, match.kwargs))
    assert seen[0] == seen[1]
    assert seen[0][0] == route.callback


@pytest.mark.parametrize("route", [route for route in ROUTES if "{" not in route.path and route.path != "/"], ids=_name)
@pytest.mark.django_db
def test_route_does_not_redirect(api: Callable[..., APIClient], route: Route) -> None:
    client = api(make_user(Role.ADMIN))
    url = route.url().rstrip("/")
    without, with_slash = client.get(url), client.get(url + "/")

    assert without.status_code == with_slash.status_code
    assert without.status_code not in (301, 302, 307, 308, 404)


@pytest.mark.parametrize("route", API, ids=_name)
@pytest.mark.django_db
def test_method_that_a_route_does_not_have(api: Callable[..., APIClient], route: Route) -> None:
    client = api(make_user(Role.ADMIN))
    missing = [method for method in METHODS if method not in route.handlers()]
    assert missing
    for method in missing:
        response = getattr(client, method)(route.url(), {}, format="json")
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed"), method
        assert response.headers["Content-Type"] == PROBLEM
        assert response.headers["Allow"]


@pytest.mark.parametrize("route", API, ids=_name)
@pytest.mark.parametrize("role", [None, Role.PATIENT, Role.ADMIN])
@pytest.mark.django_db
def test_options_never_break(api: Callable[..., APIClient], route: Route, role: Role | None) -> None:
    response = api(make_user(role) if role else None).options(route.url())

    assert response.status_code in (200, 401, 403)
    assert response.headers["Content-Type"] in ("application/json", PROBLEM)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api", "/api/", "/api/v1/", "/api/v2/rates/", "/api/v1/rates/1/", "/api/v1/nowhere.csv", "/%"]
)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.django_db
def test_route_that_does_not_exist(method: str, path: str) -> None:
    response = getattr(APIClient(enforce_csrf_checks=True), method)(path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response.headers["Content-Type"] == PROBLEM


@pytest.fixture(scope="module")
def contract(django_db_setup: None, django_db_blocker: Any) -> dict[str, Any]:
    with django_db_blocker.unblock():
        body: dict[str, Any] = APIClient().get("/openapi.json").json()
    return body


@operations()
def test_operation_is_in_the_contract(contract: dict[str, Any], route: Route, method: str) -> None:
    handler = route.handlers()[method]
    documented = contract["paths"].get(route.path, {}).get(method)
    if route.is_alias() or f"{method} {route.path}" == REFUSAL:
        assert documented is None
        return
    assert documented is not None
    answers = documented["responses"]
    assert any(status.startswith("2") for status in answers)
    assert all(PROBLEM in answers[status]["content"] for status in answers if status.startswith("4"))
    required = getattr(handler, "idempotency_required", None)
    keys = [given for given in documented.get("parameters", []) if given["name"] == "Idempotency-Key"]
    assert [key.get("required", False) for key in keys] == ([] if required is None else [required])


def test_bodies_that_refuse_unknown_fields_say_so(contract: dict[str, Any]) -> None:
    bodies = contract["components"]["schemas"]
    assert bodies["ReservationInputRequest"]["additionalProperties"] is False
    assert "additionalProperties" not in bodies["Reservation"]


def test_operations_have_names_of_their_own(contract: dict[str, Any]) -> None:
    names = [operation["operationId"] for path in contract["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_contract_promises_nothing_that_is_not_there(contract: dict[str, Any]) -> None:
    promised = {
        f"{method} {path}"
        for path, methods in contract["paths"].items()
        for method, operation in methods.items()
        if operation["tags"] != ["legacy"]
    }
    assert promised <= {f"{method} {route.path}" for route, method in OPERATIONS}


@pytest.mark.parametrize("model", our_models(), ids=lambda model: model._meta.label)
def test_every_table_knows_when_its_rows_were_made_and_changed(model: Any) -> None:
    for name in ("created_at", "updated_at"):
        field = model._meta.get_field(name)
        assert field.has_db_default()
        assert not field.editable

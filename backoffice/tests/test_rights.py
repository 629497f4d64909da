"""Every address of the admin, the API and the old routes as everybody: `expectations.py` says who may."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.db.models import Model, Q
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, reverse
from rest_framework.test import APIClient

from accounts.enums import Duty, Role
from accounts.models import User
from accounts.services.duties import set_groups
from accounts.tests.factories import make_user
from audit.enums import Action
from backoffice.tests.expectations import ADMIN, API, LEGACY, LETTERS
from backoffice.tests.pages import model_admins, rows_of
from backoffice.tests.world import World, make_world
from common.api.permissions import NamedPermissions
from legacy.urls import urlpatterns as old_routes
from marketplaces.tenancy import crossing
from tests.test_routes import OPERATIONS, PUBLIC, UNSAFE, Route

pytestmark = pytest.mark.django_db

SignedIn = Callable[[User | None], Client]

STANDARD = {"changelist": "see", "history": "see", "change": "see", "add": "add", "delete": "delete"}
# Of the site itself, for whoever may open the back office at all.
SITE = {"index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n", "view_on_site"}
SITE |= {"app_list", "search"}
# Pages that ask for more than the row: they say that they do not find it.
INCOMPLETE = {"book", "move"}


def _somebody(letter: str, world: World) -> User:
    who = LETTERS[letter]
    if who == Role.PHARMACIST:
        return world.pharmacist
    user = make_user(Role.ADMIN if who == Role.ADMIN else Role.STAFF)
    if isinstance(who, Duty):
        set_groups(user, Role.STAFF, [who])
    return User.objects.get(pk=user.pk)


def _pages(model: type[Model], model_admin: Any) -> dict[str, URLPattern]:
    """Name in the table → pattern, of everything this model's admin answers at; Django's old address of a row aside."""
    prefix = f"{model._meta.app_label}_{model._meta.model_name}_"
    return {url.name.removeprefix(prefix): url for url in model_admin.get_urls() if url.name}


def _address(model: type[Model], name: str, pattern: URLPattern, pk: Any) -> str:
    given = dict.fromkeys(pattern.pattern.converters, pk)
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", kwargs=given)


def _rows() -> dict[str, list[Any]]:
    """All that is in our tables, but for the events that somebody has looked at a page."""
    looked = (Action.PAGE_READ, Action.LIST_READ)
    but = {"audit.Event": Q(action__in=looked), "audit.EventPersonal": Q(event__action__in=looked)}
    ours = [config for config in apps.get_app_configs() if config.name in ("common", "accounts", "catalog", "payments")]
    names = ("reservations", "appointments", "marketplaces", "audit", "django_tasks_database")
    ours += [apps.get_app_config(name) for name in names]
    with crossing():
        return {
            model._meta.label: list(
                model._default_manager.exclude(but.get(model._meta.label, Q(pk__in=[]))).order_by("pk").values()
            )
            for config in ours
            for model in config.get_models()
        }


def _posted(client: Client, address: str) -> HttpResponse:
    """What a POST would answer; undone, so that the next page finds the same world."""
    with transaction.atomic():
        response: Any = client.post(address)
        transaction.set_rollback(True)
    return response


def test_the_table_names_every_page_of_the_admin() -> None:
    walked = {
        model._meta.label: set(_pages(model, model_admin)) - set(STANDARD) for model, model_admin in model_admins()
    }

    assert walked == {label: set(pages) - {"see", *STANDARD} for label, pages in ADMIN.items()}
    assert {
        pattern.name for pattern in admin.site.get_urls() if isinstance(pattern, URLPattern) and pattern.name
    } == SITE


@pytest.mark.parametrize("role", [None, Role.PATIENT, Role.DOCTOR])
def test_outsiders_are_asked_to_sign_in_everywhere(signed_in: SignedIn, role: Role | None) -> None:
    make_world()
    client = signed_in(make_user(role) if role else None)
    before = _rows()

    for model, model_admin in model_admins():
        obj = next(iter(rows_of(model)), None)
        assert obj is not None, model
        for name, pattern in _pages(model, model_admin).items():
            address = _address(model, name, pattern, obj.pk)
            for response in (client.get(address), client.post(address)):
                assert (response.status_code, response.url.split("?")[0]) == (302, "/admin/login/"), address

    assert _rows() == before


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: str(LETTERS[letter]))
def test_pages_open_to_whom_the_table_names_and_refused_ones_change_nothing(signed_in: SignedIn, letter: str) -> None:
    world = make_world()
    client = signed_in(_somebody(letter, world))
    client.get(reverse("admin:index"))
    before = _rows()

    for model, model_admin in model_admins():
        expected = ADMIN[model._meta.label]
        obj = next(iter(rows_of(model)), None)
        assert obj is not None, model
        for name, pattern in _pages(model, model_admin).items():
            address = _address(model, name, pattern, obj.pk)
            may = letter in expected.get(STANDARD.get(name, name), "")
            may_post = letter in expected.get("change", "") if name == "change" else may
            if not may:
                assert client.get(address).status_code == 403, address
            else:
                found = (404,) if name in INCOMPLETE else (200, 302) if name not in STANDARD else (200,)
                assert client.get(address).status_code in found, address
            if name == "history":
                continue
            if not may_post and name != "changelist":
                assert client.post(address).status_code == 403, address
            elif may_post:
                assert _posted(client, address).status_code in (200, 302, 404), address

    assert _rows() == before


def test_pharmacists_find_nothing_of_another_pharmacy(signed_in: SignedIn) -> None:
    stranger, world = make_world(), make_world()
    client = signed_in(world.pharmacist)
    theirs = (stranger.pharmacy, stranger.stock, stranger.reservation)
    before = _rows()

    for obj in theirs:
        model = type(obj)
        for name, pattern in _pages(model, admin.site.get_model_admin(model)).items():
            if not pattern.pattern.converters or name in ("add", "changelist"):
                continue
            address = _address(model, name, pattern, obj.pk)
            assert client.get(address).status_code in (302, 403), address
            assert client.post(address).status_code in (302, 403), address

    assert _rows() == before


def test_sections_are_shown_to_whom_anything_in_them_is(signed_in: SignedIn) -> None:
    world = make_world()
    for letter in LETTERS:
        client = signed_in(_somebody(letter, world))
        assert client.get(reverse("admin:index")).status_code == 200
        for app in {label.split(".")[0] for label in ADMIN}:
            seen = any(letter in row["see"] for label, row in ADMIN.items() if label.startswith(f"{app}."))
            assert client.get(reverse("admin:app_list", args=[app])).status_code == (200 if seen else 404), (
                letter,
                app,
            )


def _called(client: APIClient, route: Route, method: str) -> Any:
    with transaction.atomic():
        response = getattr(client, method)(route.url(), {}, format="json", headers={"Idempotency-Key": "rights"})
        transaction.set_rollback(True)
    return response


def _is_staffs(route: Route) -> bool:
    return NamedPermissions in route.callback.cls.permission_classes


def test_the_table_names_every_operation_of_the_api_that_staff_have() -> None:
    named = {f"{method} {route.path}" for route, method in OPERATIONS if _is_staffs(route)}
    assert named == API.keys()


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: str(LETTERS[letter]))
def test_operations_of_staff_are_open_to_whom_the_table_names(api: Callable[..., APIClient], letter: str) -> None:
    world = make_world()
    client = api(_somebody(letter, world))
    before = _rows()

    for route, method in OPERATIONS:
        name = f"{method} {route.path}"
        if name in API:
            response = _called(client, route, method)
            assert (response.status_code == 403) is (letter not in API[name]), (name, response.content)

    assert _rows() == before


def test_an_auditor_writes_nowhere_in_the_api(api: Callable[..., APIClient]) -> None:
    world = make_world()
    client = api(_somebody("A", world))
    before = _rows()
    walked = 0

    for route, method in OPERATIONS:
        name = f"{method} {route.path}"
        if method not in UNSAFE or getattr(route.callback.cls, "is_own_access", False) or name in PUBLIC:
            continue
        response = _called(client, route, method)
        assert (response.status_code, response.json()["code"]) == (403, "only_reads"), name
        walked += 1

    assert walked >= 40
    assert _rows() == before


def test_an_auditor_may_leave_and_keep_their_own_password(api: Callable[..., APIClient]) -> None:
    own = {route.path for route, _method in OPERATIONS if getattr(route.callback.cls, "is_own_access", False)}

    assert own == {
        "/api/v1/auth/logout/",
        "/api/v1/auth/logout/all/",
        "/api/v1/auth/sessions/",
        "/api/v1/auth/sessions/{id}/",
        "/api/v1/auth/change-password/",
        "/api/v1/auth/mfa/totp/",
        "/api/v1/auth/mfa/totp/confirm/",
        "/api/v1/auth/mfa/totp/disable/",
        "/api/v1/auth/mfa/recovery-codes/",
    }
    assert api(_somebody("A", make_world())).post("/api/v1/auth/logout/").status_code == 204


def _old_operations() -> Iterator[tuple[str, str, str, Any]]:
    """Name in the table, method, address, view."""
    for pattern in old_routes:
        text = str(pattern.pattern)
        address = "/" + re.sub(r"<int:\w+>", "7", re.sub(r"<(?:str|path):\w+>", "x", text))
        if text.startswith("^"):
            continue
        for method in pattern.callback.view_class.who:  # type: ignore[attr-defined]
            yield f"{method} {text}", method, address, pattern.callback.view_class  # type: ignore[attr-defined]


def test_the_table_names_every_old_route_that_staff_have() -> None:
    assert {name for name, method, _address, view in _old_operations() if "." in view.who[method]} == LEGACY.keys()


@pytest.mark.parametrize("letter", LETTERS, ids=lambda letter: str(LETTERS[letter]))
def test_old_routes_are_open_to_whom_the_table_names(api: Callable[..., APIClient], letter: str) -> None:
    world = make_world()
    client = api(_somebody(letter, world))
    kept = _rows()

    for name, method, address, view in _old_operations():
        # The auditor's hand is found nowhere, also where anybody's may be.
        is_refused = letter == "A" and method != "get" and not getattr(view, "is_own_access", False)
        if name not in LEGACY and not is_refused:
            continue
        with transaction.atomic():
            response = getattr(client, method)(address, {}, format="json")
            transaction.set_rollback(True)
        refused = response.status_code in (401, 403)
        assert refused is (letter not in LEGACY.get(name, "")), (name, response.status_code, response.content)

    rows = _rows()
    del kept["audit.Event"], rows["audit.Event"], kept["audit.EventPersonal"], rows["audit.EventPersonal"]
    assert rows == kept

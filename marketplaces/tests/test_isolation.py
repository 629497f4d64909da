"""Every route as a stranger with a foreign merchant's ids: 404, and nothing changed. And a leak planted on purpose."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tests.factories import make_user
from common.tests.rows import contents
from marketplaces.enums import Channel, JobState, ListingState, MemberRole, OrderTask
from marketplaces.exceptions import NoMerchant
from marketplaces.models import Item, Membership
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import (
    make_connection,
    make_device,
    make_found,
    make_image,
    make_item,
    make_job,
    make_listing,
    make_member,
    make_merchant,
    make_order,
)
from marketplaces.tests.pictures import picture
from tests.test_routes import API, Route

pytestmark = pytest.mark.django_db

# Everybody's: there is nothing foreign in it.
SHARED = {"/api/v1/attributes/{kind}/"}
# A browser comes back with a signed state, which names the merchant (test_channels_api.py).
BY_STATE = {"/api/v1/channels/{channel}/callback/"}
# A merchant's browser shows a token of its own, which names the merchant (test_plugin.py).
BY_DEVICE = {"/api/v1/plugin/tasks/", "/api/v1/plugin/tasks/{id}/result/", "/api/v1/plugin/heartbeat/"}
# An invitation's signed token names the merchant (test_invitations.py).
BY_TOKEN = {"/api/v1/merchants/join/"}
ROUTES = [
    route
    for route in API
    if route.callback.__module__.startswith("marketplaces.")
    and route.path not in SHARED | BY_STATE | BY_DEVICE | BY_TOKEN
]
OPERATIONS = [(route, method) for route in ROUTES for method in route.handlers()]
BODIES: dict[str, dict[str, Any]] = {
    "post /api/v1/merchants/": {"name": "À nous"},
    "patch /api/v1/merchants/{id}/": {"name": "À nous"},
    "post /api/v1/merchants/{id}/members/": {"email": "patient1@example.org", "role": "owner"},
    "patch /api/v1/merchants/{id}/members/{member}/": {"role": "viewer"},
    "patch /api/v1/items/{id}/": {"title": "À nous", "quantity": 0},
    "post /api/v1/items/{id}/publish/": {"channels": ["etsy"]},
    "post /api/v1/items/{id}/withdraw/": {"channels": ["ebay"]},
    "patch /api/v1/channels/{channel}/": {"settings": {"rate": "1"}},
    "post /api/v1/plugin/devices/": {"name": "Firefox"},
}
# It begins something of one's own.
NAMES_NO_ROW = {f"post /api/v1/channels/{{channel}}/{what}/" for what in ("connect", "sync", "orders", "messages")}
# Nobody's ids are in it: whoever asks sees their own, or is refused a right of the house.
NAMES_NOBODY = {"get /api/v1/merchants/", "post /api/v1/merchants/"}


class World:
    """A merchant with a row of every kind; its owner, a colleague who may only look, and a stranger with a shop."""

    def __init__(self) -> None:
        self.owner = make_user()
        self.merchant = make_merchant(owner=self.owner)
        self.viewer = make_member(self.merchant, MemberRole.VIEWER)
        self.item = make_item(self.merchant)
        self.image = make_image(self.item)
        self.listing = make_listing(self.item, Channel.EBAY, state=ListingState.LIVE)
        self.order = make_order(self.item, task=OrderTask.SHIP)
        self.connection = make_connection(self.merchant, settings={"rate": "655.1"}, account_id="4711")
        make_listing(self.item, Channel.ETSY, state=ListingState.FAILED, external_id="")
        failed = {"state": JobState.FAILED, "next_at": None, "finished_at": timezone.now()}
        self.job = make_job(self.item, channel=Channel.ETSY, **failed)
        self.found = make_found(self.merchant, channel=Channel.ETSY)
        self.device = make_device(self.merchant)
        self.stranger = make_user()
        self.other = make_merchant(owner=self.stranger)

    def url(self, route: Route) -> str:
        kind = route.path.removeprefix("/api/v1/").partition("/")[0]
        ids = {"merchants": self.merchant, "items": self.item, "listings": self.listing, "orders": self.order}
        ids |= {"jobs": self.job, "foreign-listings": self.found, "plugin": self.device}
        named = {"channel": "ebay", "image": self.image.public_id, "member": self.viewer.pk}
        return re.sub(r"\{(\w+)\}", lambda found: str(named.get(found[1]) or ids[kind].public_id), route.path)

    def marks(self) -> list[str]:
        """What may stand in no answer to a stranger."""
        return [
            *(str(row.public_id) for row in (self.item, self.image, self.listing, self.order)),
            *(str(row.public_id) for row in (self.job, self.found, self.device)),
            *(self.connection.settings["rate"], self.connection.account_id),
            *(self.item.title, self.item.sku, self.merchant.name, self.viewer.email),
        ]


@pytest.fixture
def world() -> World:
    return World()


def ask(client: APIClient, method: str, route: Route, world: World, *, merchant: Any) -> Any:
    name = f"{method} {route.path}"
    headers = {"X-Merchant": str(merchant.public_id)}
    if name == "post /api/v1/items/{id}/images/":
        return client.post(world.url(route), {"file": ContentFile(picture(), "a.jpg")}, headers=headers)
    body = BODIES.get(name, {})
    if name == "post /api/v1/items/":
        body = {"title": "À nous", "price": 1, "quantity": 1}
        body |= {"category": world.item.category.code, "condition": world.item.condition.code}
    if name.endswith("/images/order/"):
        body = {"images": [str(world.image.public_id)]}
    if name.endswith("/link/"):
        body = {"item": str(world.item.public_id)}
    return getattr(client, method)(world.url(route), body or None, format="json", headers=headers)


def _name(value: Any) -> str:
    return value.path if isinstance(value, Route) else str(value)


def leaks(response: Any, world: World) -> list[str]:
    return [mark for mark in world.marks() if mark in response.content.decode()]


def test_walk_finds_the_routes():
    assert len(OPERATIONS) >= 24
    assert NAMES_NOBODY | BODIES.keys() <= {f"{method} {route.path}" for route, method in OPERATIONS}


@pytest.mark.parametrize("route, method", OPERATIONS, ids=_name)
def test_stranger_finds_nothing_under_a_foreign_merchants_name(
    api: Callable[..., APIClient], world: World, route: Route, method: str
) -> None:
    if f"{method} {route.path}" in NAMES_NOBODY:
        response = ask(api(world.stranger), method, route, world, merchant=world.merchant)
        assert leaks(response, world) == []
        return
    client = api(world.stranger)
    before = contents()

    response = ask(client, method, route, world, merchant=world.merchant)

    assert response.status_code == 404
    assert response.json()["code"] == "unknown_merchant"
    assert leaks(response, world) == []
    assert contents() == before


@pytest.mark.parametrize("route, method", OPERATIONS, ids=_name)
def test_stranger_finds_no_foreign_row_under_their_own_name(
    api: Callable[..., APIClient], world: World, route: Route, method: str
) -> None:
    client = api(world.stranger)
    with merchant_scope(world.merchant.pk):
        before = [list(Item.objects.values()), list(Membership.objects.values())]

    response = ask(client, method, route, world, merchant=world.other)

    assert leaks(response, world) == []
    if "{" in route.path and f"{method} {route.path}" not in NAMES_NO_ROW:
        assert response.status_code == 404
    with merchant_scope(world.merchant.pk):
        assert [list(Item.objects.values()), list(Membership.objects.values())] == before


@pytest.mark.parametrize("route, method", OPERATIONS, ids=_name)
def test_viewer_looks_and_changes_nothing(
    api: Callable[..., APIClient], world: World, route: Route, method: str
) -> None:
    name = f"{method} {route.path}"
    if name in NAMES_NOBODY or name == "delete /api/v1/merchants/{id}/members/{member}/":
        # Everybody may leave: that member is the viewer.
        return
    client = api(world.viewer)
    before = contents()

    response = ask(client, method, route, world, merchant=world.merchant)

    if method == "get":
        assert response.status_code == 200
    else:
        assert (response.status_code, response.json()["code"]) == (403, "role_insufficient")
    assert contents() == before


@pytest.mark.parametrize("route, method", OPERATIONS, ids=_name)
def test_owner_may_everything(
    api: Callable[..., APIClient], world: World, route: Route, method: str, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    make_user(email="patient1@example.org")

    response = ask(api(world.owner), method, route, world, merchant=world.merchant)

    if f"{method} {route.path}" == "post /api/v1/merchants/":
        assert response.status_code == 403
    elif route.path.endswith("/messages/") and method == "post":
        # eBay has none.
        assert response.status_code == 409
    else:
        assert response.status_code in (200, 201, 202, 204), response.content


@pytest.mark.parametrize("header", [None, "", "x", "00000000-0000-4000-8000-000000000000"])
def test_header_that_names_no_merchant(api: Callable[..., APIClient], world: World, header: str | None) -> None:
    headers = {} if header is None else {"X-Merchant": header}
    response = api(world.owner).get("/api/v1/items/", headers=headers)

    expected = {None: (400, "merchant_required"), "": (400, "merchant_required"), "x": (400, "invalid_merchant")}
    assert (response.status_code, response.json()["code"]) == expected.get(header, (404, "unknown_merchant"))


def test_key_used_for_one_merchant_is_not_another_ones(api: Callable[..., APIClient], world: World) -> None:
    client = api(world.owner)
    second = make_merchant(owner=world.owner)
    body = {"title": "Crème", "price": 1, "quantity": 1}
    body |= {"category": world.item.category.code, "condition": world.item.condition.code}

    def post(merchant: Any) -> Any:
        headers = {"X-Merchant": str(merchant.public_id), "Idempotency-Key": "one"}
        return client.post("/api/v1/items/", body, format="json", headers=headers)

    first, repeat, other = post(world.merchant), post(world.merchant), post(second)

    assert [first.status_code, repeat.status_code] == [201, 201]
    assert first.json() == repeat.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def forgetful_view(request: HttpRequest) -> JsonResponse:
    """A view that forgets whose items are meant: by the base of everything, without the managers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sku, title FROM marketplaces_item ORDER BY 1")
        return JsonResponse({"results": cursor.fetchall()})


def view_without_its_filter(request: HttpRequest) -> JsonResponse:
    """One that takes a foreign merchant's id from the address, inside the block of its own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sku, title FROM marketplaces_item WHERE id = %s", [request.GET["id"]])
        return JsonResponse({"results": cursor.fetchall()})


@pytest.fixture
def planted(world: World) -> Callable[[], list[str]]:
    """The walk's own question to the planted views: what do they let a stranger see?"""
    make_item(world.other)

    def walk() -> list[str]:
        request = RequestFactory().get("/", {"id": world.item.pk})
        found = leaks(forgetful_view(request), world)
        with merchant_scope(world.other.pk):
            return found + leaks(forgetful_view(request), world) + leaks(view_without_its_filter(request), world)

    return walk


def test_planted_leak_is_caught_or_shows_nothing(planted: Callable[[], list[str]], world: World) -> None:
    seen = planted()
    if settings.DATABASE_STAFF_LOGIN:
        assert seen == [], "PostgreSQL's policies show a forgetful view nothing"
    else:
        assert world.item.sku in seen, "the walk must catch what SQLite does not hold back"


def test_planted_leak_through_the_models_raises() -> None:
    with pytest.raises(NoMerchant):
        json.dumps(list(Item.objects.values("sku")))

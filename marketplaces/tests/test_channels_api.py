"""Channels over the API: what is open, the way to the consent page and back, settings, the end."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplaces.channels.tests.conftest import _nobody_remembers, ebay, etsy, marketplace
from marketplaces.enums import ConnectionState, MemberRole
from marketplaces.models import ChannelAuthorization, ChannelConnection
from marketplaces.tenancy import crossing, merchant_scope
from marketplaces.tests.factories import make_connection, make_member, make_merchant

__all__ = ["_nobody_remembers", "ebay", "etsy", "marketplace"]

pytestmark = pytest.mark.django_db
VINTED = {"vinted": "marketplaces.channels.vinted.channel.Vinted"}


@pytest.fixture
def merchant():
    return make_merchant()


@pytest.fixture
def owner(merchant):
    return make_member(merchant, MemberRole.OWNER)


@pytest.fixture
def ask(api, merchant, owner):
    """`ask(method, path, body?, by=owner)` in the merchant's name."""

    def call(method, path, body=None, by=owner):
        headers = {"X-Merchant": str(merchant.public_id)}
        return getattr(api(by), method)(f"/api/v1/channels/{path}", body, format="json", headers=headers)

    return call


def rows():
    with crossing():
        return list(ChannelConnection.objects.all())


def test_merchant_connects_sets_sells_and_disconnects(api, ask, marketplace, merchant):
    asked = ask("post", f"{marketplace.name}/connect").json()
    assert asked["expires_in"] == 600
    back = marketplace.consent(asked["authorization_url"])

    answer = api().get(f"/api/v1/channels/{marketplace.name}/callback", back)

    assert (answer.status_code, answer.json()) == (200, {"channel": marketplace.name, "state": "connected"})
    changed = ask("patch", f"{marketplace.name}/", {"settings": {"rate": "700", "currency": "EUR"}}).json()
    assert (changed["state"], changed["settings"]) == ("connected", {"rate": "700", "currency": "EUR"})
    assert changed["account_id"] == ("81001" if marketplace.name == "etsy" else "")
    assert ask("delete", f"{marketplace.name}/").status_code == 204
    shown = ask("get", f"{marketplace.name}/").json()
    assert (shown["state"], shown["reason"]) == ("stopped", "disconnected")
    assert bytes(rows()[0].tokens) == b""


def test_list_names_every_open_channel_and_no_token(ask, merchant):
    make_connection(merchant, "ebay", access="secret-access", refresh="secret-refresh", reason="", account_id="7")

    answer = ask("get", "")

    ebay_shown, etsy_shown = answer.json()["results"]
    assert (ebay_shown["channel"], ebay_shown["state"], ebay_shown["account_id"]) == ("ebay", "connected", "7")
    assert (etsy_shown["channel"], etsy_shown["state"], etsy_shown["requires"]) == (
        "etsy",
        None,
        ["shipping_profile_id"],
    )
    assert "messages" not in ebay_shown["can"]
    assert "secret" not in answer.content.decode()
    assert answer.json().keys() == {"results", "next", "previous", "meta"}


def test_list_asks_as_often_with_three_connections_as_with_one(ask, settings, merchant):
    settings.MARKETPLACE_CHANNELS = {**settings.MARKETPLACE_CHANNELS, **VINTED}
    counts = []
    for channel in ("ebay", "etsy", "vinted"):
        make_connection(merchant, channel)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            ask("get", "")
        counts.append(len(queries))

    assert counts[0] == counts[2]


@pytest.mark.parametrize("role", [MemberRole.EDITOR, MemberRole.VIEWER])
@pytest.mark.parametrize(
    "method, path, body",
    [("post", "ebay/connect/", None), ("patch", "ebay/", {"settings": {"rate": "1"}}), ("delete", "ebay/", None)],
)
def test_only_owners_give_and_take_access(ask, merchant, role, method, path, body):
    make_connection(merchant, "ebay", access="a", refresh="r")
    colleague = make_member(merchant, role)

    answer = ask(method, path, body, by=colleague)

    assert (answer.status_code, answer.json()["code"]) == (403, "role_insufficient")
    (row,) = rows()
    assert (row.state, row.settings, bool(row.tokens)) == (ConnectionState.CONNECTED, {}, True)
    with merchant_scope(merchant.pk):
        assert not ChannelAuthorization.objects.exists()


@pytest.mark.parametrize("query", [{}, {"state": "x", "code": "y"}, {"state": "a:b:c", "error": "access_denied"}])
def test_callback_without_our_state_is_a_clear_refusal(api, marketplace, query):
    answer = api().get(f"/api/v1/channels/{marketplace.name}/callback/", query)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_state")
    assert rows() == []
    assert marketplace.calls() == []


def test_callback_is_good_once(api, ask, etsy):
    back = etsy.consent(ask("post", "etsy/connect/").json()["authorization_url"])

    first, second = (api().get("/api/v1/channels/etsy/callback/", back) for _ in range(2))

    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 400, "invalid_state")
    assert len(rows()) == 1


def test_looking_at_the_address_uses_nothing_up(api, ask, etsy):
    back = etsy.consent(ask("post", "etsy/connect/").json()["authorization_url"])

    assert api().head("/api/v1/channels/etsy/callback/", back).status_code == 405
    assert api().get("/api/v1/channels/etsy/callback/", back).status_code == 200


def test_callback_with_another_persons_sign_in_completes_nothing(api, ask, etsy):
    stranger = make_member(make_merchant(), MemberRole.OWNER)
    back = etsy.consent(ask("post", "etsy/connect/").json()["authorization_url"])

    answer = api(stranger).get("/api/v1/channels/etsy/callback/", back)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_state")
    assert rows() == []


def test_refusal_of_the_consent_and_a_channel_that_is_down_say_so(api, ask, etsy):
    refused = etsy.consent(ask("post", "etsy/connect/").json()["authorization_url"], decision="refuse")
    answer = api().get("/api/v1/channels/etsy/callback/", refused)
    assert (answer.status_code, answer.json()["code"]) == (400, "consent_refused")

    agreed = etsy.consent(ask("post", "etsy/connect/").json()["authorization_url"])
    etsy.fault("error_500")
    answer = api().get("/api/v1/channels/etsy/callback/", agreed)
    assert (answer.status_code, answer.json()["code"]) == (502, "channel_unavailable")
    assert answer.headers["Retry-After"] == "30"
    assert rows() == []


def test_browser_comes_back_to_the_operators_page_without_code_and_state(api, ask, etsy, settings):
    settings.CHANNEL_RETURN_URL = "https://www.example.org/channels?tab=1"
    agreed = etsy.consent(ask("post", "etsy/connect/").json()["authorization_url"])

    there = api().get("/api/v1/channels/etsy/callback/", agreed)
    again = api().get("/api/v1/channels/etsy/callback/", agreed)
    refused = etsy.consent(ask("post", "etsy/connect/").json()["authorization_url"], decision="refuse")
    denied = api().get("/api/v1/channels/etsy/callback/", refused)

    assert (there.status_code, there.headers["Location"]) == (
        303,
        "https://www.example.org/channels?tab=1&channel=etsy&connected=1",
    )
    assert again.status_code == 400
    assert denied.headers["Location"] == "https://www.example.org/channels?tab=1&channel=etsy&error=consent_refused"


def test_settings_that_the_channel_does_not_know_are_refused_each(ask, merchant):
    make_connection(merchant, "ebay")

    answer = ask("patch", "ebay/", {"settings": {"tokens": "x", "shop": "y", "rate": "1"}})

    assert answer.status_code == 400
    assert sorted((error["field"], error["code"]) for error in answer.json()["errors"]) == [
        ("settings.shop", "unknown_field"),
        ("settings.tokens", "unknown_field"),
    ]
    assert rows()[0].settings == {}


@pytest.mark.parametrize("method, path", [("post", "vinted/connect/"), ("get", "amazon/"), ("delete", "x/")])
def test_channel_that_is_not_open_is_404(ask, method, path):
    answer = ask(method, path)

    assert (answer.status_code, answer.json()["code"]) in ((404, "unknown_channel"), (404, "not_connected"))


def test_vinted_is_switched_on_by_its_merchant_without_a_page(ask, settings):
    settings.MARKETPLACE_CHANNELS = {**settings.MARKETPLACE_CHANNELS, **VINTED}

    assert ask("post", "vinted/connect/").json() == {"authorization_url": None, "expires_in": None}
    assert ask("get", "vinted/").json()["state"] == "connected"

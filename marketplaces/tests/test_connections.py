"""A merchant lets us act at a channel: asked for, agreed to once, ended; against the simulated consent pages."""

import json
import logging
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from django.core import signing
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.utils import timezone

from audit.models import Event
from common.errors import Invalid
from common.tests.mailbox import mails
from marketplaces import tokens
from marketplaces.channels.base import Outcome
from marketplaces.channels.exceptions import (
    ChannelUnavailable,
    ConsentRefused,
    InvalidState,
    NotConnected,
    UnknownChannel,
)
from marketplaces.channels.tests.books import goods
from marketplaces.channels.tests.conftest import _nobody_remembers, ebay, etsy, marketplace
from marketplaces.enums import ConnectionState, MemberRole
from marketplaces.models import ChannelAuthorization, ChannelConnection, Membership
from marketplaces.services import access, connections
from marketplaces.tenancy import crossing, merchant_scope
from marketplaces.tests.factories import make_connection, make_member, make_merchant

__all__ = ["_nobody_remembers", "ebay", "etsy", "marketplace"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def merchant():
    return make_merchant()


@pytest.fixture
def owner(merchant):
    return make_member(merchant, MemberRole.OWNER)


def begin(merchant, owner, channel):
    with merchant_scope(merchant.pk):
        return connections.connect(channel, by=owner).authorization_url


def connected(merchant, owner, marketplace, account="1001"):
    back = marketplace.consent(begin(merchant, owner, marketplace.name), account=account)
    return connections.complete(marketplace.name, state=back["state"], code=back["code"])


def rows():
    with crossing():
        return list(ChannelConnection.objects.order_by("pk"))


def events():
    return [(event.action, event.changes) for event in Event.objects.filter(entity="channel").order_by("pk")]


def test_consent_gives_tokens_that_are_encrypted_and_serve(merchant, owner, marketplace):
    connection = connected(merchant, owner, marketplace)

    assert (connection.state, connection.reason) == (ConnectionState.CONNECTED, "")
    assert connection.account_id == ("81001" if marketplace.name == "etsy" else "")
    assert connection.connected_by_id == owner.pk
    lives = (connection.expires_at - timezone.now()).total_seconds()
    assert 3500 < lives <= 7200
    pair = tokens.unseal(bytes(connection.tokens), merchant_id=merchant.pk, channel=marketplace.name)
    assert pair["access"].encode() not in bytes(connection.tokens)
    granted = access.access_to(merchant.pk, marketplace.channel)
    assert granted.seller.access_token == pair["access"]
    assert marketplace.channel.find(granted.seller, "CREME1").result.outcome == Outcome.DONE
    changes = {"merchant": merchant.pk, "channel": marketplace.name, "old": None, "new": "connected"}
    if marketplace.name == "etsy":
        changes["account"] = "81001"
    assert events() == [("channel.connected", changes)]


def test_consent_page_is_asked_for_what_is_needed(merchant, owner, ebay, etsy):
    asked = {name: dict(parse_qsl(urlsplit(begin(merchant, owner, name)).query)) for name in ("ebay", "etsy")}

    assert asked["ebay"].keys() == {"client_id", "response_type", "redirect_uri", "scope", "state"}
    assert asked["etsy"]["code_challenge_method"] == "S256"
    assert len(asked["etsy"]["code_challenge"]) == 43
    assert asked["etsy"]["redirect_uri"].endswith("/api/v1/channels/etsy/callback")
    with merchant_scope(merchant.pk):
        for row in ChannelAuthorization.objects.all():
            assert asked[row.channel]["state"].encode() not in bytes(row.verifier)
            assert row.digest not in asked[row.channel]["state"]


def test_state_is_good_once(merchant, owner, marketplace):
    back = marketplace.consent(begin(merchant, owner, marketplace.name))
    connections.complete(marketplace.name, state=back["state"], code=back["code"])
    calls = len(marketplace.calls("POST", "token"))

    with pytest.raises(InvalidState):
        connections.complete(marketplace.name, state=back["state"], code=back["code"])
    assert len(marketplace.calls("POST", "token")) == calls == 1


def test_second_consent_makes_the_first_one_void(merchant, owner, marketplace):
    first = marketplace.consent(begin(merchant, owner, marketplace.name))
    begin(merchant, owner, marketplace.name)

    with pytest.raises(InvalidState):
        connections.complete(marketplace.name, state=first["state"], code=first["code"])
    assert rows() == []


def forged(state):
    return state[:-1] + ("A" if state[-1] != "A" else "B")


def of_another_merchant(state):
    values = signing.loads(state, salt="marketplaces.channels.state")
    return signing.dumps([make_merchant().pk, *values[1:]], salt="marketplaces.channels.state")


def of_another_person(state):
    values = signing.loads(state, salt="marketplaces.channels.state")
    return signing.dumps([values[0], values[1] + 1, *values[2:]], salt="marketplaces.channels.state")


def of_another_secret(state):
    values = signing.loads(state, salt="marketplaces.channels.state")
    return signing.dumps([*values[:3], "guessed"], salt="marketplaces.channels.state")


def of_another_purpose(state):
    return signing.dumps(signing.loads(state, salt="marketplaces.channels.state"), salt="another")


@pytest.mark.parametrize(
    "change",
    [
        forged,
        of_another_merchant,
        of_another_person,
        of_another_secret,
        of_another_purpose,
        lambda state: "",
        lambda state: "x" * 10_000,
        lambda state: signing.dumps(7, salt="marketplaces.channels.state"),
    ],
)
def test_state_that_is_not_ours_is_refused_and_nothing_is_stored(merchant, owner, etsy, change):
    back = etsy.consent(begin(merchant, owner, "etsy"))

    with pytest.raises(InvalidState):
        connections.complete("etsy", state=change(back["state"]), code=back["code"])
    assert rows() == []
    assert etsy.calls("POST", "token") == []
    # The genuine one is good still.
    assert connections.complete("etsy", state=back["state"], code=back["code"]).state == ConnectionState.CONNECTED


def test_state_of_another_channel_is_refused(merchant, owner, ebay, etsy):
    back = ebay.consent(begin(merchant, owner, "ebay"))

    with pytest.raises(InvalidState):
        connections.complete("etsy", state=back["state"], code=back["code"])
    assert rows() == []


def test_state_ends_after_ten_minutes(merchant, owner, ebay):
    back = ebay.consent(begin(merchant, owner, "ebay"))

    with time_machine.travel(timezone.now() + connections.STATE_LASTS, tick=False), pytest.raises(InvalidState):
        connections.complete("ebay", state=back["state"], code=back["code"])
    assert rows() == []


def test_another_person_who_is_signed_in_completes_nothing(merchant, owner, ebay):
    colleague = make_member(merchant, MemberRole.OWNER)
    back = ebay.consent(begin(merchant, owner, "ebay"))

    with pytest.raises(InvalidState):
        connections.complete("ebay", state=back["state"], code=back["code"], present=colleague.pk)
    assert rows() == []
    assert connections.complete("ebay", state=back["state"], code=back["code"], present=owner.pk)


@pytest.mark.parametrize("role", [None, MemberRole.EDITOR, MemberRole.VIEWER])
def test_owner_who_is_none_any_more_connects_nothing(merchant, owner, ebay, role):
    back = ebay.consent(begin(merchant, owner, "ebay"))
    with merchant_scope(merchant.pk):
        mine = Membership.objects.filter(user=owner)
        _ = mine.update(role=role) if role else mine.delete()

    with pytest.raises(InvalidState):
        connections.complete("ebay", state=back["state"], code=back["code"])
    assert rows() == []
    assert ebay.calls("POST", "token") == []


def test_merchant_who_refuses_is_not_connected(merchant, owner, marketplace):
    back = marketplace.consent(begin(merchant, owner, marketplace.name), decision="refuse")

    with pytest.raises(ConsentRefused):
        connections.complete(marketplace.name, state=back["state"], code="", error=back["error"])
    assert rows() == []
    assert events() == []


def test_code_that_the_channel_refuses_connects_nothing(merchant, owner, marketplace):
    back = marketplace.consent(begin(merchant, owner, marketplace.name))

    with pytest.raises(ConsentRefused):
        connections.complete(marketplace.name, state=back["state"], code="another")
    assert rows() == []


@pytest.mark.parametrize("fault", ["error_500", "error_after_effect", "rate_limit", "garbage", "reset_after_accept"])
def test_channel_that_fails_at_the_exchange_is_named_and_nothing_is_stored(merchant, owner, marketplace, fault):
    back = marketplace.consent(begin(merchant, owner, marketplace.name))
    marketplace.fault(fault)

    with pytest.raises(ChannelUnavailable):
        connections.complete(marketplace.name, state=back["state"], code=back["code"])
    assert rows() == []


def test_our_own_keys_being_wrong_is_no_refusal_of_the_merchants(merchant, owner, etsy, settings):
    back = etsy.consent(begin(merchant, owner, "etsy"))
    settings.ETSY_API_KEY = "another"

    with pytest.raises(ChannelUnavailable):
        connections.complete("etsy", state=back["state"], code=back["code"])


def test_connecting_anew_replaces_the_tokens_and_keeps_the_settings(merchant, owner, marketplace):
    first = connected(merchant, owner, marketplace)
    with merchant_scope(merchant.pk):
        connections.change_settings(marketplace.name, {"rate": "700"}, by=owner)

    second = connected(merchant, owner, marketplace, account="1001")

    assert (second.pk, second.settings) == (first.pk, {"rate": "700"})
    assert second.version > first.version
    assert bytes(second.tokens) != bytes(first.tokens)
    assert len(rows()) == 1


def test_disconnected_merchant_has_no_tokens_and_is_called_for_no_more(merchant, owner, marketplace):
    connected(merchant, owner, marketplace)
    calls = len(marketplace.calls())

    with merchant_scope(merchant.pk):
        connections.disconnect(marketplace.name, by=owner)
        connections.disconnect(marketplace.name, by=owner)

    (row,) = rows()
    assert (row.state, row.reason, bytes(row.tokens)) == (ConnectionState.STOPPED, "disconnected", b"")
    result = access.act(merchant.pk, marketplace.name, lambda channel, seller: channel.publish(seller, goods()))
    assert (result.outcome, result.reason) == (Outcome.CREDENTIALS, "disconnected")
    assert len(marketplace.calls()) == calls
    assert [action for action, _ in events()] == ["channel.connected", "channel.stopped"]


def test_merchant_without_a_connection_is_refused(merchant, owner, ebay):
    with merchant_scope(merchant.pk), pytest.raises(NotConnected):
        connections.disconnect("ebay", by=owner)
    result = access.act(merchant.pk, "ebay", lambda channel, seller: channel.publish(seller, goods()))
    assert (result.outcome, result.reason) == (Outcome.CREDENTIALS, "not_connected")


def test_merchants_have_tokens_of_their_own(merchant, owner, marketplace):
    other = make_merchant()
    connected(merchant, owner, marketplace)
    connected(other, make_member(other, MemberRole.OWNER), marketplace, account="2002")

    sellers = [access.access_to(each.pk, marketplace.channel).seller for each in (merchant, other)]

    assert sellers[0].access_token != sellers[1].access_token
    assert [row.merchant_id for row in rows()] == [merchant.pk, other.pk]


def test_tokens_copied_into_another_row_open_nothing(merchant, owner, ebay):
    other = make_merchant()
    connection = connected(merchant, owner, ebay)
    make_connection(other, tokens=bytes(connection.tokens))

    result = access.act(other.pk, "ebay", lambda channel, seller: channel.publish(seller, goods()))

    assert (result.outcome, result.reason) == (Outcome.LATER, "tokens_unreadable")


def test_settings_are_those_that_the_channel_knows(merchant, owner, ebay):
    connected(merchant, owner, ebay)
    with merchant_scope(merchant.pk):
        connections.change_settings("ebay", {"marketplace_id": "EBAY_FR", "rate": "700"}, by=owner)
        row = connections.change_settings("ebay", {"rate": None}, by=owner)
        assert row.settings == {"marketplace_id": "EBAY_FR"}
        with pytest.raises(Invalid) as refused:
            connections.change_settings("ebay", {"tokens": "x", "rate": 7, "currency": "x" * 101}, by=owner)
    assert [(error.field, error.code) for error in refused.value.errors] == [
        ("settings.tokens", "unknown_field"),
        ("settings.rate", "invalid"),
        ("settings.currency", "invalid"),
    ]
    assert [action for action, _ in events()][1:] == ["channel.settings_changed"] * 2


def test_channel_that_is_switched_off_is_unknown(merchant, owner):
    with merchant_scope(merchant.pk), pytest.raises(UnknownChannel):
        connections.connect("vinted", by=owner)


def test_vinted_is_switched_on_by_the_merchant_and_stopped_by_a_captcha(merchant, owner, settings):
    settings.MARKETPLACE_CHANNELS = {"vinted": "marketplaces.channels.vinted.channel.Vinted"}
    with merchant_scope(merchant.pk):
        asked = connections.connect("vinted", by=owner)
    assert (asked.authorization_url, asked.connection.state) == ("", ConnectionState.CONNECTED)

    assert connections.stop(merchant.pk, "vinted", reason="stopped_by_channel")
    assert not connections.stop(merchant.pk, "vinted", reason="stopped_by_channel")

    result = access.act(merchant.pk, "vinted", lambda channel, seller: channel.publish(seller, goods()))
    assert (result.outcome, result.reason) == (Outcome.CREDENTIALS, "stopped_by_channel")
    with merchant_scope(merchant.pk):
        assert connections.connect("vinted", by=owner).connection.reason == ""
    assert [(action, changes["old"]) for action, changes in events()] == [
        ("channel.connected", None),
        ("channel.stopped", "connected"),
        ("channel.connected", "stopped"),
    ]


@pytest.mark.parametrize(
    "end",
    [lambda *of: connections.expire(*of, version=0, reason="x"), lambda *of: connections.stop(*of, reason="x")],
    ids=["expired", "stopped"],
)
def test_owners_are_asked_by_mail_once(merchant, owner, end):
    make_member(merchant, MemberRole.EDITOR)
    make_member(make_merchant(), MemberRole.OWNER)
    make_connection(merchant, "etsy")

    assert [end(merchant.pk, "etsy") for _again in range(2)] == [True, False]

    (mail,) = mails()
    assert mail.to == [owner.email]
    assert mail.subject == f"Reconnectez {merchant.name} à Etsy"
    assert "Etsy ne nous laisse plus agir" in mail.body


def test_merchant_who_disconnects_is_told_nothing(merchant, owner):
    make_connection(merchant, "etsy")

    with merchant_scope(merchant.pk):
        connections.disconnect("etsy", by=owner)

    assert mails() == []


def test_tokens_and_codes_stand_in_no_log_and_in_no_event(merchant, owner, marketplace, caplog):
    caplog.set_level(logging.DEBUG)
    back = marketplace.consent(begin(merchant, owner, marketplace.name))
    connection = connections.complete(marketplace.name, state=back["state"], code=back["code"])
    pair = tokens.unseal(bytes(connection.tokens), merchant_id=merchant.pk, channel=marketplace.name)

    told = caplog.text + repr([record.__dict__ for record in caplog.records]) + json.dumps(events())

    assert "outbound call" in told
    for secret in (*pair.values(), back["code"], back["state"]):
        assert secret
        assert secret not in told


def test_rotation_puts_everything_under_the_first_key(merchant, owner, etsy, settings, capsys):
    old, new = "old-key-old-key-old-key-old-key-old", "new-key-new-key-new-key-new-key-new"
    settings.CHANNEL_KEYS = [old]
    connected(merchant, owner, etsy)
    begin(merchant, owner, "etsy")
    before = access.access_to(merchant.pk, etsy.channel).seller.access_token

    settings.CHANNEL_KEYS = [new, old]
    call_command("rotate_channel_keys")

    assert capsys.readouterr().out == "2 secrets are under the first key\n"
    settings.CHANNEL_KEYS = [new]
    assert access.access_to(merchant.pk, etsy.channel).seller.access_token == before
    back = etsy.consent(begin(merchant, owner, "etsy"))
    assert connections.complete("etsy", state=back["state"], code=back["code"])


def test_consent_whose_key_is_gone_is_void(merchant, owner, etsy, settings):
    back = etsy.consent(begin(merchant, owner, "etsy"))
    settings.CHANNEL_KEYS = ["another-key-another-key-another-key"]

    with pytest.raises(InvalidState):
        connections.complete("etsy", state=back["state"], code=back["code"])
    assert rows() == []


def test_rotation_names_what_no_key_opens_and_leaves_it(merchant, owner, ebay, settings):
    connected(merchant, owner, ebay)
    settings.CHANNEL_KEYS = ["another-key-another-key-another-key"]

    with pytest.raises(CommandError, match="1 secrets are under none of CHANNEL_KEYS"):
        call_command("rotate_channel_keys")
    result = access.act(merchant.pk, "ebay", lambda channel, seller: channel.publish(seller, goods()))
    assert (result.outcome, result.reason) == (Outcome.LATER, "tokens_unreadable")
    assert rows()[0].state == ConnectionState.CONNECTED


def test_rotation_goes_in_batches(merchant, settings, monkeypatch, capsys):
    monkeypatch.setattr("marketplaces.services.channel_keys._BATCH", 2)
    for _number in range(5):
        make_connection(make_merchant(), access="a", refresh="r")

    call_command("rotate_channel_keys")

    assert capsys.readouterr().out == "5 secrets are under the first key\n"
    assert database.in_atomic_block

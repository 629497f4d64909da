"""A token that is fresh: refreshed by one of many, whatever the channel answers, or fails to answer."""

import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db.utils import OperationalError
from django.utils import timezone

from audit.models import Event
from marketplaces.channels.base import ChannelError, Outcome, Placed
from marketplaces.channels.oauth import Tokens
from marketplaces.channels.tests.books import SETTINGS, SKU, goods
from marketplaces.channels.tests.conftest import _nobody_remembers, ebay, etsy, forget, marketplace
from marketplaces.enums import ConnectionState
from marketplaces.models import ChannelConnection
from marketplaces.services import access, connections
from marketplaces.tenancy import crossing, merchant_scope
from marketplaces.tests.factories import make_connection, make_merchant
from tests.fault_table import CALL_FAULTS, cells
from tests.threads import run_together

__all__ = ["_nobody_remembers", "ebay", "etsy", "marketplace"]

WORKERS = 12
races = pytest.mark.django_db(transaction=True)
needs_several_writers = pytest.mark.skipif(
    database.vendor != "postgresql", reason="SQLite has one writer: nothing races"
)


class Connected:
    """A merchant with a connection whose access token has a life of so many seconds, or is over already."""

    def __init__(self, marketplace, *, seconds=-1, account="1001"):
        self.marketplace, self.name = marketplace, marketplace.name
        self.merchant = make_merchant()
        pair = marketplace.tokens(account)
        make_connection(
            self.merchant,
            self.name,
            access=pair["access_token"],
            refresh=pair["refresh_token"],
            expires_at=timezone.now() + timedelta(seconds=seconds),
            account_id=f"8{account}" if self.name == "etsy" else "",
            settings=SETTINGS[self.name],
        )

    def row(self):
        with merchant_scope(self.merchant.pk):
            return ChannelConnection.objects.get(channel=self.name)

    def change(self, **values):
        with merchant_scope(self.merchant.pk):
            ChannelConnection.objects.filter(channel=self.name).update(**values)

    def access(self):
        return access.access_to(self.merchant.pk, self.marketplace.channel)

    def publish(self):
        wanted = goods(category="199")
        return access.act(self.merchant.pk, self.name, lambda channel, seller: channel.publish(seller, wanted))

    def refreshes(self):
        return self.marketplace.calls("POST", "/token")

    def told(self):
        return [
            (event.action, event.changes.get("reason"))
            for event in Event.objects.filter(entity="channel", entity_id=str(self.row().public_id))
        ]


@pytest.fixture
def connected(marketplace, db):
    return Connected(marketplace)


@pytest.fixture
def fresh(marketplace, db):
    return Connected(marketplace, seconds=3600)


def test_token_with_some_life_left_is_used_as_it_is(fresh):
    assert fresh.publish().outcome == Outcome.DONE
    assert fresh.refreshes() == []


@pytest.mark.parametrize("seconds", [59, -1])
def test_token_that_ends_within_a_minute_is_refreshed_first(marketplace, db, seconds):
    connected = Connected(marketplace, seconds=seconds)

    assert connected.publish().outcome == Outcome.DONE
    assert connected.publish().outcome == Outcome.DONE
    assert len(connected.refreshes()) == 1
    row = connected.row()
    assert (row.version, row.lease_until) == (1, None)
    assert row.expires_at > timezone.now() + timedelta(minutes=50)


class ShortLived:
    """A channel whose tokens live for so many seconds."""

    name = "ebay"

    def __init__(self, seconds):
        self.oauth, self.seconds, self.refreshes = self, seconds, 0

    def refresh(self, token):
        self.refreshes += 1
        return Tokens(f"access-{self.refreshes}", expires_in=self.seconds)


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [0, 45, 60])
def test_token_that_lives_for_less_than_a_minute_is_used(seconds):
    merchant, channel = make_merchant(), ShortLived(seconds)
    make_connection(merchant, "ebay", access="a", refresh="r", expires_at=timezone.now())

    for number in (1, 2):
        assert access.access_to(merchant.pk, channel).seller.access_token == f"access-{number}"
        assert channel.refreshes == number


def test_rotated_token_is_the_one_used_next(connected):
    for _again in range(3):
        assert connected.publish().outcome == Outcome.DONE
        connected.change(expires_at=timezone.now())

    assert len(connected.refreshes()) == 3
    assert {call["status"] for call in connected.refreshes()} == {200}


def test_token_that_the_channel_refuses_is_refreshed_once_and_the_call_made_again(fresh):
    fresh.marketplace.control("POST", "/expire", {"account": "1001"})

    assert fresh.publish().outcome == Outcome.DONE
    assert len(fresh.refreshes()) == 1
    assert len(fresh.marketplace.live()) == 1


def test_fresh_token_that_the_channel_refuses_ends_the_connection(fresh):
    path = "/sell" if fresh.name == "ebay" else "/v3/application"
    fresh.marketplace.fault("expired_token", path=path)

    assert fresh.publish().outcome == Outcome.CREDENTIALS

    row = fresh.row()
    assert (row.state, row.reason, bytes(row.tokens)) == (ConnectionState.EXPIRED, "access_refused", b"")
    assert len(fresh.refreshes()) == 1
    assert fresh.told() == [("channel.expired", "access_refused")]
    calls = len(fresh.marketplace.calls())
    assert fresh.publish().reason == "access_refused"
    assert len(fresh.marketplace.calls()) == calls


def test_refresh_token_that_is_over_ends_the_connection_and_asks_the_merchant(connected):
    connected.marketplace.control("POST", "/expire", {"account": "1001", "refresh": True})

    result = connected.publish()

    assert (result.outcome, result.reason) == (Outcome.CREDENTIALS, "refresh_refused")
    assert connected.row().state == ConnectionState.EXPIRED
    assert connected.told() == [("channel.expired", "refresh_refused")]


REFRESHING = {"ebay refresh", "etsy refresh"}


def test_table_of_refreshes_has_every_fault():
    assert {(fault, column) for fault, column, _ in cells("Refreshing a merchant's access")} == {
        (fault, column) for fault in {"none"} | CALL_FAULTS for column in REFRESHING
    }


@pytest.mark.parametrize(
    "fault, column, expected", cells("Refreshing a merchant's access"), ids=lambda value: value.replace(" ", "-")
)
def test_refresh_ends_as_the_table_says(fault, column, expected, simulators, settings, db):
    from marketplaces.channels.tests.books import Marketplace

    connected = Connected(Marketplace(simulators, column.split(" ")[0]))
    if fault == "timeout":
        settings.CHANNEL_READ_SECONDS = settings.CHANNEL_DEADLINE_SECONDS = 0.3
    path = "/identity" if connected.name == "ebay" else "/v3/public/oauth"
    if fault != "none":
        seconds = {"timeout": 5, "latency": 0.05}.get(fault)
        connected.marketplace.fault(fault, path=path, count=1, seconds=seconds)

    first = connected.publish()
    assert (first.outcome == Outcome.LATER) == (first.retry_after is not None)
    # Nobody tries while it rests.
    tried = len(connected.refreshes())
    assert first.outcome != Outcome.LATER or connected.row().lease_until > timezone.now()
    settings.CHANNEL_READ_SECONDS = settings.CHANNEL_DEADLINE_SECONDS = 10
    forget()
    connected.change(lease_until=None)
    second = connected.publish()

    assert f"{first.outcome} → {second.outcome}, {connected.row().state}" == expected
    assert len(connected.refreshes()) - tried <= 1
    assert len(connected.marketplace.live()) == (1 if second.outcome == Outcome.DONE else 0)
    if second.outcome == Outcome.CREDENTIALS and first.outcome == Outcome.LATER:
        assert connected.told() == [("channel.expired", "refresh_lost")]


def test_channel_that_wants_no_more_calls_is_left_alone_for_as_long_as_it_says(connected):
    connected.marketplace.fault("rate_limit", seconds=120)

    result = connected.publish()

    assert (result.outcome, result.reason, result.retry_after) == (Outcome.LATER, "refresh_failed", 120)
    assert timedelta(seconds=110) < connected.row().lease_until - timezone.now() <= timedelta(seconds=120)


def test_our_own_keys_being_wrong_ends_no_connection(connected, settings):
    settings.ETSY_API_KEY = settings.EBAY_CLIENT_SECRET = "another"

    result = connected.publish()

    assert (result.outcome, result.reason, result.detail) == (Outcome.LATER, "refresh_failed", "invalid_client")
    assert connected.row().state == ConnectionState.CONNECTED
    assert connected.told() == []


def test_waiting_for_somebody_who_refreshes_ends(connected, monkeypatch):
    monkeypatch.setattr(access, "WAIT_SECONDS", 0)
    connected.change(lease_until=timezone.now() + timedelta(seconds=30))

    result = connected.publish()

    assert (result.outcome, result.reason, result.retry_after) == (Outcome.LATER, "refreshing", access.RETRY_SECONDS)
    assert connected.marketplace.calls() == []


def test_lease_of_a_killed_worker_ends_by_itself(connected):
    connected.change(lease_until=timezone.now() - timedelta(seconds=1))

    assert connected.publish().outcome == Outcome.DONE


def test_slow_answer_brings_no_access_back_that_the_merchant_has_ended(connected, monkeypatch):
    oauth = type(connected.marketplace.channel.oauth)
    refresh = oauth.refresh

    def slowly(self, refresh_token):
        given = refresh(self, refresh_token)
        connections.stop(connected.merchant.pk, connected.name, reason="disconnected")
        return given

    monkeypatch.setattr(oauth, "refresh", slowly)

    result = connected.publish()

    row = connected.row()
    assert (result.outcome, result.reason) == (Outcome.CREDENTIALS, "disconnected")
    assert (row.state, bytes(row.tokens), row.version) == (ConnectionState.STOPPED, b"", 1)


def test_late_refusal_ends_no_newer_pair(fresh):
    fresh.change(version=5)

    assert not connections.expire(fresh.merchant.pk, fresh.name, version=4, reason="access_refused")
    assert fresh.row().state == ConnectionState.CONNECTED


def test_worker_who_crosses_merchants_acts_for_each_of_them(marketplace, db):
    both = [Connected(marketplace, account=account) for account in ("1001", "2002")]

    with crossing():
        assert [each.publish().outcome for each in both] == [Outcome.DONE] * 2

    assert sorted(row["account"] for row in marketplace.live()) == ["1001", "2002"]
    assert len(marketplace.calls("POST", "/token")) == 2


def test_page_is_read_in_the_merchants_name(fresh):
    fresh.publish()

    page = access.read(fresh.merchant.pk, fresh.name, lambda channel, seller: channel.find(seller, SKU))

    assert [row.sku for row in page.rows] == [SKU]
    nobody = access.read(make_merchant().pk, fresh.name, lambda channel, seller: channel.find(seller, SKU))
    assert (nobody.result.outcome, nobody.result.reason, nobody.rows) == (Outcome.CREDENTIALS, "not_connected", ())


def test_http_is_called_outside_of_the_rows_transaction(connected, monkeypatch):
    """No lock and no transaction of ours waits for the channel."""
    oauth, seen = type(connected.marketplace.channel.oauth), []
    refresh, depth = oauth.refresh, len(database.savepoint_ids)

    def watched(self, refresh_token):
        seen.append(len(database.savepoint_ids) - depth)
        return refresh(self, refresh_token)

    monkeypatch.setattr(oauth, "refresh", watched)
    connected.publish()

    assert seen == [0]


@races
@needs_several_writers
def test_without_the_lease_everybody_refreshes(simulators, etsy, monkeypatch):
    connected = Connected(etsy)
    everybody_has_looked = threading.Barrier(WORKERS)

    def no_lease(connection):
        everybody_has_looked.wait(timeout=60)
        return True

    monkeypatch.setattr(access, "_lease", no_lease)
    refused = []

    def work(number):
        try:
            connected.access()
        except ChannelError as error:
            refused.append(error.reason)

    run_together(WORKERS, work)

    assert len(connected.refreshes()) == WORKERS
    # Etsy's refresh token was used up by the first of them.
    assert [call["status"] for call in connected.refreshes()].count(200) == 1


@races
@needs_several_writers
def test_one_of_many_workers_refreshes_and_all_go_on(simulators, marketplace):
    connected = Connected(marketplace)
    path = "/identity" if connected.name == "ebay" else "/v3/public/oauth"
    marketplace.fault("latency", path=path, seconds=0.3)

    granted = run_together(WORKERS, lambda number: connected.access())

    assert [call["status"] for call in connected.refreshes()] == [200]
    assert {each.version for each in granted} == {1}
    assert len({each.seller.access_token for each in granted}) == 1
    assert connected.row().state == ConnectionState.CONNECTED


@races
@needs_several_writers
def test_one_of_many_workers_refreshes_a_token_that_the_channel_refused(simulators, etsy):
    connected = Connected(etsy, seconds=3600)
    etsy.control("POST", "/expire", {"account": "1001"})

    def work(number):
        return access.act(
            connected.merchant.pk, "etsy", lambda channel, seller: channel.withdraw(seller, Placed(SKU))
        ).outcome

    assert set(run_together(WORKERS, work)) == {Outcome.DONE}
    assert [call["status"] for call in connected.refreshes()] == [200]


@races
def test_rotated_tokens_survive_a_database_that_is_busy_for_a_moment(simulators, etsy, monkeypatch):
    """The channel says it once: what was given and not written down would be lost."""
    connected, replace, failures = Connected(etsy), access._replace, []

    def busy_once(*args):
        if not failures:
            failures.append(1)
            raise OperationalError("database is locked")
        return replace(*args)

    monkeypatch.setattr(access, "_replace", busy_once)

    assert connected.publish().outcome == Outcome.DONE
    assert failures == [1]
    assert [call["status"] for call in connected.refreshes()] == [200]

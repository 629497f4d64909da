"""Jobs over the API and in the back office."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import make_user
from audit.models import Event
from marketplaces.channels.base import ListingStatus, Outcome, Page, RemoteListing, Result
from marketplaces.enums import Channel, JobKind, JobState, MemberRole
from marketplaces.models import BuyerMessage, Job
from marketplaces.services.jobs import queue, working
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import make_found, make_item, make_job, make_member
from marketplaces.tests.jobs_world import bought, connected, publish, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fakes")]


@pytest.fixture
def owner():
    return make_user()


@pytest.fixture
def merchant(owner):
    return connected(owner=owner)


@pytest.fixture
def client(api, owner, merchant):
    return named(api(owner), merchant)


def named(client, merchant):
    client.credentials(**client._credentials, HTTP_X_MERCHANT=str(merchant.public_id))
    return client


def test_publication_answers_at_once_and_its_job_tells_how_far_it_is(client, merchant):
    item = make_item(merchant)
    asked = client.post(f"/api/v1/items/{item.public_id}/publish/", {"channels": ["ebay"]}, format="json")
    assert asked.status_code == 202
    (shown,) = client.get("/api/v1/jobs/").json()["results"]
    assert (shown["kind"], shown["state"], shown["progress"]) == ("publish", "pending", {"done": 0, "total": 1})
    assert (shown["item"], shown["channel"]) == (str(item.public_id), "ebay")

    working.work()

    shown = client.get(f"/api/v1/jobs/{shown['id']}/").json()
    assert (shown["state"], shown["progress"], shown["attempts"]) == ("completed", {"done": 1, "total": 1}, 1)
    assert shown["result"]["url"].startswith("https://example.org/")


def test_jobs_are_filtered(client, merchant):
    first, second = make_item(merchant), make_item(merchant)
    make_job(first)
    make_job(second, channel=Channel.ETSY)
    make_job(first, JobKind.SYNC)

    def ids(**query):
        return [row["kind"] + row["channel"] for row in client.get("/api/v1/jobs/", query).json()["results"]]

    assert ids() == ["syncebay", "publishetsy", "publishebay"]
    assert ids(channel="etsy") == ["publishetsy"]
    assert ids(kind="sync") == ["syncebay"]
    assert ids(item=str(first.public_id)) == ["publishebay"]
    assert ids(state="failed") == []


@pytest.mark.parametrize("path", ["jobs", "foreign-listings", "messages", "plugin/devices"])
def test_list_costs_the_same_for_one_row_and_for_three(client, merchant, owner, path):
    def make():
        item = make_item(merchant)
        make_job(item)
        make_found(merchant)
        with merchant_scope(merchant.pk):
            BuyerMessage.objects.create(merchant=merchant, channel="vinted", external_id=item.sku)
        client.post("/api/v1/plugin/devices/", {"name": "x"}, format="json")

    def cost():
        with CaptureQueriesContext(connection) as queries:
            response = client.get(f"/api/v1/{path}/")
        assert response.status_code == 200
        return len(response.json()["results"]), len(queries)

    make()
    one, first = cost()
    make()
    make()
    three, second = cost()
    assert (one, three) == (1, 3)
    assert first == second


def test_failed_job_is_tried_again_or_put_away(api, client, merchant, ebay):
    first, second = make_item(merchant), make_item(merchant)
    ebay.instead["publish"] = [Result(Outcome.REFUSED, reason="bad")] * 2
    publish(merchant, first, second)
    working.work()
    one, two = (row["id"] for row in client.get("/api/v1/jobs/", {"state": "failed"}).json()["results"])
    viewer = named(api(make_member(merchant, MemberRole.VIEWER)), merchant)
    assert viewer.post(f"/api/v1/jobs/{one}/retry/").status_code == 403
    assert len(rows(merchant, Job, state=JobState.FAILED)) == 2

    assert client.post(f"/api/v1/jobs/{one}/retry/").json()["state"] == "pending"
    assert client.post(f"/api/v1/jobs/{two}/cancel/").json()["state"] == "cancelled"
    assert client.post(f"/api/v1/jobs/{two}/retry/").json()["code"] == "illegal_move"
    working.work()

    assert client.get(f"/api/v1/jobs/{one}/").json()["state"] == "completed"


def test_channel_is_read_on_request(client, merchant, ebay):
    ebay.listed[merchant.pk] = [RemoteListing("E-3", "", "À la main", ListingStatus.LIVE, 4)]
    asked = client.post("/api/v1/channels/ebay/sync/")
    assert (asked.status_code, asked.json()["kind"]) == (202, "sync")
    assert client.post("/api/v1/channels/ebay/sync/").json()["id"] == asked.json()["id"]
    assert client.post("/api/v1/channels/ebay/messages/").json()["code"] == "channel_cannot"
    assert client.post("/api/v1/channels/amazon/sync/").status_code == 404
    working.work()

    (found,) = client.get("/api/v1/foreign-listings/").json()["results"]
    item = make_item(merchant)
    linked = client.post(f"/api/v1/foreign-listings/{found['id']}/link/", {"item": str(item.public_id)}, format="json")
    assert (linked.status_code, linked.json()["state"], linked.json()["external_id"]) == (200, "live", "E-3")
    assert client.get("/api/v1/foreign-listings/", {"is_linked": "false"}).json()["results"] == []


def ask_for_orders(client):
    asked = client.post("/api/v1/channels/ebay/orders/")
    assert asked.status_code == 202
    return asked.json()["id"]


def test_reading_that_a_person_joins_can_be_looked_at_when_it_has_found_nothing(client, merchant):
    with merchant_scope(merchant.pk):
        polled = queue.enqueue(JobKind.ORDERS, channel="ebay", by=None, call=False)
    asked = ask_for_orders(client)
    assert asked == str(polled.public_id)

    working.work()

    shown = client.get(f"/api/v1/jobs/{asked}/").json()
    assert (shown["state"], shown["result"]) == ("completed", {"orders": 0})
    told = Event.objects.filter(action="job.moved", entity_id=asked).order_by("pk")
    assert [(event.changes["old"], event.changes["new"]) for event in told] == [
        (None, "pending"),
        ("running", "completed"),
    ]


@pytest.mark.parametrize("first_by", ["poll", "person"])
def test_reading_that_is_asked_for_while_it_runs_reads_once_more(client, merchant, owner, ebay, first_by):
    item = make_item(merchant, quantity=2)
    with merchant_scope(merchant.pk):
        queue.enqueue(JobKind.ORDERS, channel="ebay", by=owner if first_by == "person" else None, call=False)
    asked = []

    def ask(action):
        # The answer that is under way knows nothing of what is bought now.
        ebay.during = None
        ebay.instead["orders"] = [Page(Result(Outcome.DONE), (), cursor="0")]
        ebay.orders[merchant.pk] = [bought(item, "e-1")]
        asked.append(ask_for_orders(client))

    ebay.during = ask
    working.work()

    shown = client.get(f"/api/v1/jobs/{asked[0]}/").json()
    assert (shown["state"], shown["result"]) == ("completed", {"orders": 1})
    assert [call[0] for call in ebay.calls] == ["orders", "orders"]
    assert len(rows(merchant, Job)) == 1


def test_reading_that_waits_after_a_failure_is_due_when_a_person_asks(client, merchant, ebay):
    ebay.instead["orders"] = [Page(Result(Outcome.LATER, reason="not_reached"))]
    asked = ask_for_orders(client)
    assert working.work() == 1
    assert rows(merchant, Job)[0].failures == 1

    assert ask_for_orders(client) == asked
    assert working.work() == 1

    assert client.get(f"/api/v1/jobs/{asked}/").json()["state"] == "completed"

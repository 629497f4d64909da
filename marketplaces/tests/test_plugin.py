"""A merchant's browser that dies at each step, answers twice, late, or for somebody else: no job is ever corrupted."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.conf import settings as project_settings
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.services.anonymisation import anonymise_user
from accounts.services.roles import switch_user
from accounts.tests.factories import make_user
from marketplaces.channels import _load
from marketplaces.enums import JobKind, JobState, ListingState, MemberRole, StepState
from marketplaces.exceptions import DeviceRevoked
from marketplaces.models import (
    BuyerMessage,
    Category,
    ChannelConnection,
    ChannelQueue,
    Job,
    Listing,
    Membership,
    PluginDevice,
    PluginTask,
)
from marketplaces.services import connections, devices, items
from marketplaces.services.devices import Caller
from marketplaces.services.jobs import plugin, requests, working
from marketplaces.services.members import change_role, remove_member
from marketplaces.services.merchants import update_merchant
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import make_connection, make_item, make_member, make_merchant
from marketplaces.tests.jobs_world import make_due, publish, rows

pytestmark = pytest.mark.django_db

ACTIONS = {
    "publish": {"method": "POST", "path": "/api/v2/items", "payload": {"title": "{title}"}, "external_id": "item.id"},
    "update": {"method": "PUT", "path": "/api/v2/items/{external_id}", "payload": {"price": "{price}"}},
    "withdraw": {"method": "DELETE", "path": "/api/v2/items/{external_id}"},
    "find": {
        "method": "GET",
        "path": "/api/v2/items",
        "params": {"search": "{sku}"},
        "rows": "items",
        "fields": {"external_id": "id", "sku": "sku"},
    },
    "messages": {
        "method": "GET",
        "path": "/api/v2/inbox",
        "rows": "messages",
        "cursor": "next",
        "fields": {"external_id": "id", "sender": "from", "text": "body"},
    },
}


@pytest.fixture(autouse=True)
def _vinted(settings):
    settings.MARKETPLACE_CHANNELS = {"vinted": project_settings.MARKETPLACE_CHANNELS.get("vinted", VINTED)}
    settings.VINTED_ACTIONS = ACTIONS
    _load.cache_clear()
    yield
    _load.cache_clear()


VINTED = "marketplaces.channels.vinted.channel.Vinted"


class Browser:
    """A scripted extension, which talks to the API with its token."""

    def __init__(self, merchant):
        self.user = make_member(merchant, MemberRole.EDITOR)
        with merchant_scope(merchant.pk):
            self.device, self.token = devices.add_device("Firefox", by=self.user)
        self.client = APIClient(HTTP_AUTHORIZATION=f"Bearer {self.token}")

    def tasks(self, **query):
        response = self.client.get("/api/v1/plugin/tasks/", query)
        assert response.status_code == 200, response.content
        return response.json()["tasks"]

    def say(self, task, **said):
        return self.client.post(f"/api/v1/plugin/tasks/{task['id']}/result/", said, format="json")

    def done(self, task, **result):
        return self.say(task, success=True, result=result)

    def failed(self, task, status, message=""):
        return self.say(task, success=False, error_message=message, error_details={"status_code": status})


@pytest.fixture
def merchant():
    merchant = make_merchant()
    make_connection(merchant, "vinted")
    return merchant


@pytest.fixture
def browser(merchant):
    return Browser(merchant)


def begin(merchant):
    """A publication that waits for a browser."""
    item = make_item(merchant)
    publish(merchant, item, channels=["vinted"])
    assert working.work() == 1
    return item


def listing_of(merchant):
    (listing,) = rows(merchant, Listing)
    return listing


def test_browser_publishes(merchant, browser):
    item = begin(merchant)

    (task,) = browser.tasks()
    assert task | {"id": "", "created_at": ""} == {
        "id": "",
        "platform": "vinted",
        "http_method": "POST",
        "path": "/api/v2/items",
        "params": {},
        "payload": {"title": item.title},
        "execute_delay_ms": 0,
        "created_at": "",
    }
    assert browser.tasks() == []
    response = browser.done(task, item={"id": 77})

    assert response.json() == {"accepted": True, "state": "completed"}
    (job,) = rows(merchant, Job)
    assert (job.state, job.done) == (JobState.COMPLETED, 1)
    listing = listing_of(merchant)
    assert (listing.state, listing.external_id) == (ListingState.LIVE, "77")


def test_what_was_withdrawn_before_a_browser_asked_is_not_put_up(merchant, browser):
    item = begin(merchant)
    with merchant_scope(merchant.pk):
        items.update_item(item, {"quantity": 0}, by=None)

    assert browser.tasks() == []
    working.work()
    (look,) = browser.tasks()
    assert look["http_method"] == "GET"
    browser.done(look, items=[])
    working.work()
    (job,) = rows(merchant, Job, kind=JobKind.PUBLISH)
    assert (job.state, job.result) == (JobState.COMPLETED, {"overtaken": ListingState.SOLD_OUT})


def test_what_was_forbidden_before_a_browser_asked_is_not_put_up(merchant, browser):
    item = begin(merchant)
    Category.objects.filter(pk=item.category_id).update(is_allowed=False)

    assert browser.tasks() == []
    working.work()
    listing = listing_of(merchant)
    assert (listing.state, listing.last_error_code) == (ListingState.FAILED, "not_for_sale")
    assert [task.action for task in rows(merchant, PluginTask)] == ["publish"]


def test_switched_off_nothing_is_asked_of_a_browser(merchant, browser):
    with merchant_scope(merchant.pk):
        connections.disconnect("vinted", by=make_user())
    publish(merchant, make_item(merchant), channels=["vinted"])
    working.work()

    assert browser.tasks() == []
    assert rows(merchant, PluginTask) == []


def test_never_taken_task_waits_and_expires(merchant, browser):
    begin(merchant)
    with merchant_scope(merchant.pk):
        Job.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    make_due(merchant)
    working.work()

    assert browser.tasks() == []
    assert rows(merchant, Job)[0].state == JobState.EXPIRED
    assert rows(merchant, PluginTask)[0].state == StepState.TIMEOUT


def test_browser_that_dies_before_doing_it_is_followed_by_a_look_and_another_try(merchant, browser):
    begin(merchant)
    browser.tasks()
    make_due(merchant)
    working.work()

    (look,) = browser.tasks()
    assert (look["http_method"], look["path"]) == ("GET", "/api/v2/items")
    browser.done(look, items=[])
    working.work()
    (again,) = browser.tasks()
    assert again["http_method"] == "POST"
    browser.done(again, item={"id": 78})

    assert [(task.action, task.state) for task in rows(merchant, PluginTask)][:3] == [
        ("publish", StepState.TIMEOUT),
        ("find", StepState.COMPLETED),
        ("publish", StepState.COMPLETED),
    ]
    assert (listing_of(merchant).state, listing_of(merchant).external_id) == (ListingState.LIVE, "78")


def test_late_number_is_not_lost_while_a_withdrawal_runs(merchant, browser):
    from marketplaces.services.publishing import request_withdrawal

    item = begin(merchant)
    (late,) = browser.tasks()
    make_due(merchant)
    working.work()  # nobody answered: a look
    (look,) = browser.tasks()
    browser.done(look, items=[{"id": 7, "sku": item.sku}])
    with merchant_scope(merchant.pk):
        request_withdrawal([item], by=None)
    working.work()
    (gone,) = browser.tasks()
    assert gone["path"] == "/api/v2/items/7"

    assert browser.done(late, item={"id": 9}).json()["accepted"] is False
    browser.done(gone)
    working.work()

    (second,) = browser.tasks()
    assert (second["http_method"], second["path"]) == ("DELETE", "/api/v2/items/9")


def test_late_number_goes_beside_the_one_whose_withdrawal_waits(merchant, browser):
    from marketplaces.services.publishing import request_withdrawal

    item = begin(merchant)
    (late,) = browser.tasks()
    make_due(merchant)
    working.work()  # nobody answered: a look
    (look,) = browser.tasks()
    browser.done(look, items=[{"id": 7, "sku": item.sku}])
    with merchant_scope(merchant.pk):
        request_withdrawal([item], by=None)

    assert browser.done(late, item={"id": 9}).json()["accepted"] is False
    removed = []
    for _number in range(2):
        working.work()
        (removal,) = browser.tasks()
        removed.append((removal["http_method"], removal["path"]))
        assert listing_of(merchant).state == ListingState.WITHDRAWING
        browser.done(removal)
    working.work()

    assert removed == [("DELETE", "/api/v2/items/7"), ("DELETE", "/api/v2/items/9")]
    assert browser.tasks() == []
    assert listing_of(merchant).state == ListingState.WITHDRAWN


def test_browser_that_dies_after_doing_it_publishes_nothing_twice(merchant, browser):
    item = begin(merchant)
    browser.tasks()
    make_due(merchant)
    working.work()

    (look,) = browser.tasks()
    browser.done(look, items=[{"id": 90, "sku": item.sku}])

    assert (listing_of(merchant).state, listing_of(merchant).external_id) == (ListingState.LIVE, "90")
    assert [task.action for task in rows(merchant, PluginTask)].count("publish") == 1


def test_second_answer_changes_nothing(merchant, browser):
    begin(merchant)
    (task,) = browser.tasks()
    browser.done(task, item={"id": 77})
    before = rows(merchant, Job)[0].updated_at

    for response in (browser.done(task, item={"id": 77}), browser.failed(task, 500)):
        assert (response.status_code, response.json()) == (200, {"accepted": False, "state": "completed"})
    assert rows(merchant, Job)[0].updated_at == before
    assert len(rows(merchant, Job)) == 1
    assert rows(merchant, PluginTask)[0].late_answers == 2


def test_late_answer_changes_no_job_and_its_listing_goes(merchant, browser):
    item = begin(merchant)
    (late,) = browser.tasks()
    make_due(merchant)
    working.work()
    (look,) = browser.tasks()
    assert browser.done(late, item={"id": 66}).json() == {"accepted": False, "state": "timeout"}
    browser.done(look, items=[])
    working.work()
    (again,) = browser.tasks()
    browser.done(again, item={"id": 78})
    assert listing_of(merchant).external_id == "78"

    # The doubt leaves a job that looks once more, and takes the other one away.
    working.work()
    (look,) = browser.tasks()
    browser.done(look, items=[{"id": 66, "sku": item.sku}, {"id": 78, "sku": item.sku}])
    working.work()
    (removal,) = browser.tasks()

    assert (removal["http_method"], removal["path"]) == ("DELETE", "/api/v2/items/66")
    assert (listing_of(merchant).state, listing_of(merchant).external_id) == (ListingState.LIVE, "78")


def test_late_answer_after_the_listing_was_given_up_takes_it_away(merchant, browser):
    begin(merchant)
    (late,) = browser.tasks()
    with merchant_scope(merchant.pk):
        Job.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    make_due(merchant)
    working.work()
    (look,) = browser.tasks()
    browser.done(look, items=[])
    working.work()
    assert listing_of(merchant).state == ListingState.WITHDRAWN
    assert browser.done(late, item={"id": 66}).json()["accepted"] is False
    working.work()

    (removal,) = browser.tasks()
    assert (removal["http_method"], removal["path"]) == ("DELETE", "/api/v2/items/66")
    browser.done(removal)
    assert listing_of(merchant).state == ListingState.WITHDRAWN


def test_answer_for_another_merchants_task_is_not_found(merchant, browser):
    begin(merchant)
    (task,) = browser.tasks()
    other = make_merchant()
    stranger = Browser(other)

    response = stranger.done(task, item={"id": 1})

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert stranger.tasks() == []
    assert rows(merchant, PluginTask)[0].state == StepState.PROCESSING
    assert rows(merchant, Job)[0].state == JobState.RUNNING


def test_answer_for_another_browsers_task_is_refused(merchant, browser):
    begin(merchant)
    (task,) = browser.tasks()

    response = Browser(merchant).done(task, item={"id": 1})

    assert (response.status_code, response.json()["code"]) == (409, "task_not_yours")
    assert rows(merchant, Job)[0].state == JobState.RUNNING


def test_answer_for_a_task_nobody_has_taken_is_refused(merchant, browser):
    begin(merchant)
    (task,) = rows(merchant, PluginTask)

    assert browser.done({"id": str(task.public_id)}, item={"id": 1}).status_code == 409
    assert browser.done({"id": str(uuid.uuid4())}).status_code == 404
    assert rows(merchant, PluginTask)[0].state == StepState.PENDING


@pytest.mark.parametrize(
    "status, message",
    [(401, ""), (403, ""), (200, "captcha"), (403, "<html>DataDome"), (None, "please solve the challenge")],
)
def test_session_that_is_over_or_a_captcha_stops_the_queue_and_asks_the_merchant(merchant, browser, status, message):
    begin(merchant)
    (task,) = browser.tasks()
    browser.failed(task, status, message)

    (queue,) = rows(merchant, ChannelQueue)
    assert (queue.stop_reason, queue.stopped_at is not None) == ("browser", True)
    assert rows(merchant, ChannelConnection)[0].state == "stopped"
    publish(merchant, make_item(merchant), channels=["vinted"])
    make_due(merchant)
    assert working.work() == 0
    assert browser.tasks() == []

    with merchant_scope(merchant.pk):
        connections.connect("vinted", by=make_user())
    make_due(merchant)
    assert working.work() == 2
    assert len(browser.tasks()) == 2


def test_refusal_in_the_browser_ends_the_job(merchant, browser):
    begin(merchant)
    (task,) = browser.tasks()
    browser.failed(task, 422, "title too short")

    (job,) = rows(merchant, Job)
    assert (job.state, job.last_error) == (JobState.FAILED, "title too short")
    assert listing_of(merchant).state == ListingState.FAILED


def test_answer_that_cannot_be_read_is_doubt(merchant, browser):
    begin(merchant)
    (task,) = browser.tasks()
    browser.done(task, nothing="here")
    make_due(merchant)
    working.work()

    (look,) = browser.tasks()
    assert look["http_method"] == "GET"


def test_heartbeat_renews_the_lease(merchant, browser):
    begin(merchant)
    (task,) = browser.tasks()
    with merchant_scope(merchant.pk):
        soon = timezone.now() + timedelta(seconds=1)
        PluginTask.objects.update(lease_until=soon)
    response = browser.client.post(
        "/api/v1/plugin/heartbeat/", {"tasks": [task["id"], str(uuid.uuid4())]}, format="json"
    )

    assert response.json() == {"held": 1, "has_pending_tasks": False}
    (row,) = rows(merchant, PluginTask)
    (job,) = rows(merchant, Job)
    assert row.lease_until == job.lease_until > soon


def test_messages_are_read_by_the_browser(merchant, browser):
    with merchant_scope(merchant.pk):
        requests.request(JobKind.MESSAGES, "vinted", by=make_user())
    working.work()
    (task,) = browser.tasks()
    browser.done(task, messages=[{"id": 1, "from": "Awa", "body": "Bonjour"}], next="2")

    assert [(row.sender, row.text) for row in rows(merchant, BuyerMessage)] == [("Awa", "Bonjour")]
    assert rows(merchant, ChannelQueue)[0].messages_cursor == "2"


def test_poll_waits_without_a_transaction_and_without_a_connection(merchant, browser):
    seen = []

    def pause(seconds):
        seen.append((seconds, connection.in_atomic_block and not is_test_block()))
        if len(seen) == 2:
            begin(merchant)

    caller = devices.recognise(browser.token)
    tasks = plugin.wait_for_tasks(caller, seconds=30, limit=10, pause=pause)

    assert len(tasks) == 1
    assert [held for _, held in seen] == [False, False]
    assert seen[0][0] == 0.25 < seen[1][0]


def is_test_block():
    return all(block._from_testcase for block in connection.atomic_blocks)


@pytest.mark.django_db(transaction=True)
def test_poll_holds_no_connection():
    merchant = make_merchant()
    browser = Browser(merchant)
    held = []
    plugin.wait_for_tasks(
        devices.recognise(browser.token),
        seconds=0.05,
        limit=1,
        pause=lambda _: (held.append(connection.connection), threading.Event().wait(0.06)),
    )

    assert held == [None]


@pytest.mark.parametrize("token", ["", "ttp_", "ttp_1_x", "ttp_1_", "ttp_x_y", "ttp_99999999999999999999_y", "ttp_²_x"])
def test_wrong_token_is_refused(token):
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}".encode().decode("latin-1"))
    assert client.get("/api/v1/plugin/tasks/").status_code == 401


def test_person_is_no_browser(api):
    response = api(make_user()).get("/api/v1/plugin/tasks/")
    assert (response.status_code, response.json()["code"]) == (403, "device_required")


def test_devices_are_added_shown_once_and_revoked(api, django_assert_max_num_queries):
    owner = make_user()
    merchant = make_merchant(owner=owner)
    viewer = make_member(merchant, MemberRole.VIEWER)
    headers = {"X-Merchant": str(merchant.public_id)}
    client = api(owner)
    made = client.post("/api/v1/plugin/devices/", {"name": "Chrome"}, format="json", headers=headers)
    assert made.status_code == 201
    token = made.json()["token"]
    browser = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert browser.get("/api/v1/plugin/tasks/").status_code == 200

    (shown,) = client.get("/api/v1/plugin/devices/", headers=headers).json()["results"]
    assert set(shown) == {"id", "name", "last_seen_at", "created_at"}
    assert token.encode() not in bytes(rows(merchant, PluginDevice)[0].token_hash)
    assert api(viewer).delete(f"/api/v1/plugin/devices/{shown['id']}/", headers=headers).status_code == 403
    assert browser.get("/api/v1/plugin/tasks/").status_code == 200
    assert client.delete(f"/api/v1/plugin/devices/{shown['id']}/", headers=headers).status_code == 204
    assert browser.get("/api/v1/plugin/tasks/").status_code == 401
    assert client.get("/api/v1/plugin/devices/", headers=headers).json()["results"] == []


def test_number_of_another_listing_is_no_answer(merchant, browser):
    begin(merchant)
    (task,) = browser.tasks()
    assert browser.done(task, item={"id": 77}).json()["accepted"] is True
    second = begin(merchant)
    (task,) = browser.tasks()

    response = browser.done(task, item={"id": 77})

    assert response.status_code == 200, response.content
    (listing,) = rows(merchant, Listing, item=second)
    assert (listing.state, listing.external_id) == (ListingState.PENDING, "")
    (job,) = rows(merchant, Job, listing=listing)
    assert (job.state, job.last_error_code, job.memo["doubt"]) == (JobState.PENDING, "number_taken", True)


def switch(merchant, on):
    with merchant_scope(merchant.pk):
        update_merchant(merchant, is_active=on, by=make_user())


def test_browser_of_a_merchant_who_is_switched_off_is_told_so(merchant, browser):
    item = begin(merchant)
    switch(merchant, on=False)
    seen = rows(merchant, PluginDevice)[0].last_seen_at

    for answer in (
        browser.client.get("/api/v1/plugin/tasks/", {"timeout": 20}),
        browser.client.post("/api/v1/plugin/heartbeat/", {"tasks": []}, format="json"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "merchant_inactive")
    assert rows(merchant, PluginTask)[0].state == StepState.PENDING
    assert rows(merchant, PluginDevice)[0].last_seen_at == seen

    switch(merchant, on=True)
    assert browser.tasks() == []
    working.work()
    (look,) = browser.tasks()
    browser.done(look, items=[])
    make_due(merchant)
    working.work()
    (task,) = browser.tasks()
    browser.done(task, item={"id": 5})
    listing = listing_of(merchant)
    assert (listing.item_id, listing.state, listing.external_id) == (item.pk, ListingState.LIVE, "5")


def test_answer_of_a_task_in_hand_still_counts_when_its_merchant_was_switched_off(merchant, browser):
    begin(merchant)
    (task,) = browser.tasks()
    switch(merchant, on=False)

    assert browser.done(task, item={"id": 77}).json() == {"accepted": True, "state": "completed"}

    listing = listing_of(merchant)
    assert (listing.state, listing.external_id) == (ListingState.WITHDRAWING, "77")


def remove(merchant, user):
    with merchant_scope(merchant.pk):
        remove_member(Membership.objects.get(user=user), by=make_user())


def demote(merchant, user):
    with merchant_scope(merchant.pk):
        change_role(Membership.objects.get(user=user), MemberRole.VIEWER, by=make_user())


def disable(merchant, user):
    switch_user(user, is_active=False, by=make_user(Role.ADMIN))


def erase(merchant, user):
    anonymise_user(user, by=make_user(Role.ADMIN))


@pytest.mark.parametrize("end", [remove, demote, disable, erase])
def test_browser_goes_with_the_right_to_act_of_whoever_added_it(merchant, browser, end):
    item = begin(merchant)
    (task,) = browser.tasks()
    colleague = Browser(merchant)
    assert colleague.tasks() == []

    end(merchant, browser.user)

    for answer in (
        browser.client.get("/api/v1/plugin/tasks/"),
        browser.client.post("/api/v1/plugin/heartbeat/", {"tasks": [task["id"]]}, format="json"),
        browser.done(task, item={"id": 77}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")
    with pytest.raises(DeviceRevoked):
        plugin.take(Caller(merchant.pk, browser.device.pk), limit=1)
    # What it had in hand is in doubt: another browser looks, at once.
    working.work()
    (look,) = colleague.tasks()
    assert (look["http_method"], look["path"]) == ("GET", "/api/v2/items")
    colleague.done(look, items=[{"id": 77, "sku": item.sku}])
    assert (listing_of(merchant).state, listing_of(merchant).external_id) == (ListingState.LIVE, "77")


def test_browser_of_an_account_that_is_switched_on_again_is_its_own_again(merchant, browser):
    admin = make_user(Role.ADMIN)
    switch_user(browser.user, is_active=False, by=admin)
    assert browser.client.get("/api/v1/plugin/tasks/").status_code == 401

    switch_user(browser.user, is_active=True, by=admin)

    assert browser.tasks() == []


@pytest.mark.parametrize("end", [remove, demote, erase])
def test_browser_of_who_came_back_is_added_anew(merchant, browser, end):
    end(merchant, browser.user)

    (device,) = rows(merchant, PluginDevice)
    assert device.revoked_at is not None
    with merchant_scope(merchant.pk):
        Membership.objects.update_or_create(user=browser.user, merchant=merchant, defaults={"role": MemberRole.OWNER})
    assert browser.client.get("/api/v1/plugin/tasks/").status_code == 401


def test_browsers_of_others_stay_when_a_member_leaves(merchant, browser):
    other = Browser(merchant)
    remove(merchant, other.user)

    assert browser.tasks() == []


def test_revoked_browsers_task_is_free_at_once(merchant, browser):
    begin(merchant)
    (task,) = browser.tasks()
    with merchant_scope(merchant.pk):
        devices.revoke_device(browser.device, by=browser.user)
    working.work()

    assert browser.done(task, item={"id": 77}).status_code == 401
    assert [row["http_method"] for row in Browser(merchant).tasks()] == ["GET"]

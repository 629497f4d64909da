"""Quotas hold when many ask at once, without the merchant's lock they do not; nobody locks anybody else out."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.tests.factories import make_user
from common.unit_of_work import unit_of_work
from marketplaces.channels.base import ListingStatus, RemoteListing
from marketplaces.enums import JobKind, JobState, ListingState, MemberRole
from marketplaces.erasure import leave_all, owns_something
from marketplaces.exceptions import LastOwner
from marketplaces.models import ChannelQueue, Item, Job, Listing, Membership, Merchant
from marketplaces.services import foreign, items, members, quotas
from marketplaces.services.jobs import queue, requests, running, sweeping, working
from marketplaces.services.jobs.handlers import HANDLERS, syncing
from marketplaces.services.jobs.queue import Claimed
from marketplaces.services.locks import lock_merchant
from marketplaces.services.members import remove_member
from marketplaces.services.merchants import update_merchant
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import make_category, make_condition, make_item, make_merchant, make_plan
from marketplaces.tests.jobs_world import connected, publish, rows
from tests.threads import Beside, await_a_lock, run_together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.DATABASE_STAFF_LOGIN, reason="SQLite has one writer at a time"),
]
PEOPLE = 8
LIMIT = 3


@pytest.fixture
def everybody_counts_first(monkeypatch):
    """Without the lock, and nobody writes before all have counted."""
    all_counted = threading.Barrier(PEOPLE)
    count = quotas.items_used

    def count_and_wait():
        used = count()
        all_counted.wait(timeout=60)
        return used

    def only_read():
        from marketplaces.models import Merchant

        return Merchant.objects.select_related("plan").get()

    monkeypatch.setattr(quotas, "items_used", count_and_wait)
    monkeypatch.setattr(items, "lock_active_merchant", only_read)


def create_together():
    merchant = make_merchant(owner=make_user(), plan=make_plan(items=LIMIT))
    category, condition, owner = make_category(), make_condition(), make_user()

    def create(number):
        with merchant_scope(merchant.pk):
            items.create_item(
                title=f"Crème {number}", price=1, quantity=1, category=category, condition=condition, by=owner
            )
        return "created"

    answers = run_together(PEOPLE, create)
    with merchant_scope(merchant.pk):
        return sorted(str(answer) for answer in answers), Item.objects.count()


def test_without_the_lock_the_quota_is_overrun(everybody_counts_first):
    assert create_together() == (["created"] * PEOPLE, PEOPLE)


def test_quota_holds_when_many_ask_at_once():
    answers, kept = create_together()

    assert kept == LIMIT
    assert answers == ["created"] * LIMIT + ["quota_exceeded"] * (PEOPLE - LIMIT)


def test_last_two_owners_who_leave_at_once_leave_one(api):
    owner, other = make_user(), make_user()
    merchant = make_merchant(owner=owner)
    with merchant_scope(merchant.pk):
        lock_merchant()
        Membership.objects.create(merchant=merchant, user=other, role=MemberRole.OWNER)
    clients = [api(owner), api(other)]
    url = f"/api/v1/merchants/{merchant.public_id}/members/"

    answers = run_together(2, lambda number: clients[number].delete(f"{url}{(owner, other)[number].pk}/").status_code)

    assert sorted(answers) == [204, 409]
    with merchant_scope(merchant.pk):
        assert Membership.objects.filter(role=MemberRole.OWNER).count() == 1


def erase_while_the_other_owner_leaves(meanwhile):
    """Of two owners one is erased; once it was asked whether they are needed, the other one leaves. Who is left."""
    owner, other = make_user(), make_user()
    merchant = make_merchant(owner=owner)
    with merchant_scope(merchant.pk):
        Membership.objects.create(merchant=merchant, user=other, role=MemberRole.OWNER)

    def leave():
        with merchant_scope(merchant.pk):
            remove_member(Membership.objects.get(user=other), by=other)

    with unit_of_work():
        assert not owns_something(owner.pk)
        second = Beside(leave)
        meanwhile(second)
        leave_all(owner.pk)
    left = second.result()
    with merchant_scope(merchant.pk):
        return left, list(Membership.objects.values_list("user_id", flat=True)), other


def test_without_the_lock_nobody_is_left(monkeypatch):
    monkeypatch.setattr(members, "is_needed", lambda user_id: False)

    left, owners, _other = erase_while_the_other_owner_leaves(lambda second: second.result())

    assert (left, owners) == (None, [])


def test_owner_stays_when_the_other_one_is_erased_meanwhile():
    left, owners, other = erase_while_the_other_owner_leaves(lambda second: await_a_lock())

    assert (type(left), owners) == (LastOwner, [other.pk])


class Conclusion:
    """The end of a reading of orders, held up while its job is locked and its row says still that it runs."""

    def __init__(self, monkeypatch, claimed):
        begun = running._begin(claimed)
        page = running._call(claimed, begun)
        handler = type(HANDLERS[JobKind.ORDERS])
        conclude = handler.conclude
        began, self._go_on = threading.Event(), threading.Event()

        def conclude_later(*args):
            began.set()
            assert self._go_on.wait(60)
            return conclude(*args)

        monkeypatch.setattr(handler, "conclude", conclude_later)
        self._worker = Beside(lambda: running._end(claimed, begun, page))
        assert began.wait(60)

    def result(self):
        self._go_on.set()
        return self._worker.result()


@pytest.mark.parametrize("first_by", ["poll", "person"])
def test_reading_asked_for_while_the_open_one_ends_is_another_one(api, fakes, monkeypatch, first_by):
    owner = make_user()
    merchant = connected(owner=owner)
    with merchant_scope(merchant.pk):
        first = queue.enqueue(JobKind.ORDERS, channel="ebay", by=owner if first_by == "person" else None, call=False)
    ends = Conclusion(monkeypatch, queue.claim())
    client = api(owner)
    headers = {"X-Merchant": str(merchant.public_id)}

    person = Beside(lambda: client.post("/api/v1/channels/ebay/orders/", headers=headers))
    await_a_lock()
    assert ends.result() is None

    answer = person.result()
    assert answer.status_code == 202
    (job,) = rows(merchant, Job, state=JobState.PENDING)
    assert (str(job.public_id), job.requested_by_id) == (answer.json()["id"], owner.pk)
    assert job.pk != first.pk


def test_claim_passes_over_a_job_that_somebody_changes(fakes, monkeypatch):
    merchant = connected()
    item = make_item(merchant, quantity=5)
    publish(merchant, item)
    working.work()
    with merchant_scope(merchant.pk):
        items.update_item(item, {"quantity": 4}, by=None)
    (job,) = rows(merchant, Job, kind=JobKind.UPDATE)
    holds_job, go_on, wake = threading.Event(), threading.Event(), queue.wake

    def wake_later(*args, **kwargs):
        holds_job.set()
        assert go_on.wait(60)
        return wake(*args, **kwargs)

    monkeypatch.setattr(queue, "wake", wake_later)

    def change():
        with merchant_scope(merchant.pk):
            return items.update_item(item, {"quantity": 3}, by=None).quantity

    person = Beside(change)
    assert holds_job.wait(60)
    try:
        assert queue.claim() is None
    finally:
        go_on.set()

    assert person.result() == 3
    assert queue.claim() == Claimed(merchant.pk, job.pk, 1)


def test_sweep_and_the_end_of_a_reading_do_not_lock_each_other_out(fakes, monkeypatch):
    merchant = connected()
    with merchant_scope(merchant.pk):
        first = queue.enqueue(JobKind.ORDERS, channel="ebay", by=None, call=False)
    ends = Conclusion(monkeypatch, queue.claim())
    with merchant_scope(merchant.pk):
        # It took longer than from one poll to the next.
        ChannelQueue.objects.update(orders_at=timezone.now() - timedelta(seconds=1))

    sweep = Beside(sweeping.poll_orders)
    await_a_lock()

    assert (ends.result(), sweep.result()) == (None, 1)
    (job,) = rows(merchant, Job)
    assert (job.kind, job.state, job.pk != first.pk) == (JobKind.ORDERS, JobState.PENDING, True)
    assert rows(merchant, ChannelQueue)[0].orders_at > timezone.now()


def adopted_while_switched_off(monkeypatch, books, meanwhile):
    """A reading is about to adopt a listing when its merchant is switched off; what becomes of the listing."""
    merchant = connected()
    item = make_item(merchant)
    books.listed[merchant.pk] = [RemoteListing("E-1", item.sku, "Crème", ListingStatus.LIVE, 3)]
    with merchant_scope(merchant.pk):
        requests.request(JobKind.SYNC, "ebay", by=make_user())
    claimed = queue.claim()
    begun = running._begin(claimed)
    page = running._call(claimed, begun)
    adopt, about_to, go_on = foreign.adopt, threading.Event(), threading.Event()

    def adopt_later(*args):
        about_to.set()
        assert go_on.wait(60)
        return adopt(*args)

    def switch_off():
        with merchant_scope(merchant.pk):
            update_merchant(merchant, is_active=False, by=make_user())

    monkeypatch.setattr(foreign, "adopt", adopt_later)
    worker = Beside(lambda: running._end(claimed, begun, page))
    assert about_to.wait(60)
    staff = Beside(switch_off)
    meanwhile(staff)
    go_on.set()
    assert (worker.result(), staff.result()) == (None, None)
    return [(row.state, row.last_error_code) for row in rows(merchant, Listing)]


def test_what_is_adopted_while_its_merchant_is_switched_off_leaves_again(ebay, monkeypatch):
    left = adopted_while_switched_off(monkeypatch, ebay, lambda staff: await_a_lock())

    assert left == [(ListingState.WITHDRAWING, "merchant_inactive")]


def test_without_the_lock_it_is_live_for_a_merchant_who_is_off(ebay, monkeypatch):
    monkeypatch.setattr(syncing, "lock_merchant", lambda: Merchant.objects.select_related("plan").get())
    left = adopted_while_switched_off(monkeypatch, ebay, lambda staff: staff.result())

    assert left == [(ListingState.LIVE, "")]

"""A merchant who is switched off: off the channels, nothing new, orders still read; and everything back afterwards."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.tests.factories import make_user
from marketplaces.channels.base import Outcome, Result
from marketplaces.enums import JobKind, JobState, ListingState, OrderState
from marketplaces.exceptions import MerchantInactive
from marketplaces.models import ChannelQueue, Item, Job, Listing, Merchant, Order
from marketplaces.services import items, publishing
from marketplaces.services.jobs import queue, requests, running, sweeping, working
from marketplaces.services.merchants import update_merchant
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import (
    make_category,
    make_condition,
    make_item,
    make_listing,
    make_plan,
)
from marketplaces.tests.jobs_world import bought, connected, make_due, publish, rows, state_of
from marketplaces.trouble import in_words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fakes")]

BOTH = ("ebay", "etsy")


@pytest.fixture
def merchant():
    return connected()


def switch(merchant, on):
    with merchant_scope(merchant.pk):
        update_merchant(merchant, is_active=on, by=make_user())


def live(merchant, *many, channels=BOTH):
    publish(merchant, *many, channels=channels)
    working.work()


def read_orders(merchant):
    with merchant_scope(merchant.pk):
        ChannelQueue.objects.filter(orders_at__isnull=False).update(orders_at=timezone.now())
    sweeping.poll_orders()
    working.work()


def test_switched_off_everything_leaves_and_comes_back(merchant, ebay, etsy):
    both, one, withdrawn, failed = (make_item(merchant) for _number in range(4))
    live(merchant, both)
    live(merchant, one, withdrawn, channels=["etsy"])
    with merchant_scope(merchant.pk):
        publishing.request_withdrawal([withdrawn], by=None)
    ebay.instead["publish"] = [Result(Outcome.REFUSED, reason="bad")]
    live(merchant, failed, channels=["ebay"])

    switch(merchant, on=False)
    working.work()

    assert (ebay.skus(merchant.pk), etsy.skus(merchant.pk)) == ([], [])
    listed = rows(merchant, Listing, item__in=[both, one])
    assert {(row.state, row.last_error_code) for row in listed} == {(ListingState.WITHDRAWN, "merchant_inactive")}
    assert {in_words(row.last_error_code, row.last_error) for row in listed} == {"Retirée : le marchand est désactivé."}

    switch(merchant, on=True)
    working.work()

    assert ebay.skus(merchant.pk) == [both.sku]
    assert etsy.skus(merchant.pk) == sorted([both.sku, one.sku])
    assert {row.last_error_code for row in rows(merchant, Listing, item__in=[both, one])} == {""}
    assert state_of(merchant, withdrawn, "etsy") == ListingState.WITHDRAWN
    assert state_of(merchant, failed) == ListingState.FAILED


def test_switched_off_nothing_is_put_on_sale(merchant, ebay):
    item, user = make_item(merchant), make_user()
    switch(merchant, on=False)
    given = {"title": "Crème", "price": 100, "quantity": 1, "category": make_category(), "condition": make_condition()}
    for attempt in (
        lambda: publishing.request_publication([item], ["ebay"], by=user),
        lambda: items.create_item(**given, by=user),
        lambda: requests.request(JobKind.SYNC, "ebay", by=user),
    ):
        with pytest.raises(MerchantInactive), merchant_scope(merchant.pk):
            attempt()

    assert (rows(merchant, Job), rows(merchant, Listing), len(rows(merchant, Item))) == ([], [], 1)
    assert ebay.calls == []


def test_jobs_that_wait_are_not_claimed_until_it_goes_on(merchant, ebay):
    publish(merchant, make_item(merchant))
    with merchant_scope(merchant.pk):
        requests.request(JobKind.SYNC, "ebay", by=make_user())
    switch(merchant, on=False)

    working.work()

    assert [call[0] for call in ebay.calls] == []
    assert {job.kind: job.state for job in rows(merchant, Job)} == {
        JobKind.PUBLISH: JobState.PENDING,
        JobKind.SYNC: JobState.PENDING,
        JobKind.DELETE: JobState.COMPLETED,
    }
    make_due(merchant)
    assert queue.claim() is None
    switch(merchant, on=True)
    working.work()
    assert sorted(call[0] for call in ebay.calls) == ["publish", "sync"]


def test_publication_under_way_is_taken_away_again(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    claimed = queue.claim()
    begun = running._begin(claimed)
    switch(merchant, on=False)

    running._end(claimed, begun, running._call(claimed, begun))
    make_due(merchant)
    working.work()

    assert ebay.skus(merchant.pk) == []
    assert state_of(merchant, item) == ListingState.WITHDRAWN


def test_orders_are_read_and_what_is_sold_does_not_come_back(merchant, ebay, etsy):
    sold, kept = make_item(merchant, quantity=1), make_item(merchant, quantity=1)
    live(merchant, sold, kept)
    ebay.orders[merchant.pk] = [bought(sold, "e-1")]
    etsy.orders[merchant.pk] = [bought(sold, "t-1")]
    switch(merchant, on=False)

    read_orders(merchant)

    assert sorted(order.state for order in rows(merchant, Order)) == [OrderState.CANCELLED, OrderState.FULFILLED]
    assert rows(merchant, Item, pk=sold.pk)[0].quantity == 0
    assert (ebay.skus(merchant.pk), etsy.skus(merchant.pk)) == ([], [])
    switch(merchant, on=True)
    working.work()
    assert (ebay.skus(merchant.pk), etsy.skus(merchant.pk)) == ([kept.sku], [kept.sku])
    assert {row.last_error_code for row in rows(merchant, Listing)} == {""}


def test_what_a_channel_will_not_let_go_of_is_kept_true(merchant, ebay):
    item = make_item(merchant, quantity=5)
    live(merchant, item, channels=["ebay"])
    ebay.instead["withdraw"] = [Result(Outcome.REFUSED, reason="locked")]
    switch(merchant, on=False)
    working.work()
    assert state_of(merchant, item) == ListingState.LIVE
    ebay.orders[merchant.pk] = [bought(item, "e-1", quantity=2)]

    read_orders(merchant)

    assert [goods.quantity for goods in ebay.live[merchant.pk].values()] == [3]


def test_switched_on_while_it_is_still_leaving_it_comes_back_when_it_is_out(merchant, ebay):
    item, unwanted = make_item(merchant), make_item(merchant)
    live(merchant, item, unwanted, channels=["ebay"])
    switch(merchant, on=False)
    switch(merchant, on=True)
    with merchant_scope(merchant.pk):
        publishing.request_withdrawal([unwanted], by=None)
    assert state_of(merchant, item) == ListingState.WITHDRAWING

    working.work()

    assert (state_of(merchant, item), state_of(merchant, unwanted)) == (ListingState.LIVE, ListingState.WITHDRAWN)
    assert ebay.skus(merchant.pk) == [item.sku]


def test_no_more_comes_back_than_the_plan_has_room_for(merchant, ebay):
    live(merchant, *(make_item(merchant) for _number in range(3)), channels=["ebay"])
    switch(merchant, on=False)
    working.work()
    with merchant_scope(merchant.pk):
        update_merchant(merchant, plan=make_plan(listings=2), by=make_user())

    switch(merchant, on=True)
    working.work()

    assert len(ebay.skus(merchant.pk)) == 2


def test_old_publication_that_is_asked_for_again_has_a_week_again(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    switch(merchant, on=False)
    working.work()
    with merchant_scope(merchant.pk):
        Job.objects.filter(kind=JobKind.PUBLISH).update(expires_at=timezone.now() - timedelta(days=1))

    switch(merchant, on=True)
    working.work()

    assert state_of(merchant, item) == ListingState.LIVE


def test_staff_cannot_try_a_publication_again(merchant, ebay):
    item = make_item(merchant)
    ebay.instead["publish"] = [Result(Outcome.REFUSED, reason="bad")]
    live(merchant, item, channels=["ebay"])
    switch(merchant, on=False)

    with pytest.raises(MerchantInactive), merchant_scope(merchant.pk):
        requests.retry(rows(merchant, Job)[0], by=make_user())

    assert rows(merchant, Job)[0].state == JobState.FAILED


def test_switching_twice_changes_nothing_more(merchant, ebay):
    live(merchant, make_item(merchant), channels=["ebay"])
    switch(merchant, on=False)
    switch(merchant, on=False)
    assert [job.kind for job in rows(merchant, Job)] == [JobKind.PUBLISH, JobKind.DELETE]
    with merchant_scope(merchant.pk):
        update_merchant(Merchant.objects.get(), name="Autre nom", by=make_user())
    assert [job.kind for job in rows(merchant, Job)] == [JobKind.PUBLISH, JobKind.DELETE]


def test_bystander_goes_on(merchant, ebay):
    other = connected()
    item = make_item(other)
    publish(other, item)
    switch(merchant, on=False)

    working.work()

    assert ebay.skus(other.pk) == [item.sku]


def _looks_into_the_catalogue(count):
    merchant, category, condition = connected(), make_category(), make_condition()
    for number in range(count):
        item = make_item(merchant, code=f"32827701{number:05}", category=category, condition=condition)
        make_listing(item, state=ListingState.WITHDRAWN, last_error_code=publishing.TAKEN_DOWN)
    with merchant_scope(merchant.pk):
        Merchant.objects.update(is_active=False)
    with CaptureQueriesContext(connection) as captured:
        switch(merchant, True)
    assert [row.state for row in rows(merchant, Listing)] == [ListingState.PENDING] * count
    return sum("searchentry" in query["sql"].lower() for query in captured.captured_queries)


def test_switching_on_asks_the_catalogue_once():
    assert (_looks_into_the_catalogue(1), _looks_into_the_catalogue(3)) == (1, 1)

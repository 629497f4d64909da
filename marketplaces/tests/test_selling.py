"""Orders of the channels, what exists there already, and jobs that people call off or try again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests.factories import make_user
from common.states import IllegalMove
from common.sweeping import sweep
from marketplaces.channels.base import Amount, ListingStatus, Outcome, RemoteLine, RemoteListing, Result
from marketplaces.enums import Channel, JobKind, JobState, ListingState, OrderState, OrderTask
from marketplaces.exceptions import ChannelCannot, QuotaExceeded
from marketplaces.models import (
    ChannelConnection,
    ChannelQueue,
    ForeignListing,
    Item,
    Job,
    JobTurn,
    Listing,
    Order,
    OrderLine,
)
from marketplaces.services import foreign, publishing, selling
from marketplaces.services.jobs import requests, sweeping, working
from marketplaces.signals import connection_moved
from marketplaces.tenancy import crossing, merchant_scope
from marketplaces.tests.factories import make_connection, make_item, make_listing, make_plan
from marketplaces.tests.jobs_world import bought, connected, make_due, publish, rows, state_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fakes")]


@pytest.fixture
def merchant():
    return connected()


def read_orders(merchant):
    with merchant_scope(merchant.pk):
        ChannelQueue.objects.filter(orders_at__isnull=False).update(orders_at=timezone.now())
    sweeping.poll_orders()
    working.work()


def quantity_of(merchant, item):
    return rows(merchant, Item, pk=item.pk)[0].quantity


def test_sold_item_leaves_every_other_channel_by_itself(merchant, ebay, etsy):
    item = make_item(merchant, quantity=1)
    publish(merchant, item, channels=["ebay", "etsy"])
    working.work()
    assert (ebay.skus(merchant.pk), etsy.skus(merchant.pk)) == ([item.sku], [item.sku])
    ebay.orders[merchant.pk] = [bought(item, "e-1")]

    read_orders(merchant)

    (order,) = rows(merchant, Order)
    assert (order.state, order.task) == (OrderState.FULFILLED, OrderTask.SHIP)
    assert quantity_of(merchant, item) == 0
    assert (ebay.skus(merchant.pk), etsy.skus(merchant.pk)) == ([], [])
    assert {state_of(merchant, item, channel) for channel in ("ebay", "etsy")} == {ListingState.SOLD_OUT}


def test_one_unit_sold_on_two_channels_within_a_second(merchant, ebay, etsy):
    item = make_item(merchant, quantity=1)
    publish(merchant, item, channels=["ebay", "etsy"])
    working.work()
    ebay.orders[merchant.pk] = [bought(item, "e-1")]
    etsy.orders[merchant.pk] = [bought(item, "t-1")]

    read_orders(merchant)

    orders = rows(merchant, Order)
    assert sorted((order.state, order.task) for order in orders) == [
        (OrderState.CANCELLED, OrderTask.CANCEL_ON_CHANNEL),
        (OrderState.FULFILLED, OrderTask.SHIP),
    ]
    assert quantity_of(merchant, item) == 0
    assert (ebay.skus(merchant.pk), etsy.skus(merchant.pk)) == ([], [])


def test_order_is_taken_once_however_often_it_is_read(merchant, ebay):
    item = make_item(merchant, quantity=5)
    publish(merchant, item)
    working.work()
    order = bought(item, "e-1", quantity=2)
    ebay.orders[merchant.pk] = [order, order]

    read_orders(merchant)
    with merchant_scope(merchant.pk):
        assert selling.take_order("ebay", order) is False
        ChannelQueue.objects.update(orders_cursor="")
    read_orders(merchant)

    assert len(rows(merchant, Order)) == 1
    assert quantity_of(merchant, item) == 3
    assert next(iter(ebay.live[merchant.pk].values())).quantity == 3


def test_reading_that_finds_nothing_leaves_no_trace(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    working.work()
    read_orders(merchant)

    assert [job.kind for job in rows(merchant, Job)] == [JobKind.PUBLISH]
    assert [call[0] for call in ebay.calls] == ["publish", "orders"]


def test_order_that_is_not_paid_takes_nothing_and_comes_again(merchant, ebay):
    item = make_item(merchant, quantity=1)
    publish(merchant, item)
    working.work()
    ebay.orders[merchant.pk] = [bought(item, "e-1", is_paid=False)]
    read_orders(merchant)
    assert [(row.state, row.task) for row in rows(merchant, Order)] == [(OrderState.RECEIVED, OrderTask.NONE)]
    assert (quantity_of(merchant, item), rows(merchant, ChannelQueue)[0].orders_cursor) == (1, "")

    ebay.orders[merchant.pk] = [bought(item, "e-1")]
    read_orders(merchant)

    assert [(row.state, row.task) for row in rows(merchant, Order)] == [(OrderState.FULFILLED, OrderTask.SHIP)]
    assert (quantity_of(merchant, item), rows(merchant, ChannelQueue)[0].orders_cursor) == (0, "1")


def test_cancelled_order_gives_its_pieces_back(merchant, ebay):
    item = make_item(merchant, quantity=2)
    with merchant_scope(merchant.pk):
        selling.take_order("ebay", bought(item, "e-1", quantity=2))
    assert quantity_of(merchant, item) == 0
    with merchant_scope(merchant.pk):
        selling.take_order("ebay", bought(item, "e-1", quantity=2, is_cancelled=True))
        selling.take_order("ebay", bought(item, "e-1", quantity=2, is_cancelled=True))

    assert quantity_of(merchant, item) == 2
    assert [(row.state, row.task) for row in rows(merchant, Order)] == [(OrderState.CANCELLED, OrderTask.NONE)]


def test_order_of_something_unknown_asks_the_merchant_what_it_is(merchant):
    item = make_item(merchant)
    order = bought(item, "e-1")
    with merchant_scope(merchant.pk):
        Item.objects.filter(pk=item.pk).update(sku="ANOTHER")
        selling.take_order("ebay", order)

    assert [(row.state, row.task) for row in rows(merchant, Order)] == [(OrderState.RECEIVED, OrderTask.IDENTIFY)]


def test_known_line_of_an_order_with_an_unknown_one_leaves_the_other_channels(merchant, ebay, etsy):
    item = make_item(merchant, quantity=1)
    publish(merchant, item, channels=["ebay", "etsy"])
    working.work()
    order = bought(item, "e-1")
    unknown = RemoteLine("2", "THEIRS", "", "À la main", 1, Amount(500, "EUR"))
    ebay.orders[merchant.pk] = [replace(order, lines=(*order.lines, unknown))]

    read_orders(merchant)

    assert [(row.state, row.task) for row in rows(merchant, Order)] == [(OrderState.RECEIVED, OrderTask.IDENTIFY)]
    assert quantity_of(merchant, item) == 0
    assert (ebay.skus(merchant.pk), etsy.skus(merchant.pk)) == ([], [])


@pytest.mark.parametrize("paid", [True, False])
def test_orders_with_long_numbers_are_told_apart_and_taken_once(merchant, ebay, paid):
    item = make_item(merchant, quantity=9)
    publish(merchant, item)
    working.work()
    orders = [bought(item, "9" * 150 + end, is_paid=paid) for end in "ab"]
    ebay.orders[merchant.pk] = orders

    read_orders(merchant)
    with merchant_scope(merchant.pk):
        for order in orders:
            selling.take_order("ebay", replace(order, is_paid=True))

    assert [(order.state, len(order.external_id)) for order in rows(merchant, Order)] == [
        (OrderState.FULFILLED, 80)
    ] * 2
    assert quantity_of(merchant, item) == 7
    assert [job.state for job in rows(merchant, Job, kind=JobKind.ORDERS)] == [JobState.COMPLETED]


@pytest.mark.parametrize(
    "names", [["7", "7", "7"], ["1", "", ""], ["9" * 200, "9" * 200, "9" * 199], ["7", "7 (2)", "7"]]
)
def test_lines_without_a_name_of_their_own_are_all_taken(merchant, ebay, names):
    item = make_item(merchant, quantity=9)
    publish(merchant, item)
    working.work()
    (line,) = bought(item, "e-1").lines
    ebay.orders[merchant.pk] = [bought(item, "e-1", lines=tuple(replace(line, external_id=name) for name in names))]

    read_orders(merchant)

    (order,) = rows(merchant, Order)
    assert (order.state, quantity_of(merchant, item)) == (OrderState.FULFILLED, 6)
    assert len({row.external_id for row in rows(merchant, OrderLine)}) == 3


def test_buffer_of_a_channel_is_never_offered(merchant, ebay, etsy):
    item = make_item(merchant, quantity=3, stock_buffers={"etsy": 2})
    publish(merchant, item, channels=["ebay", "etsy"])
    working.work()
    assert [goods.quantity for goods in ebay.live[merchant.pk].values()] == [3]
    assert [goods.quantity for goods in etsy.live[merchant.pk].values()] == [1]
    ebay.orders[merchant.pk] = [bought(item, "e-1")]

    read_orders(merchant)

    assert [goods.quantity for goods in ebay.live[merchant.pk].values()] == [2]
    assert etsy.skus(merchant.pk) == []


def test_sync_adopts_what_it_knows_and_lists_what_it_does_not(merchant, ebay):
    known, ended = make_item(merchant), make_item(merchant)
    make_listing(ended, Channel.EBAY, external_id="E-2", state=ListingState.LIVE)
    price = Amount(990, "EUR")
    ebay.listed[merchant.pk] = [
        RemoteListing("E-1", known.sku, "Crème", ListingStatus.LIVE, 3),
        RemoteListing("E-2", ended.sku, "", ListingStatus.ENDED, 0),
        RemoteListing("E-3", "", "À la main", ListingStatus.LIVE, 4, price=price, url="https://example.org/3"),
    ]
    with merchant_scope(merchant.pk):
        requests.request(JobKind.SYNC, "ebay", by=make_user())

    working.work(seconds=5)

    job = rows(merchant, Job, kind=JobKind.SYNC)[0]
    assert (job.state, job.done) == (JobState.COMPLETED, 2)
    assert job.result == {"adopted": 1, "ended": 1, "foreign": 1, "known": 0, "seen": 3}
    assert (state_of(merchant, known), state_of(merchant, ended)) == (ListingState.LIVE, ListingState.WITHDRAWN)
    (found,) = rows(merchant, ForeignListing)
    assert (found.external_id, found.title, found.quantity, found.price) == ("E-3", "À la main", 4, 990)


def test_sync_passes_over_what_has_no_number_or_is_another_items(merchant, ebay):
    linked, other = make_item(merchant), make_item(merchant)
    make_listing(linked, Channel.EBAY, state=ListingState.LIVE, external_id="E-9")
    ebay.listed[merchant.pk] = [
        RemoteListing("", "THEIRS", "Brouillon", ListingStatus.DRAFT, 1, offer_id="17"),
        RemoteListing("E-9", other.sku, "", ListingStatus.LIVE, 1),
    ]
    with merchant_scope(merchant.pk):
        requests.request(JobKind.SYNC, "ebay", by=make_user())

    working.work(seconds=5)

    (job,) = rows(merchant, Job, kind=JobKind.SYNC)
    assert (job.state, job.result["known"]) == (JobState.COMPLETED, 2)
    assert rows(merchant, ForeignListing) == []


def test_foreign_listing_becomes_an_items_own(merchant, ebay):
    item, user = make_item(merchant), make_user()
    ebay.listed[merchant.pk] = [RemoteListing("E-3", "", "À la main", ListingStatus.LIVE, 4)]
    with merchant_scope(merchant.pk):
        requests.request(JobKind.SYNC, "ebay", by=user)
    working.work()
    (found,) = rows(merchant, ForeignListing)

    with merchant_scope(merchant.pk):
        listing = foreign.link(found, item, by=user)
    with pytest.raises(IllegalMove), merchant_scope(merchant.pk):
        foreign.link(found, item, by=user)

    assert (listing.external_id, listing.state) == ("E-3", ListingState.LIVE)
    assert [job.kind for job in rows(merchant, Job, listing=listing)] == [JobKind.UPDATE]


def test_quota_of_jobs_counts_what_people_ask_for(ebay):
    merchant = connected(plan=make_plan(jobs_per_day=2))
    user = make_user()
    first, second = make_item(merchant), make_item(merchant)
    publish(merchant, first, second, by=user)

    with pytest.raises(QuotaExceeded):
        publish(merchant, make_item(merchant), by=user)
    with pytest.raises(QuotaExceeded), merchant_scope(merchant.pk):
        requests.request(JobKind.SYNC, "ebay", by=user)

    assert len(rows(merchant, Job)) == 2
    publish(merchant, make_item(merchant))
    assert len(rows(merchant, Job)) == 3


def test_quota_of_jobs_counts_what_members_try_again(ebay):
    owner = make_user()
    merchant = connected(owner=owner, plan=make_plan(jobs_per_day=3))
    publish(merchant, make_item(merchant), by=owner)
    (job,) = rows(merchant, Job)

    def fail_and_retry(by):
        ebay.instead["publish"] = [Result(Outcome.REFUSED, reason="bad_sku")]
        make_due(merchant)
        working.work()
        with merchant_scope(merchant.pk):
            requests.retry(job, by=by)
            return requests.jobs_today()

    assert [fail_and_retry(owner), fail_and_retry(owner)] == [2, 3]
    with pytest.raises(QuotaExceeded):
        fail_and_retry(owner)
    assert rows(merchant, Job)[0].state == JobState.FAILED
    assert fail_and_retry(make_user()) == 3
    with merchant_scope(merchant.pk):
        Job.objects.update(retried_on=timezone.localdate() - timedelta(days=1))
        assert requests.jobs_today() == 1
    assert fail_and_retry(owner) == 2


def test_messages_are_for_channels_that_have_them(merchant):
    with pytest.raises(ChannelCannot), merchant_scope(merchant.pk):
        requests.request(JobKind.MESSAGES, "ebay", by=make_user())
    assert rows(merchant, Job) == []


def test_publication_called_off_is_never_made(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    (job,) = rows(merchant, Job)
    with merchant_scope(merchant.pk):
        requests.cancel(job, by=make_user())

    working.work()

    assert ebay.calls == []
    assert rows(merchant, Job)[0].state == JobState.CANCELLED
    (listing,) = rows(merchant, Listing)
    assert (listing.state, listing.last_error_code) == (ListingState.FAILED, "cancelled")


def test_publication_called_off_after_a_doubtful_try_takes_away_what_is_there(merchant, ebay):
    item = make_item(merchant)
    ebay.after["publish"] = [Result(Outcome.UNKNOWN, reason="no_answer")]
    publish(merchant, item)
    working.work()
    assert ebay.skus(merchant.pk) == [item.sku]
    (job,) = rows(merchant, Job)
    with merchant_scope(merchant.pk):
        requests.cancel(job, by=make_user())

    working.work()

    assert ebay.skus(merchant.pk) == []
    assert state_of(merchant, item) == ListingState.WITHDRAWN


def test_withdrawal_is_not_called_off(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    working.work()
    with merchant_scope(merchant.pk):
        publishing.request_withdrawal([item], by=None)
    job = rows(merchant, Job, kind=JobKind.DELETE)[0]
    with pytest.raises(IllegalMove), merchant_scope(merchant.pk):
        requests.cancel(job, by=make_user())


def test_dead_letter_is_tried_again(merchant, ebay):
    item = make_item(merchant)
    ebay.instead["publish"] = [Result(Outcome.REFUSED, reason="bad_sku")]
    publish(merchant, item)
    working.work()
    (job,) = rows(merchant, Job)
    with merchant_scope(merchant.pk):
        requests.retry(job, by=make_user())

    working.work()

    (job,) = rows(merchant, Job)
    assert (job.state, job.last_error) == (JobState.COMPLETED, "")
    assert state_of(merchant, item) == ListingState.LIVE
    with pytest.raises(IllegalMove), merchant_scope(merchant.pk):
        requests.retry(job, by=make_user())


def test_queue_that_stood_still_for_a_week_gives_its_jobs_up(merchant, ebay):
    item = make_item(merchant)
    ebay.instead["publish"] = [Result(Outcome.CREDENTIALS, reason="access_refused")]
    publish(merchant, item)
    working.work()
    with merchant_scope(merchant.pk):
        Job.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert sweeping.expire_stopped() == 1

    assert rows(merchant, Job)[0].state == JobState.EXPIRED
    assert state_of(merchant, item) == ListingState.FAILED


def test_merchant_who_connects_again_is_served_again(merchant, ebay):
    item = make_item(merchant)
    ebay.instead["publish"] = [Result(Outcome.CREDENTIALS, reason="access_refused")]
    publish(merchant, item)
    working.work()
    assert working.work() == 0
    with merchant_scope(merchant.pk):
        ChannelConnection.objects.filter(channel="ebay").delete()
    anew = make_connection(merchant, Channel.EBAY, access="a", refresh="r")
    with merchant_scope(merchant.pk):
        connection_moved.send(ChannelConnection, connection=anew, old=None, by=None)
    make_due(merchant)
    working.work()

    assert state_of(merchant, item) == ListingState.LIVE


def test_lost_wake_up_call_is_repeated(merchant):
    publish(merchant, make_item(merchant))
    assert sweeping.call_workers() == 0
    with crossing():
        JobTurn.objects.update(turn_at=timezone.now() - timedelta(minutes=1))

    assert sweep()["channel jobs"] == 1


@pytest.mark.parametrize("was_paid", [True, False])
def test_order_whose_listing_has_another_number_since_is_still_read(merchant, ebay, was_paid):
    item = make_item(merchant, quantity=3)
    publish(merchant, item)
    working.work()
    (listing,) = rows(merchant, Listing, item=item)
    line = RemoteLine("1", "", listing.external_id, item.title, 1, Amount(1000, "EUR"))
    order = replace(bought(item, "O-1", is_paid=was_paid), lines=(line,))
    with merchant_scope(merchant.pk):
        selling.take_order("ebay", order)
        Listing.objects.filter(pk=listing.pk).update(external_id="ANOTHER")

    with merchant_scope(merchant.pk):
        selling.take_order("ebay", replace(order, is_paid=True, is_cancelled=was_paid))

    with merchant_scope(merchant.pk):
        assert Item.objects.get(pk=item.pk).quantity == (3 if was_paid else 2)

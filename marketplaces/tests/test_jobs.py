"""Jobs, from the request to the last word of the channel, with channels that do what the test says."""

import pytest
from django.utils import timezone

from marketplaces.channels.base import Outcome, Result
from marketplaces.enums import Channel, JobKind, JobState, ListingState, StepState
from marketplaces.models import ChannelCall, ChannelQueue, Job, JobTurn, Listing
from marketplaces.services import items, publishing
from marketplaces.services.jobs import queue, running, working
from marketplaces.tenancy import crossing, merchant_scope
from marketplaces.tests.factories import make_item, make_merchant
from marketplaces.tests.jobs_world import connected, make_due, publish, rows, state_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fakes")]


@pytest.fixture
def merchant():
    return connected()


def test_item_is_published_and_its_listing_live(merchant, ebay):
    item = make_item(merchant)

    publish(merchant, item)
    assert state_of(merchant, item) == ListingState.PENDING
    assert working.work() == 1

    (job,) = rows(merchant, Job)
    (listing,) = rows(merchant, Listing)
    assert (job.state, job.kind, job.attempts, job.done, job.total) == (JobState.COMPLETED, JobKind.PUBLISH, 1, 1, 1)
    assert (listing.state, listing.published_quantity) == (ListingState.LIVE, 3)
    assert ebay.live[merchant.pk][listing.external_id].sku == item.sku
    assert [(call.action, call.state, call.outcome) for call in rows(merchant, ChannelCall)] == [
        ("publish", StepState.COMPLETED, "done")
    ]
    assert working.work() == 0


def test_withdrawn_item_leaves_the_channel(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    working.work()
    with merchant_scope(merchant.pk):
        publishing.request_withdrawal([item], by=None)
    assert state_of(merchant, item) == ListingState.WITHDRAWING

    working.work()

    assert state_of(merchant, item) == ListingState.WITHDRAWN
    assert ebay.skus(merchant.pk) == []


def test_change_reaches_the_channel_once(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    working.work()
    with merchant_scope(merchant.pk):
        items.update_item(item, {"quantity": 7}, by=None)
        items.update_item(item, {"quantity": 8}, by=None)

    working.work()

    assert [call[0] for call in ebay.calls] == ["publish", "update"]
    assert next(iter(ebay.live[merchant.pk].values())).quantity == 8
    assert [job.kind for job in rows(merchant, Job)] == [JobKind.PUBLISH, JobKind.UPDATE]


def test_new_words_reach_the_channel_by_publishing_again(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    working.work()
    with merchant_scope(merchant.pk):
        items.update_item(item, {"title": "Autre titre"}, by=None)

    working.work()

    assert [call[0] for call in ebay.calls] == ["publish", "publish"]
    assert [goods.title for goods in ebay.live[merchant.pk].values()] == ["Autre titre"]


def test_change_while_the_channel_is_being_told_is_told_after_it(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)

    def change(action):
        ebay.during = None
        with merchant_scope(merchant.pk):
            items.update_item(item, {"quantity": 5}, by=None)

    ebay.during = change
    working.work()

    assert next(iter(ebay.live[merchant.pk].values())).quantity == 5
    assert [call[0] for call in ebay.calls] == ["publish", "update"]


def test_withdrawal_while_it_is_being_published_is_the_last_word(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)

    def withdraw(action):
        ebay.during = None
        with merchant_scope(merchant.pk):
            publishing.request_withdrawal([item], by=None)

    ebay.during = withdraw
    working.work()
    make_due(merchant)
    working.work()

    assert state_of(merchant, item) == ListingState.WITHDRAWN
    assert ebay.skus(merchant.pk) == []


def test_nothing_left_takes_the_listing_away_and_calls_it_sold_out(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    working.work()
    with merchant_scope(merchant.pk):
        items.update_item(item, {"quantity": 0}, by=None)

    working.work()

    assert state_of(merchant, item) == ListingState.SOLD_OUT
    assert ebay.skus(merchant.pk) == []


def test_refusal_ends_the_job_and_says_why(merchant, ebay):
    item = make_item(merchant)
    ebay.instead["publish"] = [Result(Outcome.REFUSED, reason="bad_sku", detail="no such thing")]
    publish(merchant, item)

    assert working.work() == 1

    (job,) = rows(merchant, Job)
    (listing,) = rows(merchant, Listing)
    assert (job.state, job.last_error_code, job.attempts) == (JobState.FAILED, "bad_sku", 1)
    assert (listing.state, listing.last_error, listing.last_error_code) == ("failed", "no such thing", "bad_sku")
    make_due(merchant)
    assert working.work() == 0


def test_channel_that_names_a_pause_is_left_alone_until_then(merchant, ebay):
    first, second = make_item(merchant), make_item(merchant)
    ebay.instead["publish"] = [Result(Outcome.LATER, reason="rate_limited", retry_after=120)]
    publish(merchant, first, second)

    assert working.work() == 1

    waiting = rows(merchant, Job)
    assert {job.state for job in waiting} == {JobState.PENDING}
    (channel,) = rows(merchant, ChannelQueue)
    pause = (channel.not_before - timezone.now()).total_seconds()
    assert 118 < pause <= 132
    assert waiting[0].next_at == channel.not_before
    make_due(merchant)
    assert working.work() == 2
    assert ebay.skus(merchant.pk) == sorted([first.sku, second.sku])


def test_unknown_outcome_is_looked_for_and_nothing_stands_twice(merchant, etsy):
    item = make_item(merchant)
    etsy.after["publish"] = [Result(Outcome.UNKNOWN, reason="no_answer")]
    publish(merchant, item, channels=["etsy"])

    working.work()
    assert etsy.skus(merchant.pk) == [item.sku]
    assert state_of(merchant, item, "etsy") == ListingState.PENDING
    make_due(merchant)
    working.work()

    assert state_of(merchant, item, "etsy") == ListingState.LIVE
    assert etsy.skus(merchant.pk) == [item.sku]


def test_second_listing_of_an_item_is_withdrawn(merchant, etsy):
    item = make_item(merchant)
    etsy.after["publish"] = [Result(Outcome.UNKNOWN, reason="no_answer")]
    publish(merchant, item, channels=["etsy"])
    working.work()
    (only,) = etsy.live[merchant.pk].values()
    etsy.live[merchant.pk]["F-late"] = only
    make_due(merchant)

    working.work()

    (listing,) = rows(merchant, Listing)
    assert list(etsy.live[merchant.pk]) == [listing.external_id]


def test_job_that_fails_for_ever_is_a_dead_letter_and_leaves_nothing_behind(merchant, ebay):
    item = make_item(merchant)
    ebay.after["publish"] = [Result(Outcome.UNKNOWN, reason="no_answer")]
    ebay.instead["publish"] = []
    publish(merchant, item)
    working.work()
    ebay.instead["publish"] = [Result(Outcome.LATER, reason="not_reached")] * 20
    for _ in range(12):
        make_due(merchant)
        working.work()

    (job, removal) = rows(merchant, Job)
    assert (job.state, job.failures, job.last_error_code) == (JobState.FAILED, 12, "not_reached")
    assert (removal.kind, removal.state) == (JobKind.DELETE, JobState.COMPLETED)
    assert state_of(merchant, item) == ListingState.WITHDRAWN
    assert ebay.skus(merchant.pk) == []


def test_access_that_is_over_stops_that_queue_and_no_other(merchant, ebay, etsy):
    first, second = make_item(merchant), make_item(merchant)
    ebay.instead["publish"] = [Result(Outcome.CREDENTIALS, reason="access_refused")]
    publish(merchant, first, second, channels=["ebay", "etsy"])

    working.work()

    stopped = {row.channel: row.stop_reason for row in rows(merchant, ChannelQueue)}
    assert stopped == {"ebay": "credentials", "etsy": ""}
    assert [call[0] for call in ebay.calls] == ["publish"]
    assert len(etsy.skus(merchant.pk)) == 2
    assert {job.state for job in rows(merchant, Job, channel="ebay")} == {JobState.PENDING}


def test_worker_that_died_during_the_call_loses_nothing(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    claimed = queue.claim()
    begun = running._begin(claimed)
    running._call(claimed, begun)
    assert ebay.skus(merchant.pk) == [item.sku]
    assert working.work() == 0

    make_due(merchant)
    working.work()

    (job,) = rows(merchant, Job)
    assert (job.state, job.attempts) == (JobState.COMPLETED, 2)
    assert [call.state for call in rows(merchant, ChannelCall)] == [StepState.TIMEOUT, StepState.COMPLETED]
    assert ebay.skus(merchant.pk) == [item.sku]
    assert state_of(merchant, item) == ListingState.LIVE


def test_worker_that_comes_back_too_late_changes_nothing(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    late = queue.claim()
    begun = running._begin(late)
    answer = running._call(late, begun)
    make_due(merchant)
    working.work()
    before = rows(merchant, Job)[0].updated_at

    running._end(late, begun, answer)

    assert rows(merchant, Job)[0].updated_at == before
    assert not queue.beat(late)


def test_lease_is_renewed_while_the_worker_lives(merchant):
    publish(merchant, make_item(merchant))
    claimed = queue.claim()
    (job,) = rows(merchant, Job)

    assert queue.beat(claimed)

    assert rows(merchant, Job)[0].lease_until > job.lease_until


def test_two_jobs_of_one_listing_never_run_at_once(merchant):
    item = make_item(merchant)
    publish(merchant, item)
    assert queue.claim() is not None
    with merchant_scope(merchant.pk):
        publishing.request_withdrawal([item], by=None)

    assert queue.claim() is None


def test_merchants_are_served_in_turn(merchant, ebay):
    big, small = merchant, connected()
    publish(big, *(make_item(big) for _ in range(5)))
    publish(small, make_item(small))

    working.work()

    assert [call[1] for call in ebay.calls] == [big.pk, small.pk, big.pk, big.pk, big.pk, big.pk]


def test_what_is_sold_out_goes_before_what_is_new(merchant, ebay):
    sold, fresh = make_item(merchant), make_item(merchant)
    publish(merchant, sold)
    working.work()
    publish(merchant, fresh)
    with merchant_scope(merchant.pk):
        items.update_item(sold, {"quantity": 0}, by=None)

    working.work()

    assert [call[0] for call in ebay.calls] == ["publish", "withdraw", "publish"]


def test_asked_for_twice_it_is_one_job(merchant, ebay):
    item = make_item(merchant)
    publish(merchant, item)
    publish(merchant, item)

    assert len(rows(merchant, Job)) == 1


def test_nothing_due_costs_three_statements(django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        assert queue.claim() is None


def test_turns_and_jobs_are_nobody_elses(merchant):
    publish(merchant, make_item(merchant))
    other = make_merchant()
    with merchant_scope(other.pk):
        assert not Job.objects.exists()
        assert not JobTurn.objects.exists()
    with crossing():
        assert Job.objects.filter(channel=Channel.EBAY).count() == 1

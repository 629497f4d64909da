"""Listings that a channel has and an item gets: one live listing of an item, whatever happens at the same time."""

from dataclasses import replace

import pytest
from django.utils import timezone

from accounts.tests.factories import make_user
from common.states import IllegalMove
from marketplaces.channels.base import Amount, Goods, ListingStatus, Outcome, Page, RemoteListing, Result
from marketplaces.enums import JobKind, ListingState
from marketplaces.models import ForeignListing, Job, Listing
from marketplaces.services import foreign, publishing
from marketplaces.services.jobs import queue, requests, running, working
from marketplaces.services.jobs.handlers.listings import live_ids
from marketplaces.services.merchants import update_merchant
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import make_found, make_item, make_listing, make_plan
from marketplaces.tests.jobs_world import connected, make_due, publish, rows

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fakes")]

THEIRS = "THEIRS-1"


@pytest.fixture
def merchant():
    return connected()


def by_hand(books, merchant, sku="", number=THEIRS):
    """What the merchant has put on the channel themselves."""
    books.live[merchant.pk][number] = Goods(sku, "à la main", "", Amount(1, "EUR"), 1, "c", "n")


def read(merchant, channel="ebay"):
    """Ask for what stands there, and have it read."""
    with merchant_scope(merchant.pk):
        requests.request(JobKind.SYNC, channel, by=make_user())
    working.work()


def called():
    """The worker has called the channel and has not written down yet what it said; `end` does."""
    claimed = queue.claim()
    begun = running._begin(claimed)
    page = running._call(claimed, begun)
    return lambda: running._end(claimed, begun, page)


def work_on(merchant):
    for _turn in range(2):
        make_due(merchant)
        working.work()


def link(found, item):
    with merchant_scope(found.merchant_id):
        return foreign.link(found, item, by=make_user())


def test_link_while_a_publication_waits_takes_its_place(merchant, etsy):
    item, found = make_item(merchant), make_found(merchant, channel="etsy", external_id=THEIRS)
    by_hand(etsy, merchant)
    publish(merchant, item, channels=["etsy"])
    link(found, item)
    work_on(merchant)

    (listing,) = rows(merchant, Listing)
    assert (listing.state, listing.external_id) == (ListingState.LIVE, THEIRS)
    assert list(etsy.live[merchant.pk]) == [THEIRS]


def test_link_while_a_publication_is_under_way_is_refused(merchant, etsy):
    item, found = make_item(merchant), make_found(merchant, channel="etsy", external_id=THEIRS)
    by_hand(etsy, merchant)
    publish(merchant, item, channels=["etsy"])
    end = called()
    with pytest.raises(IllegalMove):
        link(found, item)
    end()
    work_on(merchant)

    (listing,) = rows(merchant, Listing)
    assert listing.state == ListingState.LIVE
    assert sorted(etsy.live[merchant.pk]) == sorted([listing.external_id, THEIRS])
    assert [row.listing_id for row in rows(merchant, ForeignListing)] == [None]


def test_link_after_a_try_whose_outcome_nobody_knows_is_refused(merchant, etsy):
    item, found = make_item(merchant), make_found(merchant, channel="etsy", external_id=THEIRS)
    publish(merchant, item, channels=["etsy"])
    etsy.after["publish"] = [Result(Outcome.UNKNOWN, reason="no_answer")]
    working.work()
    with pytest.raises(IllegalMove):
        link(found, item)


@pytest.fixture
def adopted_in_between(merchant, etsy):
    """While a publication is under way, a reading finds what the merchant made by hand under the item's SKU."""
    item = make_item(merchant)
    publish(merchant, item, channels=["etsy"])
    end = called()
    by_hand(etsy, merchant, item.sku)
    etsy.listed[merchant.pk] = [RemoteListing(THEIRS, item.sku, "à la main", ListingStatus.LIVE, 1)]
    read(merchant, "etsy")
    assert len(etsy.live[merchant.pk]) == 2
    return item, end


def test_publication_that_ends_beside_a_live_listing_is_withdrawn(merchant, etsy, adopted_in_between):
    _item, end = adopted_in_between
    end()
    work_on(merchant)

    (listing,) = rows(merchant, Listing)
    assert (listing.state, listing.external_id) == (ListingState.LIVE, THEIRS)
    assert list(etsy.live[merchant.pk]) == [THEIRS]


def test_publication_that_ends_beside_what_is_being_withdrawn_goes_with_it(merchant, etsy, adopted_in_between):
    item, end = adopted_in_between
    with merchant_scope(merchant.pk):
        publishing.request_withdrawal([item], by=None)
    end()
    work_on(merchant)

    (listing,) = rows(merchant, Listing)
    assert (listing.state, list(etsy.live[merchant.pk])) == (ListingState.WITHDRAWN, [])


def test_link_of_a_number_that_is_an_items_is_refused(merchant):
    first, second = make_item(merchant), make_item(merchant)
    found = make_found(merchant, channel="etsy", external_id=THEIRS)
    make_listing(first, "etsy", external_id=THEIRS)
    with pytest.raises(IllegalMove):
        link(found, second)

    assert [row.item_id for row in rows(merchant, Listing)] == [first.pk]


def test_what_a_reading_adopts_is_foreign_no_more(merchant, ebay):
    item = make_item(merchant)
    make_found(merchant, channel="ebay", external_id="E-1")
    ebay.listed[merchant.pk] = [RemoteListing("E-1", item.sku, "Crème", ListingStatus.LIVE, 3)]
    read(merchant)

    (listing,) = rows(merchant, Listing)
    assert [row.listing_id for row in rows(merchant, ForeignListing)] == [listing.pk]


def test_reading_under_way_adopts_nothing_for_a_merchant_who_was_switched_off(merchant, ebay):
    item = make_item(merchant)
    by_hand(ebay, merchant, item.sku, "E-1")
    ebay.listed[merchant.pk] = [RemoteListing("E-1", item.sku, "Crème", ListingStatus.LIVE, 3)]
    with merchant_scope(merchant.pk):
        requests.request(JobKind.SYNC, "ebay", by=make_user())
    end = called()
    with merchant_scope(merchant.pk):
        update_merchant(merchant, is_active=False, by=make_user())
    end()

    assert rows(merchant, Listing) == []
    assert [row.external_id for row in rows(merchant, ForeignListing)] == ["E-1"]
    with merchant_scope(merchant.pk):
        update_merchant(merchant, is_active=True, by=make_user())
    read(merchant)
    assert [(row.state, row.external_id) for row in rows(merchant, Listing)] == [(ListingState.LIVE, "E-1")]


def test_reading_adopts_no_more_than_the_plan_has_room_for(ebay):
    merchant = connected(plan=make_plan(listings=2))
    items = [make_item(merchant) for _number in range(3)]
    # It waits to be published, and has its place already.
    publish(merchant, items[2])
    with merchant_scope(merchant.pk):
        Job.objects.update(next_at=None, state="cancelled", finished_at=timezone.now())
    ebay.listed[merchant.pk] = [
        RemoteListing(f"E-{number}", item.sku, "Crème", ListingStatus.LIVE, 3) for number, item in enumerate(items)
    ]
    read(merchant)

    assert [(row.item_id, row.state) for row in rows(merchant, Listing)] == [
        (items[2].pk, ListingState.LIVE),
        (items[0].pk, ListingState.LIVE),
    ]
    assert [row.external_id for row in rows(merchant, ForeignListing)] == ["E-1"]
    (job,) = rows(merchant, Job, kind=JobKind.SYNC)
    assert job.result == {"adopted": 2, "ended": 0, "foreign": 1, "known": 0, "seen": 3}


def test_listing_made_by_hand_without_a_sku_is_not_tidied_away(merchant, etsy):
    item = make_item(merchant)
    publish(merchant, item, channels=["etsy"])
    working.work()
    make_found(merchant, channel="etsy", external_id=THEIRS)
    etsy.instead["find"] = [Page(Result(Outcome.DONE), (RemoteListing(THEIRS, "", "", ListingStatus.LIVE, 1),))]
    with merchant_scope(merchant.pk):
        queue.enqueue_for_listings(JobKind.UPDATE, rows(merchant, Listing), by=None, memo={"tidy": True})
    working.work()

    assert [call[0] for call in etsy.calls] == ["publish", "find", "update"]


def test_listing_made_by_hand_without_a_sku_is_not_taken_for_ours(merchant, etsy):
    item = make_item(merchant)
    listing = make_listing(item, "etsy", state=ListingState.PENDING, external_id="")
    make_found(merchant, channel="etsy", external_id=THEIRS)
    found = [RemoteListing(number, "", "", ListingStatus.LIVE, 1) for number in (THEIRS, "F-1")]
    with merchant_scope(merchant.pk):
        assert live_ids(listing, Page(Result(Outcome.DONE), tuple(found))) == ["F-1"]
        named = [replace(row, sku=item.sku) for row in found]
        assert live_ids(listing, Page(Result(Outcome.DONE), tuple(named))) == [THEIRS, "F-1"]

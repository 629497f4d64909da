"""The medicine gate is asked again: before a channel is told anything, and of what stands there already."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import make_user
from audit.models import Event
from catalog.models import SearchEntry
from common import sweeping
from marketplaces.channels.base import ListingStatus, Outcome, RemoteListing, Result
from marketplaces.enums import JobKind, JobState, ListingState, ProductClass, Review
from marketplaces.exceptions import ItemRefused, NotForSale
from marketplaces.models import Category, ForeignListing, GateRound, Item, Job, Listing
from marketplaces.services import foreign
from marketplaces.services.jobs import gatekeeping, requests, working
from marketplaces.tenancy import merchant_scope
from marketplaces.tests.factories import make_category, make_condition, make_found, make_item, make_listing
from marketplaces.tests.jobs_world import connected, make_due, publish, rows, state_of
from marketplaces.trouble import in_words

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fakes")]

CODE = "3282770146004"


@pytest.fixture
def merchant():
    return connected()


def forbid(item):
    Category.objects.filter(pk=item.category_id).update(product_class=ProductClass.MEDICINE, is_allowed=False)


def becomes_a_medicine(item):
    SearchEntry.objects.create(code=item.code, text="x", label="X", kind="medicine", is_active=True)


def refuse(item):
    with merchant_scope(item.merchant_id):
        Item.objects.filter(pk=item.pk).update(review=Review.REFUSED)


REFUSED = [(forbid, "not_for_sale"), (becomes_a_medicine, "not_for_sale"), (refuse, "item_refused")]


@pytest.mark.parametrize("happens, code", REFUSED)
def test_what_is_refused_while_a_publication_waits_is_not_published(merchant, ebay, happens, code):
    item = make_item(merchant, code=CODE)
    publish(merchant, item)
    happens(item)
    working.work()

    assert ebay.calls == []
    (listing,) = rows(merchant, Listing)
    assert (listing.state, listing.last_error_code) == (ListingState.FAILED, code)
    assert in_words(listing.last_error_code, listing.last_error) not in ("", code)
    (job,) = rows(merchant, Job)
    assert (job.state, job.last_error_code) == (JobState.FAILED, code)


def test_what_the_gate_refuses_afterwards_is_an_event(merchant):
    item = make_item(merchant)
    publish(merchant, item)
    forbid(item)
    working.work()

    (job,), event = rows(merchant, Job), Event.objects.get(action="item.refused")
    assert (event.entity_id, event.actor_id) == (str(merchant.pk), f"job:{job.pk}")
    assert event.changes == {"category": item.category.code, "code": "", "reason": "category"}


def test_what_is_refused_in_doubt_is_taken_away(merchant, etsy):
    item = make_item(merchant)
    publish(merchant, item, channels=["etsy"])
    etsy.after["publish"] = [Result(Outcome.UNKNOWN, reason="no_answer")]
    working.work()
    assert etsy.skus(merchant.pk) == [item.sku]
    forbid(item)
    for _turn in range(2):
        make_due(merchant)
        working.work()

    assert (state_of(merchant, item, "etsy"), etsy.skus(merchant.pk)) == (ListingState.WITHDRAWN, [])


@pytest.mark.parametrize("happens, code", REFUSED)
def test_change_of_what_is_refused_takes_it_off_every_channel(merchant, ebay, etsy, happens, code):
    item = make_item(merchant, code=CODE)
    publish(merchant, item, channels=["ebay", "etsy"])
    working.work()
    happens(item)
    publish_again = rows(merchant, Listing, channel="ebay")
    with merchant_scope(merchant.pk):
        requests.carry_out(requests.Action.UPDATE, publish_again, None)
    working.work()

    assert (ebay.skus(merchant.pk), etsy.skus(merchant.pk)) == ([], [])
    assert [(row.state, row.last_error_code) for row in rows(merchant, Listing)] == [(ListingState.WITHDRAWN, code)] * 2


def test_link_puts_nothing_on_sale_that_is_refused(merchant):
    item, found = make_item(merchant), make_found(merchant, channel="ebay", external_id="E-3")
    forbid(item)
    with pytest.raises(NotForSale), merchant_scope(merchant.pk):
        foreign.link(found, item, by=make_user())
    Category.objects.update(product_class=ProductClass.COSMETIC, is_allowed=True)
    refuse(item)
    with pytest.raises(ItemRefused), merchant_scope(merchant.pk):
        foreign.link(found, item, by=make_user())

    assert (rows(merchant, Listing), rows(merchant, Job)) == ([], [])
    assert [row.listing_id for row in rows(merchant, ForeignListing)] == [None]


def test_sync_adopts_nothing_that_is_refused(merchant, ebay):
    item = make_item(merchant)
    forbid(item)
    ebay.listed[merchant.pk] = [RemoteListing("E-1", item.sku, "Crème", ListingStatus.LIVE, 3)]
    with merchant_scope(merchant.pk):
        requests.request(JobKind.SYNC, "ebay", by=make_user())
    working.work()

    assert rows(merchant, Listing) == []
    assert [(row.external_id, row.sku) for row in rows(merchant, ForeignListing)] == [("E-1", item.sku)]
    (job,) = rows(merchant, Job)
    assert job.result == {"adopted": 0, "ended": 0, "foreign": 1, "known": 0, "seen": 1}
    assert Event.objects.filter(action="item.refused").count() == 1


@pytest.mark.parametrize("happens, code", REFUSED)
def test_sweep_takes_what_is_refused_off_every_channel_and_nothing_else(merchant, ebay, etsy, happens, code):
    item, other, bystanders = make_item(merchant, code=CODE), make_item(merchant), make_item(connected())
    for each in (item, other, bystanders):
        publish(each.merchant, each, channels=["ebay", "etsy"])
    working.work()
    happens(item)

    assert sweeping.sweep()["listings that may not be sold"] == 1
    working.work()

    assert ebay.skus(merchant.pk) == etsy.skus(merchant.pk) == [other.sku]
    assert ebay.skus(bystanders.merchant_id) == [bystanders.sku]
    assert [(row.state, row.last_error_code) for row in rows(merchant, Listing, item=item)] == [
        (ListingState.WITHDRAWN, code)
    ] * 2
    assert Event.objects.filter(action="item.refused").count() == (1 if code == NotForSale.code else 0)
    assert gatekeeping.go_round() == 0


def test_round_goes_on_where_it_was_and_begins_anew(merchant, monkeypatch):
    monkeypatch.setattr(gatekeeping, "STRETCH", 2)
    category, condition = make_category(), make_condition()
    second = connected()
    listings = [
        make_listing(make_item(owner, category=category, condition=condition))
        for owner in (merchant, merchant, merchant, second, second)
    ]
    seen = []
    for _turn in range(3):
        assert gatekeeping.go_round() == 0
        place = GateRound.objects.get()
        seen.append((place.after_merchant, place.after_listing))
    assert seen == [(merchant.pk, listings[1].pk), (second.pk, listings[3].pk), (0, 0)]

    forbid(listings[0].item)
    assert [gatekeeping.go_round() for _turn in range(4)] == [2, 2, 1, 0]
    assert [row.state for each in (merchant, second) for row in rows(each, Listing)] == [ListingState.WITHDRAWING] * 5


def test_turn_takes_so_many_items_and_the_next_one_the_rest(merchant, monkeypatch):
    monkeypatch.setattr(gatekeeping, "MOST", 2)
    category = make_category()
    for _number in range(5):
        make_listing(make_item(merchant, category=category))
    forbid(rows(merchant, Item)[0])

    assert [gatekeeping.go_round() for _turn in range(4)] == [2, 2, 1, 0]


def test_item_that_fails_keeps_no_other_one_on_sale(merchant, monkeypatch):
    category = make_category()
    items = [make_item(merchant, category=category) for _number in range(3)]
    listings = [make_listing(item) for item in items]
    forbid(items[0])
    withdraw = gatekeeping.withdraw_refused

    def fail_for_the_first(item):
        if item.pk == items[0].pk:
            raise RuntimeError("broken")
        return withdraw(item)

    monkeypatch.setattr(gatekeeping, "withdraw_refused", fail_for_the_first)
    with pytest.raises(ExceptionGroup, match="1 of 3 failed"):
        gatekeeping.go_round()

    states = {row.pk: row.state for row in rows(merchant, Listing)}
    assert [states[row.pk] for row in listings] == [ListingState.LIVE, *[ListingState.WITHDRAWING] * 2]
    # The next round meets it again.
    monkeypatch.undo()
    assert gatekeeping.go_round() == 1


def test_what_a_channel_will_not_let_go_of_is_asked_for_once_and_kept_true(merchant, ebay):
    item = make_item(merchant, quantity=3)
    publish(merchant, item)
    working.work()
    forbid(item)
    ebay.instead["withdraw"] = [Result(Outcome.REFUSED, reason="bad")]
    assert gatekeeping.go_round() == 1
    working.work()
    assert state_of(merchant, item) == ListingState.LIVE

    assert gatekeeping.go_round() == 0
    with merchant_scope(merchant.pk):
        Item.objects.update(quantity=1)
        requests.carry_out(requests.Action.UPDATE, list(Listing.objects.all()), None)
    working.work()
    (goods,) = ebay.live[merchant.pk].values()
    assert (state_of(merchant, item), goods.quantity) == (ListingState.LIVE, 1)


def _statements_of_a_turn(count):
    merchant = connected()
    for number in range(count):
        make_listing(make_item(merchant, code=f"32827701{number:05}"))
    with CaptureQueriesContext(connection) as captured:
        assert gatekeeping.go_round() == 0
    return len(captured)


def test_turn_asks_as_often_for_three_as_for_one():
    GateRound.objects.create()
    assert _statements_of_a_turn(3) == _statements_of_a_turn(1)

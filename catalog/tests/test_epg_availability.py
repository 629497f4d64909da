"""Who has it, as EPG says: fresh, remembered, stale, or not at all; against the simulator over sockets."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from accounts.tests.factories import make_user
from catalog.epg import availability, client
from catalog.models import Stock
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory
from catalog.tests.supervisor import AVAILABILITY
from common import http
from tests.fault_table import FAULTS, rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(api):
    def ask(code, **query):
        response = api().get(f"/api/v1/products/{code}/availability/", query)
        assert response.status_code == 200
        return response.json()["results"]

    return ask


def short(offers):
    return [(offer["pharmacy"]["code"], offer["quantity"], offer["price"], offer["source"]) for offer in offers]


def later(**duration):
    return time_machine.travel(timezone.now() + timedelta(**duration), tick=True)


def test_epg_says_who_has_it_and_our_shelves_say_how_many(ask, epg):
    at_epg = epg.stock(epg.pharmacy(name="B"), boxes=3, price=900)
    gone = epg.pharmacy(name="C")
    StockFactory(pharmacy=gone, product_code=at_epg.product_code, quantity=50)
    here = StockFactory(pharmacy=PharmacyFactory(name="A"), product_code=at_epg.product_code, quantity=4, price=1000)
    before = timezone.now()

    offers = ask(at_epg.product_code)

    assert short(offers) == [(here.pharmacy.code, 4, 1000, "stock"), (at_epg.pharmacy.code, None, 900, "epg")]
    assert before <= datetime.fromisoformat(offers[1]["observed_at"]) <= timezone.now()
    assert offers[1]["currency"] == "XAF"


def test_nearest_first_whoever_says_it(ask, epg):
    far = epg.stock(epg.pharmacy(latitude=1.0, longitude=9.4536))
    near = StockFactory(product_code=far.product_code)
    nearest = StockFactory(product_code=far.product_code, pharmacy=epg.pharmacy(latitude=0.391, longitude=9.4536))
    epg.change(nearest, boxes=1)

    offers = ask(far.product_code, near="0.391,9.4536")

    assert [offer["pharmacy"]["code"] for offer in offers] == [
        nearest.pharmacy.code,
        near.pharmacy.code,
        far.pharmacy.code,
    ]


def test_no_price_of_ours_is_no_price(ask, epg):
    stock = epg.stock(price=900)
    Stock.objects.all().delete()

    assert short(ask(stock.product_code)) == [(stock.pharmacy.code, None, None, "epg")]


def test_pharmacy_whose_software_is_offline_is_not_shown(ask, epg):
    stock = epg.stock()
    epg.change(stock, online=False)

    assert ask(stock.product_code) == []


def test_code_that_epg_cannot_know_is_local_stock(ask, epg):
    product = ProductFactory(code="CREME-1")
    stock = StockFactory(product_code=product.code, pharmacy=epg.pharmacy())

    assert short(ask("CREME-1")) == [(stock.pharmacy.code, 10, 1500, "stock")]
    assert epg.calls(AVAILABILITY) == []


def test_cip7_and_cip13_are_one_product(ask, epg):
    stock = epg.stock()
    short_code = ProductFactory(code=stock.product_code[5:12]).code

    assert short(ask(short_code)) == [(stock.pharmacy.code, None, None, "epg")]


def test_without_an_address_every_pharmacy_has_local_stock(ask, epg, settings):
    stock = epg.stock()
    Stock.objects.update(quantity=7)
    settings.EPG_URL = ""

    assert short(ask(stock.product_code)) == [(stock.pharmacy.code, 7, 1500, "stock")]


def test_answer_is_remembered_for_a_minute_and_then_asked_again(ask, epg):
    stock = epg.stock()
    first = ask(stock.product_code)
    epg.change(stock, boxes=0)

    assert ask(stock.product_code) == first
    assert len(epg.calls(AVAILABILITY)) == 1
    with later(seconds=61):
        assert ask(stock.product_code) == []
    assert len(epg.calls(AVAILABILITY)) == 2


def test_one_call_per_pharmacy_for_a_whole_basket(epg):
    shops = [epg.pharmacy() for _ in range(3)]
    codes = [epg.stock(shops[0]).product_code for _ in range(4)]

    seen = availability.look({shop.epg_id: codes for shop in shops})

    assert len(epg.calls(AVAILABILITY)) == 3
    assert {place: said.is_available for place, said in seen.items()} == {
        (shop.epg_id, code[5:12]): shop is shops[0] for shop in shops for code in codes
    }


def test_only_what_is_not_remembered_is_asked(epg):
    first = epg.stock()
    second = epg.stock(first.pharmacy)
    availability.look({first.pharmacy.epg_id: [first.product_code]})

    availability.look({first.pharmacy.epg_id: [first.product_code, second.product_code]})

    assert [call["body"]["cips"] for call in epg.calls(AVAILABILITY)] == [[first.product_code], [second.product_code]]


def test_table_of_faults_is_complete():
    assert sorted(fault for fault, _source in rows("EPG: who has it")) == sorted(FAULTS)


@pytest.mark.parametrize(("fault", "source"), rows("EPG: who has it"))
def test_every_fault_ends_within_the_deadline_and_is_told_truthfully(fault, source, ask, epg, settings):
    settings.EPG_AVAILABILITY_SECONDS = 0.4
    stock = epg.stock()
    here = StockFactory(product_code=stock.product_code)
    fresh = {offer["pharmacy"]["code"]: offer for offer in ask(stock.product_code)}
    assert {code: offer["source"] for code, offer in fresh.items()} == {
        here.pharmacy.code: "stock",
        stock.pharmacy.code: "epg",
    }
    epg.change(stock, boxes=0)
    epg.fault(fault, AVAILABILITY)
    with later(seconds=61):
        offers = {offer["pharmacy"]["code"]: offer for offer in ask(stock.product_code)}

        assert offers[here.pharmacy.code]["source"] == "stock"
        if source == "epg":
            assert stock.pharmacy.code not in offers
        else:
            told = offers[stock.pharmacy.code]
            assert (told["source"], told["observed_at"]) == ("stale", fresh[stock.pharmacy.code]["observed_at"])
        epg.heal()
        client.forget()
        assert stock.pharmacy.code not in {offer["pharmacy"]["code"] for offer in ask(stock.product_code)}


def test_nothing_known_and_no_answer_is_no_offer(ask, epg):
    stock = epg.stock()
    epg.fault("error_500")

    assert ask(stock.product_code) == []


def test_what_was_gone_is_not_offered_as_stale(ask, epg):
    stock = epg.stock(boxes=0)
    assert ask(stock.product_code) == []
    epg.fault("error_500")

    with later(minutes=2):
        assert ask(stock.product_code) == []


def test_stale_answer_is_forgotten_in_the_end(ask, epg, settings):
    stock = epg.stock()
    ask(stock.product_code)
    epg.fault("error_500")

    with later(seconds=settings.EPG_STALE.total_seconds() + 1):
        assert ask(stock.product_code) == []


def test_breaker_opens_stops_the_calls_and_closes_again(ask, epg, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(client.client().breaker, "_clock", lambda: clock[0])
    stock = epg.stock()
    other = StockFactory(product_code=stock.product_code, pharmacy=epg.pharmacy())
    epg.change(other, boxes=1)
    ask(stock.product_code)
    epg.fault("wrong_pharmacy")

    with later(seconds=61):
        for _again in range(7):
            assert [offer["source"] for offer in ask(stock.product_code)] == ["stale", "stale"]
        assert client.client().breaker.is_open
        assert len(epg.calls(AVAILABILITY)) == 2 + 6
        epg.heal()
        assert [offer["source"] for offer in ask(stock.product_code)] == ["stale", "stale"]
        clock[0] += 11
        ask(stock.product_code)
        assert [offer["source"] for offer in ask(stock.product_code)] == ["epg", "epg"]
    assert not client.client().breaker.is_failing


def test_one_pharmacy_that_fails_leaves_the_others_alone(epg):
    bad, good = epg.stock(), epg.stock()

    def look(stock):
        seen = availability.look({stock.pharmacy.epg_id: [stock.product_code]})
        return [said.is_stale for said in seen.values()]

    epg.fault("garbage", AVAILABILITY)
    for _again in range(7):
        assert look(bad) == []
    assert len(epg.calls(AVAILABILITY)) == 5, "nobody waits for it any more"
    epg.heal()

    assert look(bad) == []
    assert look(good) == [False]


def test_questions_that_waited_for_a_thread_of_ours_blame_nobody(epg, settings, monkeypatch):
    settings.EPG_AVAILABILITY_SECONDS = 0.6
    places = {epg.stock().pharmacy.epg_id: ["3400949000001"] for _each in range(8)}
    with ThreadPoolExecutor(max_workers=1) as pool:
        monkeypatch.setattr(availability, "_pool", lambda: pool)
        epg.fault("latency", AVAILABILITY, seconds=0.45)
        for _again in range(3):
            availability.look(places)

    assert len(epg.calls(AVAILABILITY)) == 3, "one each time: for another one no time was left"
    assert not client.client().breaker.is_failing


def test_refusal_is_no_reason_to_open_the_breaker(ask, epg, settings):
    settings.EPG_API_KEY = "wrong"
    stock = epg.stock()

    for _again in range(6):
        assert ask(stock.product_code) == []
    assert len(epg.calls(AVAILABILITY)) == 6


def test_cache_that_is_down_costs_the_memory_only(ask, epg, settings):
    stock = epg.stock()
    working = settings.CACHES
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
            "OPTIONS": {"socket_connect_timeout": 0.2},
        }
    }

    for _again in range(2):
        assert short(ask(stock.product_code)) == [(stock.pharmacy.code, None, 1500, "epg")]
    settings.CACHES = working
    assert len(epg.calls(AVAILABILITY)) == 2


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_held_while_epg_is_asked(ask, epg, monkeypatch):
    stock = epg.stock()
    held = []
    genuine = http.Client.post
    # The proxy would give the thread that calls EPG a connection of its own.
    ours = connections["default"]

    def look_and_post(*args, **kwargs):
        held.append(ours.connection is not None)
        return genuine(*args, **kwargs)

    monkeypatch.setattr(http.Client, "post", look_and_post)

    assert short(ask(stock.product_code)) == [(stock.pharmacy.code, None, 1500, "epg")]
    assert held == [False]


@pytest.mark.parametrize("number", [1, 3])
def test_queries_do_not_grow_with_the_pharmacies(number, api, epg, django_assert_num_queries):
    stock = epg.stock()
    for _another in range(number - 1):
        epg.change(StockFactory(product_code=stock.product_code, pharmacy=epg.pharmacy()), boxes=1)
    client = api()

    with django_assert_num_queries(7):
        answer = client.get(f"/api/v1/products/{stock.product_code}/availability/")
    assert len(answer.json()["results"]) == number


def test_health_tells_of_epg_only_where_it_is_on(api, epg, settings):
    assert api().get("/health").json()["checks"]["epg"] == "ok"
    settings.EPG_URL = ""
    assert "epg" not in api().get("/health").json()["checks"]
    assert api().get("/health/epg").json() == {"status": "disabled"}


@pytest.mark.parametrize("fault", ["error_500", "html", "timeout", "expired_token", "reset_after_accept"])
def test_health_is_degraded_while_epg_is_down(fault, api, epg):
    epg.fault(fault)

    whole = api().get("/health")
    assert (whole.status_code, whole.json()["status"], whole.json()["checks"]["epg"]) == (200, "degraded", "down")
    assert api().get("/health/epg").status_code == 503
    assert len(epg.calls("/api/produits")) == 1, "the answer is kept for a moment"


def test_health_is_degraded_while_the_breaker_is_open(api, ask, epg, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(client.client().breaker, "_clock", lambda: clock[0])
    stock = epg.stock()
    StockFactory(product_code=stock.product_code, pharmacy=epg.pharmacy())
    epg.fault("garbage", AVAILABILITY)
    for _again in range(3):
        ask(stock.product_code)

    assert api().get("/health").json()["checks"]["epg"] == "down"
    clock[0] += 11
    assert api().get("/health").json()["checks"]["epg"] == "ok"


def test_nobody_in_particular_has_the_nearest_asked_only(ask, api, epg, settings):
    settings.EPG_ANONYMOUS_PHARMACIES = 2
    code = epg.stock(epg.pharmacy(name="D", latitude=0.9, longitude=9.45)).product_code
    for name, latitude in (("C", 0.45), ("B", 0.44), ("A", 0.43)):
        epg.stock(epg.pharmacy(name=name, latitude=latitude, longitude=9.45), product_code=code)
    near = {"near": "0.4,9.45"}

    def names(offers):
        return [offer["pharmacy"]["name"] for offer in offers]

    assert names(ask(code, **near)) == ["A", "B"]
    assert len(epg.calls(AVAILABILITY)) == 2
    assert names(ask(code, **near)) == ["A", "B", "C", "D"], "what is remembered needs no asking"
    assert len(epg.calls(AVAILABILITY)) == 4
    with later(seconds=61):
        again = ask(code, **near)
    assert [(offer["pharmacy"]["name"], offer["source"]) for offer in again] == [
        ("A", "epg"),
        ("B", "epg"),
        ("C", "stale"),
        ("D", "stale"),
    ]
    with later(seconds=122):
        signed_in = api(make_user()).get(f"/api/v1/products/{code}/availability/", near).json()["results"]
    assert {offer["source"] for offer in signed_in} == {"epg"}


def test_address_has_epg_asked_so_often_a_minute(api, epg, settings):
    settings.EPG_ANONYMOUS_PER_MINUTE = 2
    codes = [epg.stock().product_code for _each in range(3)]

    def get(code, ip, user=None):
        return api(user).get(f"/api/v1/products/{code}/availability/", REMOTE_ADDR=ip)

    assert [get(code, "192.0.2.1").status_code for code in codes[:2]] == [200, 200]
    refused = get(codes[2], "192.0.2.1")

    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    asked = len(epg.calls(AVAILABILITY))
    assert get(codes[0], "192.0.2.1").json()["results"][0]["source"] == "epg", "what is remembered is free"
    assert len(epg.calls(AVAILABILITY)) == asked
    assert get(codes[2], "192.0.2.1", make_user()).status_code == 200
    with later(seconds=61):
        assert [get(codes[2], ip).status_code for ip in ("192.0.2.1", "192.0.2.2")] == [200, 200]

import pytest
from django.utils import timezone

from marketplaces.channels import get_channel
from marketplaces.channels.base import (
    Action,
    Amount,
    BrowserAnswer,
    BrowserTask,
    ListingStatus,
    Outcome,
    Placed,
    Seller,
)
from marketplaces.channels.exceptions import UnknownChannel
from marketplaces.channels.tests.books import NO_SITES, SKU, goods
from marketplaces.channels.vinted.channel import Vinted, _moment

ACTIONS = {
    "publish": {
        "method": "POST",
        "path": "/api/v2/item_upload/items",
        "payload": {
            "item": {
                "title": "{title}",
                "description": "{description} ({sku})",
                "price": "{price}",
                "quantity": "{quantity}",
                "photos": "{pictures}",
                "size": "{size}",
                "fixed": 7,
                "nothing": "{unknown}",
            }
        },
        "external_id": "item.id",
        "url": "item.url",
    },
    "withdraw": {"method": "DELETE", "path": "/api/v2/items/{external_id}"},
    "sync": {
        "method": "GET",
        "path": "/api/v2/wardrobe",
        "params": {"page": "{cursor}"},
        "rows": "items",
        "cursor": "next",
        "fields": {
            "external_id": "id",
            "sku": "user_note",
            "title": "title",
            "price": "price.amount",
            "status": "state",
            "url": "url",
        },
    },
    "orders": {
        "method": "GET",
        "path": "/api/v2/my_orders",
        "rows": "orders",
        "fields": {
            "external_id": "id",
            "total": "price",
            "title": "title",
            "ordered_at": "date",
            "buyer": "user.0.login",
        },
    },
    "messages": {
        "method": "GET",
        "path": "/api/v2/inbox",
        "rows": "",
        "fields": {"external_id": "id", "sender": "from", "text": "body"},
    },
}
SELLER = Seller(merchant_id=1)


@pytest.fixture
def vinted(settings):
    settings.VINTED_ACTIONS = ACTIONS
    return Vinted()


def answered(result, status=200):
    return BrowserAnswer(success=True, result=result, status=status)


def test_channel_is_off_unless_it_is_switched_on(settings):
    with pytest.raises(UnknownChannel):
        get_channel("vinted")
    settings.MARKETPLACE_CHANNELS = {"vinted": "marketplaces.channels.vinted.channel.Vinted"}
    assert get_channel("vinted").name == "vinted"


def test_publish_is_a_request_for_the_merchants_browser(vinted):
    result = vinted.publish(SELLER, goods())

    assert (result.outcome, result.permanent) == (Outcome.IN_BROWSER, False)
    assert result.task == BrowserTask(
        action=Action.PUBLISH,
        method="POST",
        path="/api/v2/item_upload/items",
        payload={
            "item": {
                "title": "Crème solaire",
                "description": f"Indice 50, 50 ml ({SKU})",
                "price": "19.06",
                "quantity": 3,
                "photos": ["https://images.example.org/1.png"],
                "size": "50 ml",
                "fixed": 7,
                "nothing": "",
            }
        },
    )


def test_values_in_a_path_stay_one_part_of_it(vinted):
    task = vinted.withdraw(SELLER, Placed(SKU, "../../members/7?x=1")).task

    assert task.path == "/api/v2/items/..%2F..%2Fmembers%2F7%3Fx%3D1"


@pytest.mark.parametrize(
    "ask", [lambda vinted: vinted.update(SELLER, goods()), lambda vinted: vinted.fulfil(SELLER, "1", ())]
)
def test_what_nobody_described_is_refused(vinted, ask):
    assert (ask(vinted).outcome, ask(vinted).reason) == (Outcome.REFUSED, "unsupported")


def test_price_without_a_rate_is_refused(vinted):
    assert vinted.publish(Seller(1, settings={"currency": "GBP"}), goods()).reason == "rate_missing"


def test_answer_names_the_listing(vinted):
    page = vinted.read(Action.PUBLISH, answered({"item": {"id": 4711, "url": "https://www.vinted.fr/items/4711"}}))

    assert (page.result.outcome, page.result.external_id) == (Outcome.DONE, "4711")
    assert page.result.url == "https://www.vinted.fr/items/4711"


@pytest.mark.parametrize("url", NO_SITES)
def test_address_that_leads_to_no_site_is_not_read(vinted, url):
    made = vinted.read(Action.PUBLISH, answered({"item": {"id": 7, "url": url}})).result
    assert (made.outcome, made.external_id, made.url) == (Outcome.DONE, "7", "")
    (row,) = vinted.read(Action.SYNC, answered({"items": [{"id": 7, "url": url}]})).rows
    assert (row.external_id, row.url) == ("7", "")


@pytest.mark.parametrize("result", [None, {}, {"item": None}, {"item": {"id": ["x"]}}, [], "ok", 7])
def test_publication_without_a_number_is_unknown(vinted, result):
    assert vinted.read(Action.PUBLISH, answered(result)).result.outcome == Outcome.UNKNOWN


@pytest.mark.parametrize(
    "answer, reason",
    [
        (BrowserAnswer(False, status=401), "session_over"),
        (BrowserAnswer(False, status=403, message="Forbidden"), "stopped_by_channel"),
        (BrowserAnswer(False, status=200, message="Please solve the CAPTCHA"), "stopped_by_channel"),
        (BrowserAnswer(True, status=200, result="<title>DataDome</title>"), "stopped_by_channel"),
        (BrowserAnswer(True, status=403), "stopped_by_channel"),
    ],
)
@pytest.mark.parametrize("action", [Action.PUBLISH, Action.ORDERS])
def test_end_of_the_session_or_a_captcha_stops_the_merchants_queue(vinted, answer, reason, action):
    result = vinted.read(action, answer).result

    assert (result.outcome, result.reason, result.permanent) == (Outcome.CREDENTIALS, reason, True)


@pytest.mark.parametrize(
    "action, status, outcome",
    [
        (Action.PUBLISH, 400, Outcome.REFUSED),
        (Action.PUBLISH, 429, Outcome.LATER),
        (Action.PUBLISH, 500, Outcome.UNKNOWN),
        (Action.PUBLISH, None, Outcome.UNKNOWN),
        (Action.ORDERS, 500, Outcome.LATER),
        (Action.ORDERS, None, Outcome.LATER),
        (Action.ORDERS, 404, Outcome.REFUSED),
    ],
)
def test_failure_in_the_browser(vinted, action, status, outcome):
    answer = BrowserAnswer(False, status=status, message="no\x00" + "x" * 1000)

    result = vinted.read(action, answer).result

    assert (result.outcome, len(result.detail), "\x00" in result.detail) == (outcome, 500, False)


def test_wardrobe_is_read_page_by_page(vinted):
    assert vinted.sync(SELLER, "2").result.task.params == {"page": "2"}
    rows = [
        {"id": 1, "user_note": SKU, "title": "Crème", "price": {"amount": "19.06"}, "state": "active"},
        {"id": 2, "title": "Autre", "state": "sold"},
        {"title": "without a number"},
    ]

    page = vinted.read(Action.SYNC, answered({"items": rows, "next": 3}))

    assert [(row.external_id, row.sku, row.status) for row in page.rows] == [
        ("1", SKU, ListingStatus.LIVE),
        ("2", "", ListingStatus.ENDED),
    ]
    assert page.rows[0].price == Amount(1906, "EUR")
    assert (page.cursor, page.more) == ("3", True)
    assert not vinted.read(Action.SYNC, answered({"items": [], "next": 4})).more


def test_orders_are_read_and_one_that_cannot_be_read_stops_them(vinted):
    row = {"id": 9, "price": "12.00", "title": "Crème", "date": "2026-11-21T10:00:00+00:00", "user": [{"login": "awa"}]}

    (order,) = vinted.read(Action.ORDERS, answered({"orders": [row]})).rows
    broken = vinted.read(Action.ORDERS, answered({"orders": [row, {"id": 10}]}))

    assert (order.external_id, order.total, order.buyer) == ("9", Amount(1200, "EUR"), "awa")
    assert [(line.quantity, line.unit_price) for line in order.lines] == [(1, Amount(1200, "EUR"))]
    assert (broken.result.outcome, broken.rows) == (Outcome.LATER, ())


def test_messages_are_read(vinted):
    page = vinted.read(Action.MESSAGES, answered([{"id": 1, "from": "awa", "body": "Bonjour"}, {"body": "?"}]))

    assert [(row.external_id, row.sender, row.text) for row in page.rows] == [("1", "awa", "Bonjour")]
    assert vinted.read(Action.MESSAGES, answered({"x": 1})).result.reason == "unreadable"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x", 7])
def test_moment_that_no_database_could_give_back_is_now(at):
    assert abs((_moment(at) - timezone.now()).total_seconds()) < 60

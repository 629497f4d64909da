import pytest

from simulators.tests.helpers import ebay_item, ebay_offer

INVENTORY = "/sell/inventory/v1"
ORDERS = "/sell/fulfillment/v1/order"


class Seller:
    """A seller's application, with a token of the account."""

    def __init__(self, server, http, account="1001", **grant):
        self.base, self.control, self._http = server.base_url("ebay"), f"{server.url}/control/ebay", http
        tokens = http.post(f"{self.control}/grants", json={"account": account, **grant}).json()
        self.headers = {"Authorization": f"Bearer {tokens['access_token']}", "Content-Language": "fr-FR"}

    def call(self, method, path, body=None, **options):
        return self._http.request(method, f"{self.base}{path}", json=body, headers=self.headers, **options)

    def item(self, sku="CREME1", **changes):
        return self.call("PUT", f"{INVENTORY}/inventory_item/{sku}", ebay_item(**changes))

    def offer(self, sku="CREME1", **changes):
        return self.call("POST", f"{INVENTORY}/offer", ebay_offer(sku, **changes))

    def publish(self, sku="CREME1"):
        self.item(sku)
        offer_id = self.offer(sku).json()["offerId"]
        return offer_id, self.call("POST", f"{INVENTORY}/offer/{offer_id}/publish").json()["listingId"]

    def listings(self, **query):
        return self._http.get(f"{self.control}/listings", params=query).json()["listings"]

    def buy(self, sku="CREME1", **body):
        return self._http.post(f"{self.control}/orders", json={"sku": sku, **body})


@pytest.fixture
def seller(server, http):
    return Seller(server, http)


def errors(answer):
    return [(error["errorId"], error["category"]) for error in answer.json()["errors"]]


def test_item_offer_and_publish_make_one_live_listing(seller):
    assert seller.item().status_code == 204
    created = seller.offer()
    assert (created.status_code, set(created.json())) == (201, {"offerId"})
    offer_id = created.json()["offerId"]

    published = seller.call("POST", f"{INVENTORY}/offer/{offer_id}/publish")

    assert published.status_code == 200
    listing_id = published.json()["listingId"]
    assert seller.listings(live="true") == [
        {
            "account": "1001",
            "sku": "CREME1",
            "id": listing_id,
            "state": "PUBLISHED",
            "live": True,
            "quantity": 3,
            "price": "19.06",
            "currency": "EUR",
            "title": "Crème solaire",
        }
    ]
    assert seller.call("POST", f"{INVENTORY}/offer/{offer_id}/publish").json() == {"listingId": listing_id}
    found = seller.call("GET", f"{INVENTORY}/offer?sku=CREME1").json()
    assert (found["total"], found["offers"][0]["listing"]["listingId"]) == (1, listing_id)


def test_item_is_replaced_as_a_whole(seller):
    seller.item()

    assert seller.item(product={"title": "Autre"}).status_code == 204
    stored = seller.call("GET", f"{INVENTORY}/inventory_item/CREME1").json()
    assert stored["product"] == {"title": "Autre"}


@pytest.mark.parametrize("sku", ["A" * 51, "A-1", "crème", "a_b"])
def test_sku_of_other_characters_is_refused(seller, sku):
    assert errors(seller.item(sku)) == [(25707, "REQUEST")]
    assert errors(seller.offer(sku)) == [(25707, "REQUEST")]
    assert errors(seller.call("GET", f"{INVENTORY}/offer", params={"sku": sku})) == [(25707, "REQUEST")]


def test_item_needs_a_content_language(seller):
    del seller.headers["Content-Language"]

    assert errors(seller.item()) == [(25709, "REQUEST")]
    assert seller.listings() == []


@pytest.mark.parametrize(
    "changes, count",
    [
        ({"availability": {"shipToLocationAvailability": {"quantity": -1}}}, 1),
        ({"availability": {"shipToLocationAvailability": {"quantity": "3"}}}, 1),
        ({"condition": "SHINY"}, 1),
        ({"product": {"title": "x" * 81}}, 1),
        ({"product": {"title": "", "aspects": {"Marque": "Solaris"}, "imageUrls": ["ftp://x"]}}, 3),
        ({"product": []}, 0),
        ({"product": "x"}, 1),
    ],
)
def test_item_with_bad_fields_is_refused_with_one_error_each(seller, changes, count):
    answer = seller.item(**changes)

    assert (answer.status_code, len(answer.json()["errors"]) if count else 0) == (400 if count else 204, count)


@pytest.mark.parametrize(
    "changes, ids",
    [
        ({"marketplaceId": "EBAY_XX"}, [25709]),
        ({"format": None}, [25709]),
        ({"pricingSummary": {"price": {"value": 19.06, "currency": "EUR"}}}, [25002]),
        ({"pricingSummary": {"price": {"value": "19.065", "currency": "EUR"}}}, [25002]),
        ({"pricingSummary": {"price": {"value": "0.00", "currency": "EUR"}}}, [25002]),
        ({"pricingSummary": {"price": {"value": "19.06", "currency": "USD"}}}, [25002]),
        ({"pricingSummary": {"price": {"value": "12500", "currency": "XAF"}}}, [25002]),
        ({"availableQuantity": "3"}, [25002]),
        ({"sku": "A-1", "format": ""}, [25707, 25709]),
        ({"sku": "NOTHING"}, [25002]),
    ],
)
def test_offer_with_bad_fields_is_refused(seller, changes, ids):
    seller.item()

    answer = seller.call("POST", f"{INVENTORY}/offer", ebay_offer(**changes))

    assert (answer.status_code, [error for error, _ in errors(answer)]) == (400, ids)
    assert seller.listings() == []


def test_second_offer_of_a_sku_names_the_first(seller):
    seller.item()
    offer_id = seller.offer().json()["offerId"]

    again = seller.offer()

    assert errors(again) == [(25002, "REQUEST")]
    assert again.json()["errors"][0]["parameters"] == [{"name": "offerId", "value": offer_id}]
    assert len(seller.listings()) == 1


@pytest.mark.parametrize(
    "missing",
    ["merchantLocationKey", "categoryId", "pricingSummary", "listingPolicies", "availableQuantity"],
)
def test_offer_that_lacks_something_is_not_published(seller, missing):
    seller.item()
    offer = ebay_offer()
    del offer[missing]
    offer_id = seller.call("POST", f"{INVENTORY}/offer", offer).json()["offerId"]

    answer = seller.call("POST", f"{INVENTORY}/offer/{offer_id}/publish")

    assert (answer.status_code, {error for error, _ in errors(answer)}) == (400, {25002})
    assert seller.listings(live="true") == []


@pytest.mark.parametrize("missing", ["title", "description", "imageUrls"])
def test_item_that_lacks_something_is_not_published(seller, missing):
    product = dict(ebay_item()["product"])
    del product[missing]
    seller.item(product=product)
    offer_id = seller.offer().json()["offerId"]

    answer = seller.call("POST", f"{INVENTORY}/offer/{offer_id}/publish")

    assert answer.json()["errors"][0]["parameters"] == [{"name": "fieldName", "value": missing}]


def test_withdrawn_offer_is_not_live_and_may_be_published_again(seller):
    offer_id, listing_id = seller.publish()

    assert seller.call("POST", f"{INVENTORY}/offer/{offer_id}/withdraw").json() == {"listingId": listing_id}
    assert seller.listings(live="true") == []
    assert errors(seller.call("POST", f"{INVENTORY}/offer/{offer_id}/withdraw")) == [(25002, "REQUEST")]
    again = seller.call("POST", f"{INVENTORY}/offer/{offer_id}/publish").json()["listingId"]
    assert again != listing_id
    assert [row["id"] for row in seller.listings(live="true")] == [again]


def test_replaced_offer_keeps_its_listing(seller):
    offer_id, listing_id = seller.publish()
    changed = ebay_offer(pricingSummary={"price": {"value": "17.00", "currency": "EUR"}})

    assert seller.call("PUT", f"{INVENTORY}/offer/{offer_id}", changed).status_code == 200
    (row,) = seller.listings(live="true")
    assert (row["id"], row["price"]) == (listing_id, "17.00")
    assert seller.call("PUT", f"{INVENTORY}/offer/1", changed).status_code == 404


def test_bulk_update_answers_for_each_offer(seller):
    offer_id, _ = seller.publish()
    body = {
        "requests": [
            {
                "sku": "CREME1",
                "shipToLocationAvailability": {"quantity": 2},
                "offers": [
                    {"offerId": offer_id, "availableQuantity": 2, "price": {"value": "18.00", "currency": "EUR"}},
                    {"offerId": "1", "availableQuantity": 2},
                ],
            },
            {"sku": "NOTHING"},
        ]
    }

    answer = seller.call("POST", f"{INVENTORY}/bulk_update_price_quantity", body)

    assert answer.status_code == 200
    responses = [(row["sku"], row["offerId"], row["statusCode"]) for row in answer.json()["responses"]]
    assert responses == [("CREME1", offer_id, 200), ("CREME1", "1", 404), ("NOTHING", "", 404)]
    (row,) = seller.listings()
    assert (row["price"], row["quantity"]) == ("18.00", 2)


def test_buyer_buys_what_is_live_and_no_more(seller):
    seller.publish()

    order = seller.buy(quantity=2).json()

    assert order["pricingSummary"]["total"] == {"value": "38.12", "currency": "EUR"}
    assert seller.listings()[0]["quantity"] == 1
    assert seller.buy(quantity=2).status_code == 409
    assert seller.buy().status_code == 201
    assert seller.listings(live="true") == []
    assert seller.buy().json()["error"] == "not_for_sale"


def test_orders_are_paged_within_their_dates(seller):
    seller.publish()
    bought = [seller.buy().json() for _ in range(3)]
    since = f"creationdate:[{bought[0]['creationDate']}..]"

    first = seller.call("GET", ORDERS, params={"filter": since, "limit": 2, "offset": 0}).json()
    second = seller.call("GET", ORDERS, params={"filter": since, "limit": 2, "offset": 2}).json()

    assert [first["total"], len(first["orders"]), len(second["orders"])] == [3, 2, 1]
    assert "next" in first
    assert "next" not in second
    assert set(first["orders"][0]) >= {
        "orderId",
        "creationDate",
        "orderFulfillmentStatus",
        "orderPaymentStatus",
        "buyer",
        "pricingSummary",
        "lineItems",
    }
    assert set(first["orders"][0]["lineItems"][0]) == {
        "lineItemId",
        "legacyItemId",
        "sku",
        "title",
        "quantity",
        "total",
    }
    later = seller.call("GET", ORDERS, params={"filter": "creationdate:[2999-01-01T00:00:00.000Z..]"}).json()
    assert later["total"] == 0
    assert seller.call("GET", ORDERS, params={"limit": 201}).status_code == 400


def test_order_that_was_sent_is_fulfilled(seller):
    seller.publish()
    order = seller.buy().json()
    path = f"{ORDERS}/{order['orderId']}/shipping_fulfillment"

    assert seller.call("POST", path, {"lineItems": []}).status_code == 400
    lines = [{"lineItemId": order["lineItems"][0]["lineItemId"], "quantity": 1}]
    assert seller.call("POST", path, {"lineItems": lines}).status_code == 201
    assert seller.call("GET", ORDERS).json()["orders"][0]["orderFulfillmentStatus"] == "FULFILLED"
    assert seller.call("POST", f"{ORDERS}/0/shipping_fulfillment", {"lineItems": lines}).status_code == 404


def test_sellers_do_not_see_one_another(server, http, seller):
    offer_id, _ = seller.publish()
    seller.buy()
    other = Seller(server, http, "2002")

    assert other.call("GET", f"{INVENTORY}/inventory_item/CREME1").status_code == 404
    assert other.call("GET", f"{INVENTORY}/offer?sku=CREME1").status_code == 404
    assert other.call("POST", f"{INVENTORY}/offer/{offer_id}/withdraw").status_code == 404
    assert other.call("GET", ORDERS).json()["total"] == 0
    assert other.call("GET", f"{INVENTORY}/inventory_item").json()["inventoryItems"] == []


def test_items_are_listed_by_pages(seller):
    for number in range(3):
        seller.item(f"CREME{number}")

    first = seller.call("GET", f"{INVENTORY}/inventory_item", params={"limit": 2}).json()
    second = seller.call("GET", f"{INVENTORY}/inventory_item", params={"limit": 2, "offset": 2}).json()

    assert [row["sku"] for row in first["inventoryItems"] + second["inventoryItems"]] == ["CREME0", "CREME1", "CREME2"]
    assert (first["total"], "next" in first, "next" in second) == (3, True, False)


def test_token_of_too_little_scope_is_403_and_none_is_401(server, http):
    weak = Seller(server, http, scopes=["https://api.ebay.com/oauth/api_scope/sell.fulfillment"])

    assert errors(weak.item()) == [(1100, "REQUEST")]
    weak.headers["Authorization"] = "Bearer x"
    answer = weak.item()
    assert (answer.status_code, errors(answer)) == (401, [(1001, "REQUEST")])


def test_call_that_is_one_too_many_is_429(server, http, seller):
    http.post(f"{seller.control}/options", json={"calls_per_day": 2})

    statuses = [seller.item().status_code for _ in range(3)]

    assert statuses == [204, 204, 429]
    refused = seller.item()
    assert errors(refused) == [(2001, "REQUEST")]
    assert 1 <= int(refused.headers["Retry-After"]) <= 86_400


def test_fault_can_hit_one_method_only(server, http, seller):
    http.post(
        f"{seller.control}/faults", json={"fault": "error_500", "path": "/sell/inventory/v1/offer", "method": "post"}
    )
    seller.item()

    assert seller.call("GET", f"{INVENTORY}/offer?sku=CREME1").status_code == 404
    refused = seller.offer()
    assert (refused.status_code, errors(refused)) == (500, [(25001, "APPLICATION")])

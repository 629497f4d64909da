import pytest

from simulators.tests.helpers import etsy_inventory, etsy_listing

SHOP = "/shops/81001"
IMAGE = {"image": ("1.png", b"\x89PNG", "image/png")}


class Seller:
    """A seller's application, with a token of the account."""

    def __init__(self, server, http, account="1001", **grant):
        self.base, self.control, self._http = server.base_url("etsy"), f"{server.url}/control/etsy", http
        tokens = http.post(f"{self.control}/grants", json={"account": account, **grant}).json()
        self.headers = {"Authorization": f"Bearer {tokens['access_token']}", "x-api-key": "demo-etsy-keystring"}

    def call(self, method, path, body=None, **options):
        return self._http.request(method, f"{self.base}{path}", json=body, headers=self.headers, **options)

    def create(self, **changes):
        return self.call("POST", f"{SHOP}/listings", etsy_listing(**changes))

    def publish(self, sku="CREME1", **offering):
        listing = self.create().json()["listing_id"]
        self.call("PUT", f"/listings/{listing}/inventory", etsy_inventory(sku, **offering))
        self.call("POST", f"{SHOP}/listings/{listing}/images", files=IMAGE)
        assert self.call("PATCH", f"{SHOP}/listings/{listing}", {"state": "active"}).status_code == 200
        return listing

    def listings(self, **query):
        return self._http.get(f"{self.control}/listings", params=query).json()["listings"]

    def buy(self, sku="CREME1", **body):
        return self._http.post(f"{self.control}/orders", json={"sku": sku, **body})


@pytest.fixture
def seller(server, http):
    return Seller(server, http)


def test_draft_inventory_image_and_activation_make_one_live_listing(seller):
    created = seller.create()
    assert created.status_code == 201
    listing = created.json()["listing_id"]
    assert created.json()["state"] == "draft"
    assert created.json()["price"] == {"amount": 1906, "divisor": 100, "currency_code": "EUR"}
    assert created.json()["skus"] == []

    stored = seller.call("PUT", f"/listings/{listing}/inventory", etsy_inventory(price=17.5, quantity=2)).json()
    assert stored["products"][0]["offerings"][0]["price"] == {"amount": 1750, "divisor": 100, "currency_code": "EUR"}
    assert seller.call("PATCH", f"{SHOP}/listings/{listing}", {"state": "active"}).status_code == 400
    assert seller.call("POST", f"{SHOP}/listings/{listing}/images", files=IMAGE).status_code == 201
    active = seller.call("PATCH", f"{SHOP}/listings/{listing}", {"state": "active"}).json()

    assert (active["state"], active["skus"], active["quantity"]) == ("active", ["CREME1"], 2)
    (row,) = seller.listings(live="true")
    assert (row["sku"], row["id"], row["price"], row["quantity"]) == ("CREME1", str(listing), 1750, 2)


def test_listing_is_created_from_a_form_too(seller):
    fields = {name: str(value) for name, value in etsy_listing().items()}

    created = seller._http.post(f"{seller.base}{SHOP}/listings", data=fields, headers=seller.headers)

    assert (created.status_code, created.json()["quantity"]) == (201, 3)


@pytest.mark.parametrize("name", ["quantity", "title", "description", "price", "who_made", "when_made", "taxonomy_id"])
def test_listing_without_a_required_field_is_refused(seller, name):
    body = etsy_listing()
    del body[name]

    answer = seller.call("POST", f"{SHOP}/listings", body)

    assert (answer.status_code, answer.json()) == (400, {"error": f"Missing required parameters: {name}"})
    assert seller.listings() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 0},
        {"quantity": 1000},
        {"quantity": "x"},
        {"price": 0.19},
        {"price": 19.065},
        {"price": "NaN"},
        {"price": True},
        {"who_made": "nobody"},
        {"when_made": "soon"},
        {"taxonomy_id": 0},
        {"title": "x" * 141},
    ],
)
def test_listing_with_a_bad_field_is_refused(seller, changes):
    assert seller.create(**changes).status_code == 400
    assert seller.listings() == []


def test_price_and_quantity_belong_to_the_inventory(seller):
    listing = seller.create().json()["listing_id"]

    answer = seller.call("PATCH", f"{SHOP}/listings/{listing}", {"price": 3, "quantity": 2})

    assert (answer.status_code, answer.json()["error"]) == (400, "price, quantity belong to the inventory")


@pytest.mark.parametrize(
    "change",
    [
        {"products": []},
        {"products": [{"sku": "A", "property_values": []}]},
        {"products": [{"sku": "A", "property_values": [], "offerings": []}]},
        {"products": [{"property_values": [], "offerings": [{"price": 1, "quantity": 1, "is_enabled": True}]}]},
        {"products": [{"sku": "A", "offerings": [{"price": 1, "quantity": 1, "is_enabled": True}]}]},
        {"products": etsy_inventory("A" * 33)["products"]},
        {"products": etsy_inventory(price="1.00")["products"]},
        {"products": etsy_inventory(price=1.001)["products"]},
        {"products": etsy_inventory(quantity=1.5)["products"]},
        {"products": etsy_inventory(quantity=0)["products"]},
        {"products": etsy_inventory(is_enabled=None)["products"]},
        {"sku_on_property": 7},
    ],
)
def test_inventory_with_a_bad_field_is_refused(seller, change):
    listing = seller.publish()

    answer = seller.call("PUT", f"/listings/{listing}/inventory", etsy_inventory() | change)

    assert (answer.status_code, set(answer.json())) == (400, {"error"})
    assert [(row["sku"], row["price"], row["quantity"]) for row in seller.listings()] == [("CREME1", 1906, 3)]


def test_listing_is_deactivated_activated_and_deleted(seller):
    listing = seller.publish()

    assert seller.call("PATCH", f"{SHOP}/listings/{listing}", {"state": "inactive"}).json()["state"] == "inactive"
    assert seller.listings(live="true") == []
    assert seller.call("PATCH", f"{SHOP}/listings/{listing}", {"state": "active"}).json()["state"] == "active"
    assert seller.call("DELETE", f"/listings/{listing}").status_code == 204
    assert seller.call("DELETE", f"/listings/{listing}").json() == {"error": "Resource not found"}
    assert seller.listings() == []
    draft = seller.create().json()["listing_id"]
    assert seller.call("PATCH", f"{SHOP}/listings/{draft}", {"state": "inactive"}).status_code == 400


def test_nothing_is_idempotent(seller):
    assert seller.create().json()["listing_id"] != seller.create().json()["listing_id"]


def test_listings_are_found_by_state_and_page(seller):
    listings = [seller.publish(f"CREME{number}") for number in range(3)]
    draft = seller.create().json()["listing_id"]

    newest = seller.call("GET", f"{SHOP}/listings", params={"state": "active", "limit": 2}).json()
    oldest = seller.call("GET", f"{SHOP}/listings", params={"limit": 2, "offset": 2}).json()
    drafts = seller.call("GET", f"{SHOP}/listings", params={"state": "draft"}).json()

    assert (newest["count"], [row["listing_id"] for row in newest["results"]]) == (3, [listings[2], listings[1]])
    assert [row["skus"] for row in oldest["results"]] == [["CREME0"]]
    assert [row["listing_id"] for row in drafts["results"]] == [draft]
    assert seller.call("GET", f"{SHOP}/listings", params={"state": "mine"}).status_code == 400
    assert seller.call("GET", f"{SHOP}/listings", params={"limit": 101}).status_code == 400


def test_buyer_buys_until_it_is_sold_out(seller):
    listing = seller.publish()

    receipt = seller.buy(quantity=2).json()

    assert receipt["grandtotal"] == {"amount": 3812, "divisor": 100, "currency_code": "EUR"}
    assert receipt["transactions"][0]["listing_id"] == listing
    assert seller.buy(quantity=2).status_code == 409
    assert seller.buy().status_code == 201
    assert [row["state"] for row in seller.listings()] == ["sold_out"]
    assert seller.buy().json()["error"] == "not_for_sale"


def test_receipts_are_paged_and_filtered(seller):
    seller.publish()
    first, second, third = (seller.buy().json()["receipt_id"] for _ in range(3))

    newest = seller.call("GET", f"{SHOP}/receipts", params={"limit": 2}).json()
    oldest = seller.call("GET", f"{SHOP}/receipts", params={"sort_order": "asc", "limit": 2, "offset": 2}).json()

    assert (newest["count"], [row["receipt_id"] for row in newest["results"]]) == (3, [third, second])
    assert [row["receipt_id"] for row in oldest["results"]] == [third]
    assert seller.call("GET", f"{SHOP}/receipts", params={"min_created": 99_999_999_999}).json()["count"] == 0
    assert seller.call("POST", f"{SHOP}/receipts/{first}/tracking", {}).json()["is_shipped"] is True
    assert seller.call("POST", f"{SHOP}/receipts/7/tracking", {}).status_code == 404


def test_sellers_do_not_see_one_another(server, http, seller):
    listing = seller.publish()
    other = Seller(server, http, "2002")

    assert other.call("GET", f"/listings/{listing}/inventory").status_code == 404
    assert other.call("DELETE", f"/listings/{listing}").status_code == 404
    assert other.call("GET", f"{SHOP}/listings").status_code == 403
    assert other.call("POST", f"{SHOP}/listings", etsy_listing()).status_code == 403
    assert other.call("GET", "/users/me").json() == {"user_id": 2002, "shop_id": 82002}
    assert len(seller.listings(live="true")) == 1


def test_key_token_and_scope_are_checked(server, http):
    weak = Seller(server, http, scopes=["listings_r"])

    assert weak.create().json() == {"error": "insufficient_scope: listings_w"}
    weak.headers["x-api-key"] = "another"
    assert weak.create().status_code == 403
    weak.headers |= {"x-api-key": "demo-etsy-keystring", "Authorization": "Bearer 1001.x"}
    refused = weak.create()
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")


def test_answers_tell_what_is_left_and_429_when_to_come_back(http, seller):
    http.post(f"{seller.control}/options", json={"calls_per_day": 3})

    left = [seller.call("GET", "/users/me").headers["x-remaining-today"] for _ in range(3)]
    refused = seller.call("GET", "/users/me")

    assert left == ["2", "1", "0"]
    assert (refused.status_code, refused.json()) == (429, {"error": "Has exceeded quota"})
    assert 1 <= int(refused.headers["retry-after"]) <= 86_400
    assert {"x-remaining-this-second", "x-limit-per-second", "x-limit-per-day"} <= set(refused.headers)

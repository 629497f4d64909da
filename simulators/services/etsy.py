"""Etsy's Open API v3: OAuth with PKCE and rotating refresh tokens, listings, inventory, receipts.

A shop belongs to each account; its id is the account's number with an 8 in front. Inferred: a listing without an image
cannot be activated (option `image_required`); the refused states and their words. SKUs may have 32 characters.
"""

import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar

from ..callbacks import Scheduler
from ..config import SimulatorConfig
from ..marketplace import DAY, Marketplace, NotForSale, oauth_refusal, retry_after, token_answer
from ..oauth import OAuthRefusal, Token
from ..service import Option
from ..wire import Answer, Headers, Request, Router, answer_json
from . import etsy_checks as checks
from .etsy_receipts import EtsyReceipts, money

APP = r"/v3/application"
SHOP = APP + r"/shops/(?P<shop>[0-9]{1,15})"
LISTING = r"/listings/(?P<listing_id>[0-9]{1,15})"
STATES = ("active", "inactive", "draft", "sold_out", "expired")
LARGEST_PAGE = 100


@dataclass(slots=True)
class Listing:
    """Of one shop. `products` is the inventory as it was put; a new one has a product without SKU."""

    id: int
    account: str
    fields: dict[str, Any]
    created: int
    state: str = "draft"
    products: list[dict[str, Any]] = field(default_factory=list)
    images: int = 0

    def offerings(self) -> list[dict[str, Any]]:
        return [offering for product in self.products for offering in product["offerings"]]

    def quantity(self) -> int:
        return sum(offering["quantity"] for offering in self.offerings() if offering["is_enabled"])

    def skus(self) -> list[str]:
        return [product["sku"] for product in self.products if product["sku"]]


class Etsy(EtsyReceipts, Marketplace):
    name = "etsy"
    title = "Etsy"
    base = "/v3/application"
    currency: ClassVar[str] = "EUR"
    scopes = frozenset("listings_r listings_w listings_d transactions_r transactions_w shops_r".split())
    option_table: ClassVar[dict[str, Option]] = {
        **Marketplace.option_table,
        "image_required": Option(True, (True, False), "whether a listing needs an image to become active"),
    }
    routes = Router(
        ("GET", r"/oauth/connect", "authorise"),
        ("POST", r"/oauth/connect", "authorise"),
        ("POST", r"/v3/public/oauth/token", "token"),
        ("GET", APP + r"/users/me", "me"),
        ("GET", SHOP + r"/listings", "find_listings"),
        ("POST", SHOP + r"/listings", "create_listing"),
        ("PATCH", SHOP + LISTING, "change_listing"),
        ("POST", SHOP + LISTING + r"/images", "add_image"),
        ("GET", APP + LISTING + r"/images", "list_images"),
        ("GET", APP + LISTING, "show_listing"),
        ("DELETE", APP + LISTING, "delete_listing"),
        ("GET", APP + LISTING + r"/inventory", "show_inventory"),
        ("PUT", APP + LISTING + r"/inventory", "put_inventory"),
        ("GET", SHOP + r"/receipts", "find_receipts"),
        ("POST", SHOP + r"/receipts/(?P<receipt_id>[0-9]{1,15})/tracking", "fulfil_receipt"),
    )

    def __init__(self, config: SimulatorConfig, scheduler: Scheduler):
        super().__init__(config, scheduler)
        self.books: dict[int, Listing] = {}
        self.receipts: list[dict[str, Any]] = []
        self._numbers = count(1)

    def token_prefix(self, account: str) -> str:
        return f"{account}."

    def authorise(self, request: Request) -> Answer:
        return self.consent(request, client_id=self.config.etsy_api_key, needs_challenge=True)

    def token(self, request: Request) -> Answer:
        form = request.form() or request.data() or {}
        try:
            if form.get("client_id") != self.config.etsy_api_key:
                raise OAuthRefusal("invalid_client", "client_id is unknown")
            match form.get("grant_type"):
                case "authorization_code":
                    pair = self.grants.exchange(
                        form.get("code", ""),
                        redirect_uri=form.get("redirect_uri", ""),
                        verifier=form.get("code_verifier", ""),
                        lives=self.lives(),
                    )
                case "refresh_token":
                    pair = self.grants.renew(form.get("refresh_token", ""), lives=self.lives(), rotate=True)
                case _:
                    raise OAuthRefusal("unsupported_grant_type", "grant_type is not supported")
        except OAuthRefusal as refusal:
            return oauth_refusal(refusal)
        return answer_json(200, token_answer(pair), outcome=f"tokens for account {pair.account}")

    def me(self, request: Request) -> Answer:
        token, refusal = self.caller(request, "shops_r")
        if token is None:
            return refusal
        user = int(token.account)
        return self._answer(200, {"user_id": user, "shop_id": shop_of(token.account)}, outcome=f"user {user}")

    def find_listings(self, request: Request, shop: str) -> Answer:
        token, refusal = self.caller(request, "listings_r", shop)
        if token is None:
            return refusal
        state = request.query.get("state", "active")
        limit, offset = checks.whole(request.query.get("limit", 25)), checks.whole(request.query.get("offset", 0))
        if state not in STATES or limit is None or offset is None or not 1 <= limit <= LARGEST_PAGE:
            return self._refusal(400, "state, limit or offset is invalid")
        found = [row for row in self.books.values() if (row.account, row.state) == (token.account, state)]
        found.sort(key=lambda row: row.id, reverse=request.query.get("sort_order", "desc") == "desc")
        results = [self._shown(row) for row in found[offset : offset + limit]]
        return self._answer(200, {"count": len(found), "results": results}, outcome=f"{len(results)} listings")

    def create_listing(self, request: Request, shop: str) -> Answer:
        token, refusal = self.caller(request, "listings_w", shop)
        if token is None:
            return refusal
        data = request.form() if "urlencoded" in request.header("Content-Type") else request.data()
        if not isinstance(data, dict):
            return self._refusal(400, "A body is expected")
        if error := checks.listing_error(data):
            return self._refusal(400, error)
        number = 1_500_000_000 + next(self._numbers)
        price, quantity = checks.cents(data["price"]), checks.whole(data["quantity"])
        fields = {name: data[name] for name in ("title", "description", "who_made", "when_made")}
        fields["taxonomy_id"] = checks.whole(data["taxonomy_id"])
        first = {"price": price, "quantity": quantity, "is_enabled": True}
        product = {"sku": "", "property_values": [], "offerings": [first]}
        self.books[number] = Listing(number, token.account, fields, int(time.time()), products=[product])
        return self._answer(201, self._shown(self.books[number]), outcome=f"draft {number}")

    def change_listing(self, request: Request, shop: str, listing_id: str) -> Answer:
        listing, refusal = self._listing(request, "listings_w", listing_id, shop)
        if listing is None:
            return refusal
        data = request.form() if "urlencoded" in request.header("Content-Type") else request.data()
        if not isinstance(data, dict):
            return self._refusal(400, "A body is expected")
        if unknown := sorted({"price", "quantity"} & set(data)):
            return self._refusal(400, f"{', '.join(unknown)} belong to the inventory")
        state = data.pop("state", listing.state)
        if state not in ("active", "inactive") and state != listing.state:
            return self._refusal(400, "state must be active or inactive")
        changed = {**listing.fields, **{name: data[name] for name in data if name in listing.fields}}
        changed["taxonomy_id"] = checks.whole(changed["taxonomy_id"])
        if state == "active" and (error := self._not_ready(listing)):
            return self._refusal(400, error)
        if state == "inactive" and listing.state == "draft":
            return self._refusal(400, "a draft can only become active")
        listing.fields, listing.state = changed, state
        return self._answer(200, self._shown(listing), outcome=f"{listing_id} is {state}")

    def add_image(self, request: Request, shop: str, listing_id: str) -> Answer:
        listing, refusal = self._listing(request, "listings_w", listing_id, shop)
        if listing is None:
            return refusal
        if "multipart/form-data" not in request.header("Content-Type") or b'name="image"' not in request.body:
            return self._refusal(400, "image is required")
        listing.images += 1
        return self._answer(201, image(listing, listing.images), outcome=f"image {listing.images} of {listing_id}")

    def list_images(self, request: Request, listing_id: str) -> Answer:
        listing, refusal = self._listing(request, "listings_r", listing_id)
        if listing is None:
            return refusal
        results = [image(listing, rank) for rank in range(1, listing.images + 1)]
        return self._answer(200, {"count": len(results), "results": results}, outcome=f"{len(results)} images")

    def show_listing(self, request: Request, listing_id: str) -> Answer:
        listing, refusal = self._listing(request, "listings_r", listing_id)
        return refusal if listing is None else self._answer(200, self._shown(listing), outcome="listing")

    def delete_listing(self, request: Request, listing_id: str) -> Answer:
        listing, refusal = self._listing(request, "listings_d", listing_id)
        if listing is None:
            return refusal
        del self.books[listing.id]
        return Answer(204, headers=self._remaining(), outcome=f"deleted {listing_id}")

    def show_inventory(self, request: Request, listing_id: str) -> Answer:
        listing, refusal = self._listing(request, "listings_r", listing_id)
        return refusal if listing is None else self._answer(200, self._inventory(listing), outcome="inventory")

    def put_inventory(self, request: Request, listing_id: str) -> Answer:
        """Replaces the whole inventory; with nothing left, an active listing is sold out."""
        listing, refusal = self._listing(request, "listings_w", listing_id)
        if listing is None:
            return refusal
        data = request.data()
        if error := checks.inventory_error(data):
            return self._refusal(400, error)
        products = [
            {
                "sku": product["sku"],
                "property_values": product["property_values"],
                "offerings": [
                    {
                        "price": checks.cents(each["price"]),
                        "quantity": each["quantity"],
                        "is_enabled": each["is_enabled"],
                    }
                    for each in product["offerings"]
                ],
            }
            for product in data["products"]
        ]
        if not any(each["quantity"] and each["is_enabled"] for product in products for each in product["offerings"]):
            return self._refusal(400, "at least one offering must be enabled with a quantity")
        listing.products = products
        return self._answer(200, self._inventory(listing), outcome=f"inventory of {listing_id}")

    def listings(self) -> list[dict[str, Any]]:
        return [
            {
                "account": row.account,
                "sku": (row.skus() or [""])[0],
                "id": str(row.id),
                "state": row.state,
                "images": row.images,
                "live": row.state == "active",
                "quantity": row.quantity(),
                "price": row.offerings()[0]["price"],
                "currency": self.currency,
                "title": row.fields["title"],
            }
            for row in self.books.values()
        ]

    def buy(self, account: str, sku: str, quantity: int) -> dict[str, Any]:
        for row in self.listings():
            if row["live"] and row["sku"] == sku and account in ("", row["account"]) and row["quantity"] >= quantity:
                listing = self.books[int(row["id"])]
                listing.offerings()[0]["quantity"] -= quantity
                if not listing.quantity():
                    listing.state = "sold_out"
                return self.book_receipt(row, quantity)
        raise NotForSale(f"{sku}: no live listing with {quantity}")

    def caller(self, request: Request, scope: str, shop: str = "") -> tuple[Token | None, Answer]:
        """The token of whoever calls, or the refusal: key, token, scope, too many calls, another's shop."""
        if request.header("x-api-key") != self.config.etsy_api_key:
            return None, self._refusal(403, "Invalid API key")
        token = self.grants.bearer(request.header("Authorization"))
        if token is None:
            return None, self.unauthorised()
        if scope not in token.scopes:
            return None, self._refusal(403, f"insufficient_scope: {scope}")
        if refusal := self.too_many():
            return None, refusal
        if shop and int(shop) != shop_of(token.account):
            return None, self._refusal(403, "The shop is not yours")
        return token, self.unauthorised()

    def unauthorised(self) -> Answer:
        body = {"error": "invalid_token", "error_description": "access token is expired or invalid"}
        return answer_json(401, body, headers=self._remaining(), outcome="refused: invalid_token")

    def limited(self, seconds: float) -> Answer:
        headers = self._remaining() + retry_after(seconds)
        return answer_json(429, {"error": "Has exceeded quota"}, headers=headers, outcome="refused: quota")

    def failed(self) -> Answer:
        return answer_json(500, {"error": "Server Error"}, headers=self._remaining())

    def is_token_request(self, request: Request) -> bool:
        return request.path.startswith("/v3/public/oauth/")

    def reset(self) -> None:
        with self.lock:
            super().reset()
            self.books.clear()
            self.receipts.clear()
            self._numbers = count(1)

    def _listing(self, request: Request, scope: str, listing_id: str, shop: str = "") -> tuple[Listing | None, Answer]:
        token, refusal = self.caller(request, scope, shop)
        if token is None:
            return None, refusal
        found = self.books.get(int(listing_id))
        if found is None or found.account != token.account:
            return None, self._refusal(404, "Resource not found")
        return found, refusal

    def _not_ready(self, listing: Listing) -> str | None:
        if self.options["image_required"] and not listing.images:
            return "a listing needs at least one image to be active"
        return None if listing.quantity() else "a listing needs a quantity to be active"

    def _shown(self, listing: Listing) -> dict[str, Any]:
        return {
            "listing_id": listing.id,
            "user_id": int(listing.account),
            "shop_id": shop_of(listing.account),
            **listing.fields,
            "state": listing.state,
            "quantity": listing.quantity(),
            "price": money(listing.offerings()[0]["price"], self.currency),
            "skus": listing.skus(),
            "created_timestamp": listing.created,
            "url": f"https://www.etsy.com/listing/{listing.id}",
        }

    def _inventory(self, listing: Listing) -> dict[str, Any]:
        products = [
            {
                **product,
                "offerings": [{**each, "price": money(each["price"], self.currency)} for each in product["offerings"]],
            }
            for product in listing.products
        ]
        return {"products": products, "price_on_property": [], "quantity_on_property": [], "sku_on_property": []}

    def _remaining(self) -> Headers:
        """What is left of this second and of this day; without a limit as at Etsy, 10 and 10,000."""
        second, day = int(self.options["calls_per_second"]) or 10, int(self.options["calls_per_day"]) or 10_000
        return (
            ("x-limit-per-second", str(second)),
            ("x-remaining-this-second", str(max(0, self.limit.left("calls_per_second", second, 1)))),
            ("x-limit-per-day", str(day)),
            ("x-remaining-today", str(max(0, self.limit.left("calls_per_day", day, DAY)))),
        )

    def _answer(self, status: int, body: Any, *, outcome: str) -> Answer:
        return answer_json(status, body, outcome=outcome, headers=self._remaining())

    def _refusal(self, status: int, error: str) -> Answer:
        return self._answer(status, {"error": error}, outcome=f"refused: {error}")


def image(listing: Listing, rank: int) -> dict[str, Any]:
    return {"listing_id": listing.id, "listing_image_id": listing.id * 100 + rank, "rank": rank}


def shop_of(account: str) -> int:
    """The shop of an account."""
    return int(f"8{account}")

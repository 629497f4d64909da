"""eBay's Sell APIs: OAuth, Inventory and Fulfillment, as the vendor documents them.

Inferred, where the documentation leaves it open: a second `publish` of a live offer answers its listing; a listing
whose quantity is sold ends; the consent page stands at `/oauth2/authorize` of the same address, and the redirect goes
to `redirect_uri` itself, which at eBay is the name of a redirect registered there.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ClassVar

from ..callbacks import Scheduler
from ..config import SimulatorConfig
from ..marketplace import Marketplace, NotForSale, oauth_refusal, retry_after, token_answer
from ..oauth import OAuthRefusal
from ..service import Option
from ..wire import Answer, Request, Router, answer_json
from . import ebay_checks as checks
from .ebay_bulk import update
from .ebay_checks import EbayError, refuse
from .ebay_orders import FULFILLMENT, EbayOrders, number

SCOPE = "https://api.ebay.com/oauth/api_scope/"
INVENTORY = f"{SCOPE}sell.inventory"
INV = r"/sell/inventory/v1"
FUL = r"/sell/fulfillment/v1"
LARGEST_BULK = 25
LARGEST_PAGE = 100


@dataclass(slots=True)
class Shop:
    """A seller's books: inventory items by SKU, offers by id."""

    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    offers: dict[str, dict[str, Any]] = field(default_factory=dict)


class Ebay(EbayOrders, Marketplace):
    name = "ebay"
    title = "eBay"
    base = ""
    scopes = frozenset({INVENTORY, FULFILLMENT, f"{SCOPE}sell.account"})
    option_table: ClassVar[dict[str, Option]] = {
        **Marketplace.option_table,
        "access_seconds": Option(7200.0, None, "life of an access token"),
        "refresh_seconds": Option(47_304_000.0, None, "life of a refresh token: 18 months"),
    }
    routes = Router(
        ("GET", r"/oauth2/authorize", "authorise"),
        ("POST", r"/oauth2/authorize", "authorise"),
        ("POST", r"/identity/v1/oauth2/token", "token"),
        ("GET", INV + r"/inventory_item", "list_items"),
        ("GET", INV + r"/inventory_item/(?P<sku>[^/]+)", "show_item"),
        ("PUT", INV + r"/inventory_item/(?P<sku>[^/]+)", "put_item"),
        ("GET", INV + r"/offer", "find_offers"),
        ("POST", INV + r"/offer", "create_offer"),
        ("GET", INV + r"/offer/(?P<offer_id>[^/]+)", "show_offer"),
        ("PUT", INV + r"/offer/(?P<offer_id>[^/]+)", "put_offer"),
        ("DELETE", INV + r"/offer/(?P<offer_id>[^/]+)", "delete_offer"),
        ("POST", INV + r"/offer/(?P<offer_id>[^/]+)/publish", "publish"),
        ("POST", INV + r"/offer/(?P<offer_id>[^/]+)/withdraw", "withdraw"),
        ("POST", INV + r"/bulk_update_price_quantity", "bulk_update"),
        ("GET", FUL + r"/order", "find_orders"),
        ("POST", FUL + r"/order/(?P<order_id>[^/]+)/shipping_fulfillment", "fulfil_order"),
    )

    def __init__(self, config: SimulatorConfig, scheduler: Scheduler):
        super().__init__(config, scheduler)
        self.shops: dict[str, Shop] = {}
        self.sold: list[dict[str, Any]] = []
        self._numbers = count(1)

    def token_prefix(self, account: str) -> str:
        return "v^1.1#i^1#"

    def authorise(self, request: Request) -> Answer:
        return self.consent(request, client_id=self.config.ebay_client_id, needs_challenge=False)

    def token(self, request: Request) -> Answer:
        keys = f"{self.config.ebay_client_id}:{self.config.ebay_client_secret}"
        if request.header("Authorization") != f"Basic {b64encode(keys.encode()).decode()}":
            return oauth_refusal(OAuthRefusal("invalid_client", "client authentication failed"), 401)
        form = request.form()
        try:
            match form.get("grant_type"):
                case "authorization_code":
                    pair = self.grants.exchange(
                        form.get("code", ""), redirect_uri=form.get("redirect_uri", ""), lives=self.lives()
                    )
                case "refresh_token":
                    scopes = frozenset(form["scope"].split()) if "scope" in form else None
                    pair = self.grants.renew(
                        form.get("refresh_token", ""), lives=self.lives(), rotate=False, scopes=scopes
                    )
                case _:
                    raise OAuthRefusal("unsupported_grant_type", "grant type in request is not supported")
        except OAuthRefusal as refusal:
            return oauth_refusal(refusal)
        answer = token_answer(pair) | {"token_type": "User Access Token"}
        if pair.refresh_token:
            answer["refresh_token_expires_in"] = pair.refresh_expires_in
        else:
            del answer["refresh_token"]
        return answer_json(200, answer, outcome=f"tokens for account {pair.account}")

    def put_item(self, request: Request, sku: str) -> Answer:
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        if not request.header("Content-Language"):
            return refuse(400, checks.NO_LANGUAGE)
        data = request.data()
        errors = [error for error in [checks.sku_error(sku)] if error] + checks.item_errors(data)
        if errors:
            return refuse(400, *errors)
        shop.items[sku] = {**data, "sku": sku}
        return Answer(204, outcome=f"stored {sku}")

    def show_item(self, request: Request, sku: str) -> Answer:
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        return (
            answer_json(200, shop.items[sku], outcome="item") if sku in shop.items else refuse(404, checks.UNKNOWN_ITEM)
        )

    def list_items(self, request: Request) -> Answer:
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        limit, offset = number(request, "limit", 25), number(request, "offset", 0)
        if limit is None or offset is None or not 1 <= limit <= LARGEST_PAGE:
            return refuse(400, checks.user_error("limit or offset is invalid"))
        items = list(shop.items.values())
        chosen = items[offset : offset + limit]
        answer = {"total": len(items), "size": len(chosen), "limit": limit, "inventoryItems": chosen}
        if offset + limit < len(items):
            answer["next"] = f"/sell/inventory/v1/inventory_item?limit={limit}&offset={offset + limit}"
        return answer_json(200, answer, outcome=f"{len(chosen)} items")

    def find_offers(self, request: Request) -> Answer:
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        if error := checks.sku_error(request.query.get("sku")):
            return refuse(400, error)
        marketplace = request.query.get("marketplace_id")
        found = [
            offer
            for offer in shop.offers.values()
            if offer["sku"] == request.query["sku"] and marketplace in (None, offer["marketplaceId"])
        ]
        if not found:
            return refuse(404, checks.UNKNOWN_OFFER)
        return answer_json(
            200, {"total": len(found), "size": len(found), "offers": found}, outcome=f"{len(found)} offers"
        )

    def create_offer(self, request: Request) -> Answer:
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        data = request.data()
        if errors := checks.offer_errors(data):
            return refuse(400, *errors)
        if data["sku"] not in shop.items:
            return refuse(400, checks.user_error("The sku has no inventory item", sku=data["sku"]))
        identity = ("sku", "marketplaceId", "format")
        for offer_id, offer in shop.offers.items():
            if all(offer[name] == data[name] for name in identity):
                return refuse(400, checks.user_error("Offer entity already exists.", offerId=offer_id))
        offer_id = str(8_000_000_000 + next(self._numbers))
        shop.offers[offer_id] = {**data, "offerId": offer_id, "status": "UNPUBLISHED"}
        return answer_json(201, {"offerId": offer_id}, outcome=f"offer {offer_id}")

    def put_offer(self, request: Request, offer_id: str) -> Answer:
        """Full replacement, but for what an offer is (SKU, marketplace, format) and its listing."""
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        kept = shop.offers.get(offer_id)
        if kept is None:
            return refuse(404, checks.UNKNOWN_OFFER)
        data = request.data()
        identity = {name: kept[name] for name in ("sku", "marketplaceId", "format")}
        whole_offer = {**data, **identity} if isinstance(data, dict) else data
        errors = checks.offer_errors(whole_offer)
        if not errors and kept["status"] == "PUBLISHED":
            errors = checks.publish_errors(whole_offer, shop.items[kept["sku"]])
        if errors:
            return refuse(400, *errors)
        listing = {"listing": kept["listing"]} if "listing" in kept else {}
        shop.offers[offer_id] = {**whole_offer, "offerId": offer_id, "status": kept["status"], **listing}
        return answer_json(200, {"offerId": offer_id}, outcome=f"replaced {offer_id}")

    def show_offer(self, request: Request, offer_id: str) -> Answer:
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        if offer_id not in shop.offers:
            return refuse(404, checks.UNKNOWN_OFFER)
        return answer_json(200, shop.offers[offer_id], outcome=f"offer {offer_id}")

    def delete_offer(self, request: Request, offer_id: str) -> Answer:
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        if shop.offers.pop(offer_id, None) is None:
            return refuse(404, checks.UNKNOWN_OFFER)
        return Answer(204, outcome=f"deleted {offer_id}")

    def publish(self, request: Request, offer_id: str) -> Answer:
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        offer = shop.offers.get(offer_id)
        if offer is None:
            return refuse(404, checks.UNKNOWN_OFFER)
        if errors := checks.publish_errors(offer, shop.items[offer["sku"]]):
            return refuse(400, *errors)
        if offer["status"] != "PUBLISHED":
            offer["listing"] = {"listingId": str(110_000_000_000 + next(self._numbers)), "listingStatus": "ACTIVE"}
            offer["status"] = "PUBLISHED"
        return answer_json(200, {"listingId": offer["listing"]["listingId"]}, outcome=f"published {offer_id}")

    def withdraw(self, request: Request, offer_id: str) -> Answer:
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        offer = shop.offers.get(offer_id)
        if offer is None:
            return refuse(404, checks.UNKNOWN_OFFER)
        if offer["status"] != "PUBLISHED":
            return refuse(400, checks.user_error("The offer is not published.", offerId=offer_id))
        offer["status"] = "UNPUBLISHED"
        listing = offer.pop("listing")
        return answer_json(200, {"listingId": listing["listingId"]}, outcome=f"withdrew {offer_id}")

    def bulk_update(self, request: Request) -> Answer:
        """Price and quantity of up to 25 SKUs; each answers for itself."""
        shop, refusal = self.shop(request)
        if shop is None:
            return refusal
        data = request.data()
        asked = data.get("requests") if isinstance(data, dict) else None
        if not isinstance(asked, list) or not 1 <= len(asked) <= LARGEST_BULK:
            return refuse(400, checks.user_error(f"requests: 1 to {LARGEST_BULK} are expected"))
        responses = [response for each in asked for response in update(shop.items, shop.offers, each)]
        return answer_json(200, {"responses": responses}, outcome=f"{len(responses)} updated or refused")

    def listings(self) -> list[dict[str, Any]]:
        rows = []
        for account, shop in self.shops.items():
            for offer in shop.offers.values():
                quantity = min(offer.get("availableQuantity", 0), checks.quantity_of(shop.items[offer["sku"]]))
                price = (offer.get("pricingSummary") or {}).get("price") or {}
                rows.append(
                    {
                        "account": account,
                        "sku": offer["sku"],
                        "id": offer.get("listing", {}).get("listingId", ""),
                        "state": offer["status"],
                        "live": offer["status"] == "PUBLISHED" and quantity > 0,
                        "quantity": quantity,
                        "price": price.get("value"),
                        "currency": price.get("currency"),
                        "title": (shop.items[offer["sku"]].get("product") or {}).get("title", ""),
                    }
                )
        return rows

    def buy(self, account: str, sku: str, quantity: int) -> dict[str, Any]:
        for row in self.listings():
            if row["live"] and row["sku"] == sku and account in ("", row["account"]) and row["quantity"] >= quantity:
                shop = self.shops[row["account"]]
                published = (each for each in shop.offers.values() if "listing" in each)
                offer = next(each for each in published if each["listing"]["listingId"] == row["id"])
                offer["availableQuantity"] -= quantity
                shop.items[sku]["availability"]["shipToLocationAvailability"]["quantity"] -= quantity
                return self.book_order(row, quantity)
        raise NotForSale(f"{sku}: no live listing with {quantity}")

    def shop(self, request: Request, scope: str = INVENTORY) -> tuple[Shop | None, Answer]:
        """The books of whoever calls, or the refusal: no token, too little of one, too many calls."""
        account, refusal = self.caller(request, scope)
        return (None, refusal) if account is None else (self.shops.setdefault(account, Shop()), refusal)

    def caller(self, request: Request, scope: str) -> tuple[str | None, Answer]:
        if self.grants.bearer(request.header("Authorization")) is None:
            return None, self.unauthorised()
        token = self.permitted(request, scope)
        if token is None:
            return None, refuse(403, EbayError(1100, "Access denied", domain="ACCESS"))
        return (None, refusal) if (refusal := self.too_many()) else (token.account, self.unauthorised())

    def unauthorised(self) -> Answer:
        return refuse(401, EbayError(1001, "Invalid access token", domain="OAuth"))

    def limited(self, seconds: float) -> Answer:
        return refuse(429, EbayError(2001, "Too many requests.", domain="ACCESS"), headers=retry_after(seconds))

    def failed(self) -> Answer:
        return refuse(500, EbayError(25001, "A system error has occurred.", category="APPLICATION"))

    def is_token_request(self, request: Request) -> bool:
        return request.path.startswith("/identity/")

    def reset(self) -> None:
        with self.lock:
            super().reset()
            self.shops.clear()
            self.sold.clear()
            self._numbers = count(1)

"""eBay's Fulfillment API: what buyers bought, and the seller's word that it was sent."""

import re
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from ..marketplace import Marketplace
from ..wire import Answer, Request, answer_json
from .ebay_checks import EbayError, refuse

FULFILLMENT = "https://api.ebay.com/oauth/api_scope/sell.fulfillment"
CREATED_IN = re.compile(r"creationdate:\[([0-9T:.Z-]+)\.\.([0-9T:.Z-]*)\]")
LARGEST_PAGE = 200
BAD_FILTER, UNKNOWN_ORDER = 30700, 32100


class EbayOrders(Marketplace):
    """The part of eBay that keeps orders; `sold` is every order, oldest first, each with its `account`."""

    domain: ClassVar[str] = "API_FULFILLMENT"
    sold: list[dict[str, Any]]

    def find_orders(self, request: Request) -> Answer:
        account, refusal = self.caller(request, FULFILLMENT)
        if account is None:
            return refusal
        limit, offset = number(request, "limit", 50), number(request, "offset", 0)
        if limit is None or offset is None or not 1 <= limit <= LARGEST_PAGE or offset % limit:
            return refuse(400, self._error(BAD_FILTER, "limit or offset is invalid"))
        found = [order for order in self.sold if order["account"] == account]
        if "filter" in request.query:
            window = CREATED_IN.fullmatch(request.query["filter"])
            if window is None:
                return refuse(400, self._error(BAD_FILTER, "The filter is invalid"))
            found = [order for order in found if window[1] <= order["creationDate"] <= (window[2] or "9")]
        chosen = found[offset : offset + limit]
        here = f"{request.base_url}/ebay/sell/fulfillment/v1/order?limit={limit}&offset="
        answer = {
            "href": f"{here}{offset}",
            "total": len(found),
            "limit": limit,
            "offset": offset,
            "orders": [{name: value for name, value in order.items() if name != "account"} for order in chosen],
        }
        if offset + limit < len(found):
            answer["next"] = f"{here}{offset + limit}"
        return answer_json(200, answer, outcome=f"{len(chosen)} orders")

    def fulfil_order(self, request: Request, order_id: str) -> Answer:
        account, refusal = self.caller(request, FULFILLMENT)
        if account is None:
            return refusal
        order = next((each for each in self.sold if (each["account"], each["orderId"]) == (account, order_id)), None)
        if order is None:
            return refuse(404, self._error(UNKNOWN_ORDER, "Invalid order ID"))
        data = request.data()
        lines = data.get("lineItems") if isinstance(data, dict) else None
        known = {line["lineItemId"] for line in order["lineItems"]}
        if not isinstance(lines, list) or not lines or not {line.get("lineItemId") for line in lines} <= known:
            return refuse(400, self._error(32200, "lineItems are missing or unknown"))
        order["orderFulfillmentStatus"] = "FULFILLED"
        location = f"{request.base_url}/ebay{request.path}/{len(self.sold)}"
        return Answer(201, headers=(("Location", location),), outcome=f"sent {order_id}")

    def book_order(self, listing: dict[str, Any], quantity: int) -> dict[str, Any]:
        """A paid order from a listing as `listings` shows it."""
        number = len(self.sold) + 1
        total = {"value": str(Decimal(listing["price"]) * quantity), "currency": listing["currency"]}
        order = {
            "account": listing["account"],
            "orderId": f"{number // 100_000:02d}-{number % 100_000:05d}-{70_000 + number:05d}",
            "creationDate": now(),
            "lastModifiedDate": now(),
            "orderFulfillmentStatus": "NOT_STARTED",
            "orderPaymentStatus": "PAID",
            "buyer": {"username": f"buyer-{number}"},
            "pricingSummary": {"priceSubtotal": total, "total": total},
            "cancelStatus": {"cancelState": "NONE_REQUESTED", "cancelRequests": []},
            "lineItems": [
                {
                    "lineItemId": str(10_000_000_000 + number),
                    "legacyItemId": listing["id"],
                    "sku": listing["sku"],
                    "title": listing["title"],
                    "quantity": quantity,
                    "total": total,
                }
            ],
        }
        self.sold.append(order)
        return order

    def orders(self) -> list[dict[str, Any]]:
        return self.sold

    def _error(self, error_id: int, message: str) -> EbayError:
        return EbayError(error_id, message, domain=self.domain)


def number(request: Request, name: str, default: int) -> int | None:
    """A whole number of the query, None where it is none."""
    text = request.query.get(name, str(default))
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None


def now() -> str:
    """The time as eBay writes it: UTC, milliseconds, Z."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

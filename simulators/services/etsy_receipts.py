"""Etsy's receipts: what buyers bought, and the seller's word that it was sent."""

import time
from typing import Any

from ..marketplace import Marketplace
from ..wire import Answer, Request
from . import etsy_checks as checks

LARGEST_PAGE = 100


class EtsyReceipts(Marketplace):
    """The part of Etsy that keeps receipts; `receipts` is every one, oldest first, each with its `account`."""

    currency: str
    receipts: list[dict[str, Any]]

    def find_receipts(self, request: Request, shop: str) -> Answer:
        token, refusal = self.caller(request, "transactions_r", shop)
        if token is None:
            return refusal
        query = request.query
        limit, offset = checks.whole(query.get("limit", 25)), checks.whole(query.get("offset", 0))
        since = checks.whole(query.get("min_created", 0))
        if limit is None or offset is None or since is None or not 1 <= limit <= LARGEST_PAGE:
            return self._refusal(400, "limit, offset or min_created is invalid")
        found = [row for row in self.receipts if row["account"] == token.account and row["created_timestamp"] >= since]
        if query.get("sort_order", "desc") == "desc":
            found.reverse()
        chosen = found[offset : offset + limit]
        results = [{name: value for name, value in row.items() if name != "account"} for row in chosen]
        return self._answer(200, {"count": len(found), "results": results}, outcome=f"{len(results)} receipts")

    def fulfil_receipt(self, request: Request, shop: str, receipt_id: str) -> Answer:
        token, refusal = self.caller(request, "transactions_w", shop)
        if token is None:
            return refusal
        wanted = (token.account, int(receipt_id))
        found = next((row for row in self.receipts if (row["account"], row["receipt_id"]) == wanted), None)
        if found is None:
            return self._refusal(404, "Resource not found")
        found["is_shipped"], found["status"] = True, "Completed"
        return self._answer(200, {**found}, outcome=f"sent {receipt_id}")

    def book_receipt(self, listing: dict[str, Any], quantity: int) -> dict[str, Any]:
        """A paid receipt from a listing as `listings` shows it."""
        number = len(self.receipts) + 1
        now = int(time.time())
        receipt = {
            "account": listing["account"],
            "receipt_id": 3_000_000_000 + number,
            "status": "Paid",
            "is_paid": True,
            "is_shipped": False,
            "name": f"Buyer {number}",
            "created_timestamp": now,
            "updated_timestamp": now,
            "grandtotal": money(listing["price"] * quantity, self.currency),
            "transactions": [
                {
                    "transaction_id": 4_000_000_000 + number,
                    "listing_id": int(listing["id"]),
                    "sku": listing["sku"],
                    "title": listing["title"],
                    "quantity": quantity,
                    "price": money(listing["price"], self.currency),
                }
            ],
        }
        self.receipts.append(receipt)
        return receipt

    def orders(self) -> list[dict[str, Any]]:
        return self.receipts


def money(cents: int, currency: str) -> dict[str, Any]:
    """An amount as Etsy writes it."""
    return {"amount": cents, "divisor": checks.DIVISOR, "currency_code": currency}

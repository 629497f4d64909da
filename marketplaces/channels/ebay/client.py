"""eBay on the wire: paths, headers, errors. No decision is taken here."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings

from common.http import Answer, Client
from marketplaces.channels.base import ChannelError, Outcome, Seller
from marketplaces.channels.calls import LONGEST_DETAIL, new_client, sent, text

INVENTORY = "/sell/inventory/v1"
ORDERS = "/sell/fulfillment/v1/order"
USER_ERROR = "25002"
_APPLICATION = "APPLICATION"


@cache
def _client(url: str) -> Client:
    return new_client("ebay", url)


def client() -> Client:
    """One pooled client per process and address."""
    return _client(settings.EBAY_URL)


def get(seller: Seller, path: str, params: Mapping[str, Any]) -> Answer:
    """Asks; 404 is an answer. Raises `ChannelError`."""
    return _understood(
        sent(lambda: client().get(path, params, tries=1, headers=_headers(seller)), reads=True), absent=True
    )


def put(seller: Seller, path: str, body: Mapping[str, Any]) -> Answer:
    """Replaces. Raises `ChannelError`."""
    return _understood(sent(lambda: client().put(path, body, tries=1, headers=_headers(seller)), reads=False))


def post(seller: Seller, path: str, body: Mapping[str, Any]) -> Answer:
    """Acts. Raises `ChannelError`, of which `EbayRefusal` knows eBay's own errors."""
    return _understood(sent(lambda: client().post(path, body, headers=_headers(seller)), reads=False))


class EbayRefusal(ChannelError):
    """What eBay refused, by its own numbers: `errors` maps an `errorId` to its parameters."""

    def __init__(self, outcome: Outcome, reason: str, detail: str, errors: Mapping[str, Mapping[str, str]]) -> None:
        self.errors = errors
        super().__init__(outcome, reason, detail)


def refusal(status: int, errors: Any) -> ChannelError:
    """What eBay's list of errors means. Those of category APPLICATION are eBay's own fault and pass."""
    listed = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    detail = "; ".join(f"{text(each.get('errorId'))} {text(each.get('message'))}" for each in listed)[:LONGEST_DETAIL]
    detail = detail or f"HTTP {status}"
    if status == 401:
        return ChannelError(Outcome.CREDENTIALS, "access_expired", detail)
    if any(each.get("category") == _APPLICATION for each in listed) or status == 409:
        return ChannelError(Outcome.LATER, "channel_failed", detail)
    known = {text(each.get("errorId")): _parameters(each) for each in listed}
    return EbayRefusal(Outcome.REFUSED, "access_denied" if status == 403 else "refused", detail, known)


def _understood(answer: Answer, *, absent: bool = False) -> Answer:
    if answer.status < 300 or (absent and answer.status == 404):
        return answer
    raise refusal(answer.status, answer.body.get("errors") if isinstance(answer.body, dict) else None)


def _parameters(error: Mapping[str, Any]) -> dict[str, str]:
    listed = error.get("parameters")
    pairs = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return {text(each.get("name")): text(each.get("value")) for each in pairs}


def _headers(seller: Seller) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {seller.access_token}",
        "Content-Language": str(seller.settings.get("content_language") or "fr-FR"),
    }

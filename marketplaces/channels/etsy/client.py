"""Etsy on the wire: paths, headers, errors. No decision is taken here."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings

from common.http import Answer, Client
from marketplaces.channels.base import ChannelError, Outcome, Seller
from marketplaces.channels.calls import LONGEST_DETAIL, new_client, segment, sent, text


@cache
def _client(url: str, key: str) -> Client:
    return new_client("etsy", url, {"x-api-key": key})


def client() -> Client:
    """One pooled client per process and address."""
    return _client(settings.ETSY_URL, settings.ETSY_API_KEY)


def shop(seller: Seller) -> str:
    """The path of the seller's shop."""
    if not seller.account_id:
        raise ChannelError(Outcome.REFUSED, "settings_missing", "the connection knows no shop")
    return f"/shops/{segment(seller.account_id)}"


def get(seller: Seller, path: str, params: Mapping[str, Any] | None = None) -> Answer:
    """Asks; 404 is an answer. Raises `ChannelError`."""
    return _understood(
        sent(lambda: client().get(path, params, tries=1, headers=_bearer(seller)), reads=True), absent=True
    )


def put(seller: Seller, path: str, body: Mapping[str, Any]) -> Answer:
    """Replaces; 404 is an answer. Raises `ChannelError`."""
    return _understood(
        sent(lambda: client().put(path, body, tries=1, headers=_bearer(seller)), reads=False), absent=True
    )


def post(seller: Seller, path: str, body: Mapping[str, Any]) -> Answer:
    """Acts. Raises `ChannelError`."""
    return _understood(sent(lambda: client().post(path, body, headers=_bearer(seller)), reads=False))


def post_form(seller: Seller, path: str, form: Mapping[str, str]) -> Answer:
    """Creates. Etsy knows no idempotency key: sent twice, it is made twice. Raises `ChannelError`."""
    return _understood(sent(lambda: client().post_form(path, form, headers=_bearer(seller)), reads=False))


def post_image(seller: Seller, path: str, image: tuple[str, bytes, str], rank: int) -> Answer:
    """Uploads a picture. Raises `ChannelError`."""
    form = {"rank": str(rank)}
    return _understood(sent(lambda: client().post_file(path, image, form, headers=_bearer(seller)), reads=False))


def patch(seller: Seller, path: str, form: Mapping[str, str]) -> Answer:
    """Changes; 404 is an answer. Raises `ChannelError`."""
    return _understood(sent(lambda: client().patch_form(path, form, headers=_bearer(seller)), reads=False), absent=True)


def _understood(answer: Answer, *, absent: bool = False) -> Answer:
    if answer.status < 300 or (absent and answer.status == 404):
        return answer
    body = answer.body if isinstance(answer.body, dict) else {}
    words = ": ".join(filter(None, (text(body.get("error")), text(body.get("error_description")))))
    detail = (words or f"HTTP {answer.status}")[:LONGEST_DETAIL]
    if answer.status == 401:
        raise ChannelError(Outcome.CREDENTIALS, "access_expired", detail)
    if answer.status == 409:
        # Somebody else is changing the listing at this moment.
        raise ChannelError(Outcome.LATER, "channel_failed", detail)
    raise ChannelError(Outcome.REFUSED, "access_denied" if answer.status == 403 else "refused", detail)


def _bearer(seller: Seller) -> dict[str, str]:
    return {"Authorization": f"Bearer {seller.access_token}"}

"""SingPay on the wire: paths, headers, field names. No decision is taken here."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from django.conf import settings

from common.http import Answer, Client, UnknownOutcome
from payments.enums import Network


@cache
def _client(url: str, client_id: str, client_secret: str, wallet: str) -> Client:
    return Client(
        "singpay",
        url,
        connect=settings.PROVIDER_CONNECT_SECONDS,
        read=settings.PROVIDER_READ_SECONDS,
        deadline=settings.PROVIDER_DEADLINE_SECONDS,
        headers={"x-client-id": client_id, "x-client-secret": client_secret, "x-wallet": wallet},
    )


def client() -> Client:
    """One pooled client per process, address and wallet."""
    return _client(
        settings.SINGPAY_URL, settings.SINGPAY_CLIENT_ID, settings.SINGPAY_CLIENT_SECRET, settings.SINGPAY_WALLET
    )


def post_push(network: Network, body: Mapping[str, Any]) -> Answer:
    """A prompt on the customer's phone; the answer is an envelope `{transaction, status}`."""
    path = settings.SINGPAY_AIRTEL_PATH if network == Network.AIRTEL else settings.SINGPAY_MOOV_PATH
    return client().post(path, {"portefeuille": settings.SINGPAY_WALLET, **body}, shape=_envelope)


def post_page(body: Mapping[str, Any]) -> Answer:
    """A page for the customer's browser, `{link, exp}`; slow, so it has a deadline of its own."""
    return client().post(
        settings.SINGPAY_PAGE_PATH,
        {"portefeuille": settings.SINGPAY_WALLET, **body},
        deadline=settings.SINGPAY_PAGE_DEADLINE_SECONDS,
        shape=_envelope,
    )


def get_status(transaction_id: str, *, deadline: float) -> Answer:
    return client().get(
        f"{settings.SINGPAY_STATUS_PATH}/{quote(transaction_id, safe='')}", deadline=deadline, shape=_envelope
    )


def get_by_reference(reference: str, *, deadline: float) -> Answer:
    """A bare transaction, `{transaction}`, or a list of them: clients disagree."""
    return client().get(
        f"{settings.SINGPAY_SEARCH_PATH}/{quote(reference, safe='')}", deadline=deadline, shape=_envelope_or_list
    )


def put_callback_url(url: str) -> Answer:
    """The callback belongs to the wallet, not to a payment."""
    return client().put(
        f"{settings.SINGPAY_WALLET_PATH}/{settings.SINGPAY_WALLET}", {"callbackURL": url}, shape=_envelope
    )


def _envelope(answer: Answer) -> None:
    if not isinstance(answer.body, dict):
        raise UnknownOutcome("an object was expected")


def _envelope_or_list(answer: Answer) -> None:
    if not isinstance(answer.body, dict | list):
        raise UnknownOutcome("an object or a list was expected")

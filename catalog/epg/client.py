"""EPG on the wire: paths, field names, the key. No decision is taken here."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.conf import settings

from common.http import Answer, Client, ShapeCheck

AVAILABILITY_PATH = "/open-api/disponibilite"
RESERVATION_PATH = "/open-api/reservation"


@cache
def _client(url: str, key: str) -> Client:
    return Client(
        "epg",
        url,
        connect=settings.PROVIDER_CONNECT_SECONDS,
        read=settings.EPG_RESERVATION_SECONDS,
        deadline=settings.EPG_RESERVATION_SECONDS,
        headers={"x-api-key": key},
    )


@cache
def _probe(url: str, key: str) -> Client:
    """A client of its own: a slow catalogue page must not open the breaker of the calls that matter."""
    return Client("epg-health", url, connect=0.5, read=0.8, deadline=0.8, headers={"x-api-key": key})


def client() -> Client:
    """One pooled client per process and address; its breakers know the pharmacies apart."""
    return _client(settings.EPG_URL, settings.EPG_API_KEY)


def get_first_product() -> Answer:
    """The smallest question there is."""
    return _probe(settings.EPG_URL, settings.EPG_API_KEY).get("/api/produits", {"page": 0, "count": 1}, tries=1)


def post_availability(pharmacy: str, cips: Sequence[str], *, deadline: float, shape: ShapeCheck) -> Answer:
    body = {"pharmacy": pharmacy, "cips": list(cips)}
    return client().post(AVAILABILITY_PATH, body, deadline=deadline, shape=shape, part=pharmacy)


def post_reservation(body: Mapping[str, Any], *, deadline: float, shape: ShapeCheck) -> Answer:
    return client().post(RESERVATION_PATH, body, deadline=deadline, shape=shape, part=body["pharmacy"])


def forget() -> None:
    """Drop pooled connections and breakers, as a new process begins."""
    _client.cache_clear()
    _probe.cache_clear()

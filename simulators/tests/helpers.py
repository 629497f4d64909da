"""A listener for callbacks and the bodies that the real clients send."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

DEADLINE_SECONDS = 5.0


class Received(NamedTuple):
    method: str
    path: str
    content_type: str
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        if self.method == "GET":
            return dict(parse_qsl(urlsplit(self.path).query))
        if self.content_type.startswith("application/json"):
            return json.loads(self.body)
        return dict(parse_qsl(self.body.decode()))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Listener:
    """A real HTTP server that stores what it is sent and answers 200."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._changed = threading.Condition()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with listener._changed:
                    content_type = self.headers.get("Content-Type") or ""
                    listener.received.append(Received(self.command, self.path, content_type, body))
                    listener._changed.notify_all()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"message": "received"}')

            do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/callbacks"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """The data of everything received, once `count` messages are there."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, DEADLINE_SECONDS), (
                f"{len(self.received)} of {count} callbacks came"
            )
            return [message.data for message in self.received]


def eventually(condition: Callable[[], Any]) -> Any:
    """The condition's value as soon as it is true; fails at the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "the condition stayed false"
        time.sleep(0.005)
    return value


def mypayga_start(reference: str, callback_url: str, **changes: Any) -> dict[str, Any]:
    return {
        "urls": {
            "success_url": "http://127.0.0.1:1/success",
            "callback_url": callback_url,
            "fail_url": "http://127.0.0.1:1/fail",
        },
        "apikey": "stest_demo",
        "client_phone": "077123456",
        "amount": "5000",
        "country": "GA",
        "network": "AM",
        "type": "mobile_money",
        "unique_id": reference,
        "firstname": "Awa",
        "lastname": "Ndong",
        "email": "awa@example.org",
    } | changes


SINGPAY_HEADERS = {
    "x-client-id": "00000000-0000-4000-8000-000000000000",
    "x-client-secret": "demo-client-secret",
    "x-wallet": "000000000000000000000000",
}


def singpay_start(reference: str, **changes: Any) -> dict[str, Any]:
    return {
        "amount": 1000,
        "reference": reference,
        "client_msisdn": "077123456",
        "portefeuille": SINGPAY_HEADERS["x-wallet"],
    } | changes


EPG_HEADERS = {"x-api-key": "demo-epg-key"}
PHARMACY = "64b000000000000000000001"
OTHER_PHARMACY = "64b000000000000000000002"
DOLIPRANE = "3400935955838"
EFFERALGAN = "3400930000014"


def epg_data() -> dict[str, Any]:
    return {
        "products": [
            {"CIP": DOLIPRANE, "libelle": "DOLIPRANE 1000 mg, comprimé", "prix_vente": 1250},
            {"CIP": EFFERALGAN, "libelle": "EFFERALGAN 500 mg, comprimé", "prix_vente": 990},
            {"CIP": "3400930000021", "libelle": "SPASFON, comprimé", "prix_vente": None},
        ],
        "pharmacies": [
            {
                "_id": PHARMACY,
                "nom": "Pharmacie des Forestiers",
                "adresse": "Libreville",
                "telephone": "011720000",
                "stock": {DOLIPRANE: 10, EFFERALGAN: 1},
            },
            {"_id": OTHER_PHARMACY, "nom": "Pharmacie du Port", "adresse": "Port-Gentil", "telephone": "", "stock": {}},
        ],
    }


def epg_reservation(**changes: Any) -> dict[str, Any]:
    return {
        "pharmacy": PHARMACY,
        "buyer": "Awa Ndong",
        "buyerPhone": "+24177123456",
        "buyerEmail": "awa@example.org",
        "produits": [{"cip": DOLIPRANE, "quantity": 2}],
    } | changes


EBAY_POLICIES = {"fulfillmentPolicyId": "11", "paymentPolicyId": "12", "returnPolicyId": "13"}


def ebay_item(**changes: Any) -> dict[str, Any]:
    return {
        "availability": {"shipToLocationAvailability": {"quantity": 3}},
        "condition": "NEW",
        "product": {
            "title": "Crème solaire",
            "description": "Indice 50",
            "aspects": {"Marque": ["Solaris"]},
            "imageUrls": ["https://images.example.org/1.jpg"],
        },
    } | changes


def ebay_offer(sku: str = "CREME1", **changes: Any) -> dict[str, Any]:
    return {
        "sku": sku,
        "marketplaceId": "EBAY_FR",
        "format": "FIXED_PRICE",
        "availableQuantity": 3,
        "categoryId": "31762",
        "merchantLocationKey": "libreville",
        "pricingSummary": {"price": {"value": "19.06", "currency": "EUR"}},
        "listingPolicies": EBAY_POLICIES,
    } | changes


def etsy_listing(**changes: Any) -> dict[str, Any]:
    return {
        "quantity": 3,
        "title": "Crème solaire",
        "description": "Indice 50",
        "price": 19.06,
        "who_made": "someone_else",
        "when_made": "2020_2026",
        "taxonomy_id": 1234,
    } | changes


def etsy_inventory(sku: str = "CREME1", **offering: Any) -> dict[str, Any]:
    offering = {"price": 19.06, "quantity": 3, "is_enabled": True} | offering
    return {
        "products": [{"sku": sku, "property_values": [], "offerings": [offering]}],
        "price_on_property": [],
        "quantity_on_property": [],
        "sku_on_property": [],
    }

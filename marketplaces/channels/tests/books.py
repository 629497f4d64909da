"""The other end of the line: a simulated marketplace's own books, and sellers who have agreed to us there."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from marketplaces.channels import get_channel
from marketplaces.channels.base import Amount, Channel, Goods, Picture, Seller

PICTURE = b"\x89PNG\r\n\x1a\n"
SKU = "TTM0000000000000000000000007"
# What somebody who speaks for a channel may say a listing's address is, and nobody is to be sent to.
NO_SITES = ["javascript:alert(1)//", "JavaScript:alert(1)", "data:text/html,x", "//evil.test", "/items/7", 7, None]
SETTINGS = {
    "ebay": {
        "marketplace_id": "EBAY_FR",
        "merchant_location_key": "libreville",
        "fulfillment_policy_id": "11",
        "payment_policy_id": "12",
        "return_policy_id": "13",
    },
    "etsy": {"shipping_profile_id": "77"},
}


class Marketplace:
    """One simulated marketplace, asked and told by its control API."""

    def __init__(self, simulators: Any, name: str) -> None:
        self.name, self.service = name, simulators.services[name]
        self._url = f"{simulators.url}/control/{name}"
        self._session = requests.Session()
        self._session.trust_env = False

    @property
    def channel(self) -> Channel:
        return get_channel(self.name)

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        response = self._session.request(method, f"{self._url}{path}", json=body, params=query, timeout=10)
        response.raise_for_status()
        return response.json()

    def tokens(self, account: str = "1001", **grant: Any) -> dict[str, Any]:
        return self.control("POST", "/grants", {"account": account, **grant})

    def seller(self, account: str = "1001", **settings: Any) -> Seller:
        """A merchant whose access is fresh."""
        return Seller(
            merchant_id=int(account),
            access_token=self.tokens(account)["access_token"],
            account_id=f"8{account}" if self.name == "etsy" else "",
            settings={**SETTINGS[self.name], **settings},
        )

    def consent(self, url: str, decision: str = "agree", account: str = "1001") -> dict[str, str]:
        """What the seller's browser brings back from the consent page."""
        form = {**dict(parse_qsl(urlsplit(url).query)), "account": account, "decision": decision}
        page = url.partition("?")[0]
        answer = self._session.post(page, data=form, allow_redirects=False, timeout=10)
        assert answer.status_code == 303, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def listings(self, **query: Any) -> list[dict[str, Any]]:
        return self.control("GET", "/listings", **query)["listings"]

    def live(self, sku: str = SKU) -> list[dict[str, Any]]:
        return self.listings(sku=sku, live="true")

    def buy(self, sku: str = SKU, **body: Any) -> dict[str, Any]:
        return self.control("POST", "/orders", {"sku": sku, **body})

    def fault(self, fault: str, path: str = "", **arguments: Any) -> None:
        self.control("POST", "/faults", {"fault": fault, "path": path, **arguments})

    def heal(self) -> None:
        self.control("DELETE", "/faults")

    def set(self, **options: Any) -> None:
        self.control("POST", "/options", options)

    def calls(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """Every call that arrived, of that method and with that text in its path."""
        arrived = self.control("GET", "/journal")["calls"]
        return [call for call in arrived if method in ("", call["method"]) and path in call["path"]]


def goods(sku: str = SKU, **changes: Any) -> Goods:
    """A cream at 12,500 francs, three pieces."""
    values: dict[str, Any] = {
        "title": "Crème solaire",
        "description": "Indice 50, 50 ml",
        "price": Amount(12_500, "XAF"),
        "quantity": 3,
        "category": "31772",
        "condition": "NEW",
        "brand": "Avène",
        "ean": "3282770000000",
        "aspects": {"size": "50 ml"},
        "pictures": (Picture("https://images.example.org/1.png", lambda: (PICTURE, "image/png")),),
    }
    return Goods(sku=sku, **(values | changes))

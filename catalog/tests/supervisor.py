"""The other end of the line: the simulated EPG's control API, and pharmacies that are known on both sides."""

import itertools
from typing import Any

import requests
from django.core.cache import cache

from catalog.epg import client, health
from catalog.models import Pharmacy, Stock
from catalog.tests.factories import PharmacyFactory, ProductFactory, StockFactory

AVAILABILITY = "/open-api/disponibilite"
RESERVATION = "/open-api/reservation"

_ids = itertools.count(1)
# The last digit of a CIP13 only checks the others: codes that differ by it alone share one CIP7.
_codes = itertools.count(3400940000000, 10)


def forget_everything() -> None:
    """What a process keeps of EPG: connections, the breaker, what it said."""
    client.forget()
    health.forget()
    cache.clear()


class Supervisor:
    """The truth about EPG's pharmacies, as its own books have it."""

    def __init__(self, simulators: Any) -> None:
        self.base = f"{simulators.url}/epg"
        self._url = f"{simulators.url}/control/epg"
        self._session = requests.Session()
        self._session.trust_env = False
        self._products: dict[str, dict[str, Any]] = {}
        self._pharmacies: dict[str, dict[str, Any]] = {}

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        response = self._session.request(method, f"{self._url}{path}", json=body, timeout=10)
        response.raise_for_status()
        return response.json()

    def stock(self, pharmacy: Pharmacy | None = None, *, boxes: int = 10, price: int = 1500, **fields: Any) -> Stock:
        """A product that EPG has so many boxes of, at a price that both sides agree on; our own count is zero."""
        pharmacy = pharmacy or self.pharmacy()
        code = fields.pop("product_code", None) or ProductFactory(code=f"{next(_codes)}").code
        stock = StockFactory(pharmacy=pharmacy, product_code=code, **{"quantity": 0, "price": price, **fields})
        self._products[stock.product_code] = {
            "CIP": stock.product_code,
            "libelle": stock.product_code,
            "prix_vente": price,
        }
        self._pharmacies[pharmacy.epg_id]["stock"][stock.product_code] = boxes
        self._load()
        return stock

    def pharmacy(self, **fields: Any) -> Pharmacy:
        """A pharmacy that EPG knows, without stock."""
        pharmacy = PharmacyFactory(epg_id=f"64b{next(_ids):021x}", **fields)
        self._pharmacies[pharmacy.epg_id] = {
            "_id": pharmacy.epg_id,
            "nom": pharmacy.name,
            "adresse": pharmacy.town,
            "telephone": "",
            "stock": {},
            "online": True,
        }
        self._load()
        return pharmacy

    def change(self, stock: Stock, *, boxes: int | None = None, price: int | None = None, online: bool = True) -> None:
        """EPG's side changes behind our back."""
        books = self._pharmacies[stock.pharmacy.epg_id]
        books["online"] = online
        if boxes is not None:
            books["stock"][stock.product_code] = boxes
        if price is not None:
            self._products[stock.product_code]["prix_vente"] = price
        self._load()

    def _load(self) -> None:
        data = {"products": list(self._products.values()), "pharmacies": list(self._pharmacies.values())}
        self._call("POST", "/data", data)

    def fault(self, fault: str, path: str = "", **arguments: Any) -> None:
        self._call("POST", "/faults", {"fault": fault, "path": path, **arguments})

    def heal(self) -> None:
        self._call("DELETE", "/faults")

    def reservations(self) -> list[dict[str, Any]]:
        """What was really reserved, oldest first."""
        return self._call("GET", "/reservations")["reservations"]

    def calls(self, path: str) -> list[dict[str, Any]]:
        """Every call of that path that reached it."""
        return [call for call in self._call("GET", "/journal")["calls"] if call["path"] == path]

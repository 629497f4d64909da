"""EPG Supervisor / ePharma, the pharmacies' stock, and the panel of one pharmacy's software.

The panel of the first pharmacy answers at the base URL and under `/panel`, that of any other under
`/panel/<its id>`. Inferred: a bad key is 401; what cannot be reserved is refused with 409, what cannot be read
with 400, an unknown pharmacy with 404. A reservation has no idempotency key: asked twice, it is made twice.
"""

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

from ..callbacks import Scheduler
from ..config import SimulatorConfig
from ..faults import FaultKind
from ..journal import rfc3339
from ..service import Option, Service
from ..wire import Answer, BadRequest, Request, Router, answer_json, control_object

PHARMACY_ID = re.compile(r"[0-9a-f]{24}")
CIP = re.compile(r"[0-9]{7}|[0-9]{13}")
LARGEST_PAGE = 1_000
LARGEST_LABEL_SEARCH = 50
PANEL = r"(?:/panel(?:/(?P<pharmacy>[0-9a-f]{24}))?)?"


@dataclass(slots=True)
class Pharmacy:
    """A pharmacy and its stock, whole boxes by stock key. Offline, its software does not answer EPG."""

    id: str
    name: str
    address: str
    phone: str
    stock: dict[str, int]
    online: bool = True

    def shown(self) -> dict[str, str]:
        return {"_id": self.id, "nom": self.name, "adresse": self.address, "telephone": self.phone}


class Epg(Service):
    name = "epg"
    title = "EPG Supervisor"
    base = ""
    routes = Router(
        ("POST", r"/open-api/disponibilite", "availability"),
        ("POST", r"/open-api/reservation", "reserve"),
        ("GET", r"/api/produits", "page_by_query"),
        ("GET", r"/open-api/produit/(?P<page>[0-9]{1,9})/(?P<size>[0-9]{1,9})", "page_by_path"),
        ("GET", PANEL + r"/api/produits/recherche_par_libelle", "panel_search"),
        ("GET", PANEL + r"/api/produits/(?P<cip>[^/]+)/disponibilite", "panel_quantity"),
        ("GET", PANEL + r"/public/api/produits", "panel_products"),
    )
    control_routes = Router(
        ("POST", r"/data", "set_data"), ("GET", r"/data", "show_data"), ("GET", r"/reservations", "list_reservations")
    )
    option_table: ClassVar[dict[str, Option]] = {
        "prices": Option("mixed", ("mixed", "numbers", "texts"), "prix_vente as number or text; mixed: every third")
    }

    def __init__(self, config: SimulatorConfig, scheduler: Scheduler):
        super().__init__(config, scheduler)
        self.products: list[dict[str, Any]] = []
        self.prices: dict[str, int | None] = {}
        self.pharmacies: dict[str, Pharmacy] = {}
        self.reservations: list[dict[str, Any]] = []
        self._encoded: list[bytes] | None = None
        self._numbers = count(1)

    def load(self, products: Iterable[Mapping[str, Any]], pharmacies: Iterable[Mapping[str, Any]]) -> None:
        """Replaces the catalogue and the pharmacies; reservations made so far stay listed.

        Products are `{CIP, libelle, prix_vente}` (whole XAF or None), pharmacies `{_id, nom, adresse, telephone,
        stock: {cip: quantity}, online?}`. Raises BadRequest, and changes nothing, when one of them is wrong.
        """
        checked = [read_product(product) for product in products]
        found = [read_pharmacy(pharmacy) for pharmacy in pharmacies]
        with self.lock:
            self.products = checked
            self.prices = {stock_key(product["CIP"]): product["prix_vente"] for product in checked}
            self.pharmacies = {pharmacy.id: pharmacy for pharmacy in found}
            self._encoded = None

    def page_by_query(self, request: Request) -> Answer:
        return self._page(request, request.query.get("page", "0"), request.query.get("count", "20"))

    def page_by_path(self, request: Request, page: str, size: str) -> Answer:
        return self._page(request, page, size)

    def availability(self, request: Request) -> Answer:
        if refusal := self._stranger(request):
            return refusal
        data = request.data()
        pharmacy, refusal = self._named_pharmacy(data)
        if pharmacy is None:
            return refusal
        cips = data.get("cips")
        if not isinstance(cips, list) or not cips or not all(is_cip(cip) for cip in cips):
            return self._refusal(400, "cips: une liste de codes de 7 ou 13 chiffres est attendue")
        if self.faults.take_one(FaultKind.WRONG_PHARMACY, request.path):
            pharmacy = self._another(pharmacy)
        answers = [
            {
                "cip": cip,
                "success": pharmacy.online,
                "isAvailable": pharmacy.online and pharmacy.stock.get(stock_key(cip), 0) > 0,
            }
            for cip in cips
        ]
        outcome = f"{sum(answer['isAvailable'] for answer in answers)} of {len(cips)} available"
        return answer_json(200, {"pharmacy": pharmacy.shown(), "disponibilites": answers}, outcome=outcome)

    def reserve(self, request: Request) -> Answer:
        if refusal := self._stranger(request):
            return refusal
        data = request.data()
        pharmacy, refusal = self._named_pharmacy(data)
        if pharmacy is None:
            return refusal
        if error := first_reservation_error(data):
            return self._refusal(400, error)
        if not pharmacy.online:
            return self._refusal(409, "La pharmacie ne répond pas")
        wanted: dict[str, int] = {}
        for line in data["produits"]:
            key = stock_key(line["cip"])
            wanted[key] = wanted.get(key, 0) + line["quantity"]
        short = [cip for cip, quantity in wanted.items() if pharmacy.stock.get(cip, 0) < quantity]
        if short:
            return self._refusal(409, f"Stock insuffisant: {', '.join(short)}")
        total = 0
        for key, quantity in wanted.items():
            pharmacy.stock[key] -= quantity
            total += quantity * (self.prices.get(key) or 0)
        number = f"R{next(self._numbers):06d}"
        self.reservations.append(
            {
                "at": rfc3339(time.time()),
                "reservation": number,
                "ttc": total,
                **{name: data.get(name) for name in ("pharmacy", "buyer", "buyerPhone", "buyerEmail", "produits")},
            }
        )
        return answer_json(200, {"result": {"reservation": number, "ttc": total}}, outcome=f"reserved {number}")

    def panel_quantity(self, request: Request, pharmacy: str, cip: str) -> Answer:
        shop, refusal = self._panel(request, pharmacy)
        if shop is None:
            return refusal
        key = stock_key(cip)
        if not is_cip(cip) or (key not in shop.stock and key not in self.prices):
            return panel_refusal("Produit inconnu")
        return answer_json(200, {"qte": shop.stock.get(key, 0)}, outcome=f"qte {shop.stock.get(key, 0)}")

    def panel_search(self, request: Request, pharmacy: str) -> Answer:
        shop, refusal = self._panel(request, pharmacy)
        if shop is None:
            return refusal
        wanted = request.query.get("libelle", "").strip().casefold()
        if not wanted:
            return panel_refusal("Le libellé est obligatoire")
        found = [product for product in self.products if wanted in product["libelle"].casefold()]
        data = [self._panel_product(shop, product) for product in found[:LARGEST_LABEL_SEARCH]]
        return answer_json(200, {"data": data}, outcome=f"{len(data)} found")

    def panel_products(self, request: Request, pharmacy: str) -> Answer:
        shop, refusal = self._panel(request, pharmacy)
        if shop is None:
            return refusal
        stocked = [product for product in self.products if stock_key(product["CIP"]) in shop.stock]
        data = [self._panel_product(shop, product) for product in stocked]
        return answer_json(200, {"data": data}, outcome=f"{len(data)} products")

    def unauthorised(self) -> Answer:
        return answer_json(401, {"message": "Unauthorized"}, outcome="refused: key")

    def set_data(self, request: Request) -> Answer:
        data = control_object(request, allowed={"products", "pharmacies"}, required={"products", "pharmacies"})
        if not isinstance(data["products"], list) or not isinstance(data["pharmacies"], list):
            raise BadRequest("products and pharmacies: lists are expected")
        self.load(data["products"], data["pharmacies"])
        return answer_json(200, {"products": len(self.products), "pharmacies": len(self.pharmacies)})

    def show_data(self, request: Request) -> Answer:
        pharmacies = [shop.shown() | {"stock": shop.stock, "online": shop.online} for shop in self.pharmacies.values()]
        return answer_json(200, {"products": self.products, "pharmacies": pharmacies})

    def list_reservations(self, request: Request) -> Answer:
        return answer_json(200, {"reservations": self.reservations})

    def set_options(self, changes: dict[str, Any]) -> None:
        super().set_options(changes)
        with self.lock:
            self._encoded = None

    def reset(self) -> None:
        with self.lock:
            super().reset()
            self.load([], [])
            self.reservations.clear()
            self._numbers = count(1)

    def _page(self, request: Request, page_text: str, size_text: str) -> Answer:
        if refusal := self._stranger(request):
            return refusal
        if not (page_text.isascii() and page_text.isdigit() and size_text.isascii() and size_text.isdigit()):
            return self._refusal(400, "page et count: des nombres entiers sont attendus")
        page, size = int(page_text), int(size_text)
        if not 1 <= size <= LARGEST_PAGE:
            return self._refusal(400, f"count: de 1 à {LARGEST_PAGE}")
        items = self._items()
        chosen = items[page * size : (page + 1) * size]
        page_count = -(-len(items) // size)
        body = b'{"items":[' + b",".join(chosen) + b'],"pageCount":%d}' % page_count
        return Answer(200, body, outcome=f"{len(chosen)} products")

    def _items(self) -> list[bytes]:
        """Every product as JSON, made once: a page is then a join, and a full synchronisation costs us little."""
        if self._encoded is None:
            self._encoded = [
                json.dumps(self._catalogue_item(index, product), ensure_ascii=False).encode()
                for index, product in enumerate(self.products)
            ]
        return self._encoded

    def _catalogue_item(self, index: int, product: dict[str, Any]) -> dict[str, Any]:
        price = product["prix_vente"]
        as_text = self.options["prices"] == "texts" or (self.options["prices"] == "mixed" and index % 3 == 0)
        return product | {"prix_vente": str(price) if as_text and price is not None else price}

    def _panel_product(self, shop: Pharmacy, product: dict[str, Any]) -> dict[str, Any]:
        return product | {"qte": shop.stock.get(stock_key(product["CIP"]), 0)}

    def _panel(self, request: Request, pharmacy_id: str) -> tuple[Pharmacy | None, Answer]:
        """The pharmacy of a panel, or the panel's refusal (HTTP 200 with errors, whatever is wrong)."""
        if request.header("x-api-key") != self.config.epg_api_key:
            return None, panel_refusal("Clé refusée")
        shop = self.pharmacies.get(pharmacy_id) if pharmacy_id else next(iter(self.pharmacies.values()), None)
        return shop, panel_refusal("Pharmacie inconnue")

    def _named_pharmacy(self, data: Any) -> tuple[Pharmacy | None, Answer]:
        pharmacy_id = data.get("pharmacy") if isinstance(data, dict) else None
        if not isinstance(pharmacy_id, str) or not PHARMACY_ID.fullmatch(pharmacy_id):
            return None, self._refusal(400, "pharmacy: 24 chiffres hexadécimaux sont attendus")
        return self.pharmacies.get(pharmacy_id), self._refusal(404, "Pharmacie inconnue")

    def _another(self, pharmacy: Pharmacy) -> Pharmacy:
        """Some other pharmacy than the one asked for, a made-up one where there is no other."""
        others = (other for other in self.pharmacies.values() if other is not pharmacy)
        return next(others, Pharmacy("f" * 24, "Autre pharmacie", "", "", pharmacy.stock))

    def _stranger(self, request: Request) -> Answer | None:
        return None if request.header("x-api-key") == self.config.epg_api_key else self.unauthorised()

    def _refusal(self, status: int, message: str) -> Answer:
        return answer_json(status, {"success": False, "message": message}, outcome=f"refused: {message}")


def panel_refusal(error: str) -> Answer:
    return answer_json(200, {"success": False, "errors": [error]}, outcome=f"refused: {error}")


def is_cip(value: Any) -> bool:
    return isinstance(value, str) and CIP.fullmatch(value) is not None


def stock_key(cip: str) -> str:
    """The one key of a presentation's stock: CIP7 is digits 6 to 12 of the CIP13 (prefix 34009); other EANs are
    their own key."""
    return cip[5:12] if len(cip) == 13 and cip.startswith("34009") else cip


def first_reservation_error(data: Mapping[str, Any]) -> str | None:
    """Why a reservation cannot be read, None when it can."""
    for name in ("buyer", "buyerPhone"):
        if not isinstance(data.get(name), str) or not data[name].strip():
            return f"{name} est obligatoire"
    if not isinstance(data.get("buyerEmail", ""), str):
        return "buyerEmail invalide"
    lines = data.get("produits")
    if not isinstance(lines, list) or not lines:
        return "produits: une liste est attendue"
    for line in lines:
        if not isinstance(line, dict) or not is_cip(line.get("cip")):
            return "cip: 7 ou 13 chiffres sont attendus"
        quantity = line.get("quantity")
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
            return "quantity: un nombre entier positif est attendu"
    return None


def read_product(product: Any) -> dict[str, Any]:
    """A product as the catalogue lists it. Raises BadRequest."""
    if not isinstance(product, Mapping) or not is_cip(product.get("CIP")):
        raise BadRequest("product: CIP of 7 or 13 digits is expected")
    price = product.get("prix_vente")
    if not isinstance(product.get("libelle"), str) or not (price is None or is_quantity(price)):
        raise BadRequest(f"product {product['CIP']}: libelle is a text, prix_vente a whole number or null")
    return {"photoURL": None, **product, "prix_vente": price}


def read_pharmacy(pharmacy: Any) -> Pharmacy:
    """A pharmacy with its stock. Raises BadRequest."""
    if not isinstance(pharmacy, Mapping) or not PHARMACY_ID.fullmatch(str(pharmacy.get("_id"))):
        raise BadRequest("pharmacy: _id of 24 hexadecimal digits is expected")
    stock, online = pharmacy.get("stock", {}), pharmacy.get("online", True)
    if not isinstance(stock, Mapping) or not all(is_cip(cip) and is_quantity(stock[cip]) for cip in stock):
        raise BadRequest(f"pharmacy {pharmacy['_id']}: stock maps codes of 7 or 13 digits to whole numbers")
    if not isinstance(online, bool):
        raise BadRequest(f"pharmacy {pharmacy['_id']}: online is true or false")
    return Pharmacy(
        id=pharmacy["_id"],
        name=str(pharmacy.get("nom", "")),
        address=str(pharmacy.get("adresse", "")),
        phone=str(pharmacy.get("telephone", "")),
        stock={stock_key(cip): quantity for cip, quantity in stock.items()},
        online=online,
    )


def is_quantity(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0

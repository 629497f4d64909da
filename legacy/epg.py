"""Products and pharmacies as the old sites read them from EPG."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, Sum

from catalog import epg as supervisor
from catalog.availability import Area, Offer, offers
from catalog.epg.codes import is_cip
from catalog.models import Pharmacy, SearchEntry, Stock
from catalog.search import search
from catalog.selectors import products, products_by_code
from legacy.errors import Refused
from legacy.provinces import province_of
from legacy.shapes import Row

UNKNOWN_PHARMACY = "Pharmacie inconnue"
FOUND = 50
MOST = 10_000
_PHARMACY = ("id", "code", "name", "town", "quarter", "phones", "epg_id")


def item(product: Row) -> Row:
    """Sites compute with the price: where none is known it is 0."""
    return {
        "CIP": product["code"],
        "libelle": product["label"],
        "prix_vente": product["price"] or 0,
        "photoURL": None,
        "categorie": product["category"],
    }


def catalogue_page(page: int, count: int) -> Row:
    """`count` products by label, from page 0 on."""
    rows = products().filter(is_active=True)
    total = rows.count()
    shown = rows[page * count : (page + 1) * count] if page * count < total else []
    return {"items": [item(row) for row in shown], "pageCount": -(-total // count)}


def found(words: str) -> list[Row]:
    """Products on sale, the best match first."""
    hits = search(words, limit=FOUND).results
    return products_by_code([hit.code for hit in hits if hit.is_active])


def panel_rows(words: str) -> list[Row]:
    """The shape of a pharmacy's own software: `qte` is what all shelves hold together."""
    rows = found(words)
    codes = [row["code"] for row in rows]
    numbers = dict(SearchEntry.objects.filter(code__in=codes).values_list("code", "pk"))
    shelves = Stock.objects.filter(product_code__in=codes, pharmacy__is_active=True).order_by()
    totals = dict(shelves.values_list("product_code").annotate(Sum("quantity")))
    return [
        {
            "id": numbers.get(row["code"], 0),
            "libelle": row["label"],
            "cip": row["code"],
            "prix_de_vente": row["price"] or 0,
            "photo": None,
            "qte": totals.get(row["code"], 0),
        }
        for row in rows
    ]


def stock_rows() -> list[Row]:
    """What is on the shelves, one row each, the first `MOST`."""
    stocks = list(Stock.objects.filter(pharmacy__is_active=True).select_related("pharmacy").order_by("pk")[:MOST])
    known = {row["code"]: row for row in _products(stock.product_code for stock in stocks)}
    return [stock_row(stock, known[stock.product_code]) for stock in stocks if stock.product_code in known]


def stock_row(stock: Stock, product: Row) -> Row:
    return {
        "id": stock.pk,
        "name": product["label"],
        "description": product["substance"],
        "price": stock.price or 0,
        "stock": stock.quantity,
        "category": product["category"] or "",
        "pharmacy": stock.pharmacy.name,
        "cip": stock.product_code,
    }


def _products(codes: Iterable[str]) -> list[Row]:
    return products_by_code(sorted(set(codes)))


def find_pharmacy(named: str) -> Pharmacy:
    """By our number or code, EPG's identifier, or its name. Raises `Refused` (404)."""
    name = named.strip()
    condition = Q(code=name) | Q(epg_id=name.lower()) | Q(name__iexact=name)
    if name.isascii() and name.isdigit() and len(name) <= 18:
        condition |= Q(pk=int(name))
    pharmacy = Pharmacy.objects.filter(condition, is_active=True).order_by("pk").first() if name else None
    if pharmacy is None:
        raise Refused(404, UNKNOWN_PHARMACY)
    return pharmacy


def availability_in(pharmacy: Pharmacy, cip: str, *, is_anonymous: bool) -> Row:
    """What one pharmacy says of one product."""
    area = Area(pharmacy_id=pharmacy.pk)
    offer = _by_pharmacy(cip, area, is_anonymous=is_anonymous).get(pharmacy.code)
    return {
        "pharmacy": {
            "_id": pharmacy.epg_id or pharmacy.code,
            "nom": pharmacy.name,
            "adresse": _address(pharmacy.quarter, pharmacy.town),
            "telephone": _first(pharmacy.phones),
        },
        "disponibilites": [_said(cip, pharmacy.epg_id, offer)],
    }


def availability_everywhere(cip: str, *, is_anonymous: bool) -> Row:
    """One entry per active pharmacy, whether or not it has the product: the call also serves as the list of them."""
    having = _by_pharmacy(cip, Area(), is_anonymous=is_anonymous)
    rows = Pharmacy.objects.filter(is_active=True).order_by("name", "id").values(*_PHARMACY)
    return {"disponibilites": [_entry(cip, row, having.get(row["code"])) for row in rows]}


def _by_pharmacy(cip: str, area: Area, *, is_anonymous: bool) -> dict[str, Offer]:
    return {offer.pharmacy["code"]: offer for offer in offers([cip], area, is_anonymous=is_anonymous)}


def _said(cip: str, epg_id: str, offer: Offer | None) -> Row:
    """`success` is whether the pharmacy has answered: a shelf that is counted here always has."""
    is_silent = offer is None and bool(epg_id) and supervisor.is_on() and is_cip(cip)
    return {"cip": cip, "success": not is_silent, "isAvailable": _has_some(offer)}


def _has_some(offer: Offer | None) -> bool:
    return offer is not None and offer.quantity != 0


def _entry(cip: str, pharmacy: Row, offer: Offer | None) -> Row:
    return {
        **_said(cip, pharmacy["epg_id"], offer),
        "statut": "disponible" if _has_some(offer) else "indisponible",
        # EPG says that there is some, and not how many: then at least one.
        "qte": 0 if offer is None else (1 if offer.quantity is None else offer.quantity),
        "prix_de_vente": (offer.price or 0) if offer else 0,
        "pharmacie": {
            "id": pharmacy["id"],
            "nom_pharmacie": pharmacy["name"],
            "adresse": _address(pharmacy["quarter"], pharmacy["town"]),
            "province": province_of(pharmacy["town"]),
            "souscription": pharmacy["quarter"] or pharmacy["town"],
            "telephone1": _first(pharmacy["phones"]),
            "assurance": "",
        },
    }


def _address(quarter: str, town: str) -> str:
    return ", ".join(filter(None, (quarter, town)))


def _first(phones: Sequence[Any]) -> str:
    return str(phones[0]) if phones else ""

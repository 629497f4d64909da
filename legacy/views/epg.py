"""The catalogue, who has what, and reserving it; nothing is charged here, the sites do that by `spent`."""

from typing import Any

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from catalog.models import Product, SearchEntry, Stock, validate_code
from catalog.selectors import product as product_row
from catalog.services.products import save_product
from catalog.services.stock import save_stock
from catalog.signals import availability_checked
from common.api.idempotency import CallOutside
from common.money import MAX_PRICE
from common.unit_of_work import unit_of_work
from legacy import epg
from legacy.errors import Malformed
from legacy.inputs import Fields, body
from legacy.repeats import once
from legacy.views.base import ANYONE, SIGNED_IN, LegacyView, caller
from reservations.enums import Status
from reservations.models import Reservation
from reservations.services.epg.asking import submit
from reservations.services.reserving import reserve

REJECTED = "La pharmacie n'a pas pu confirmer cette réservation"
MOST_A_PAGE = 1_000
MOST_LINES = 50
MOST_BOXES = 1_000_000_000
_LABEL_LENGTH = 660


class CatalogueView(LegacyView):
    who = {"get": ANYONE}
    successor = "/api/v1/products/"

    @extend_schema(operation_id="legacy_products", responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, page: int, count: int) -> Response:
        return Response(epg.catalogue_page(min(page, 10**9), min(max(count, 1), MOST_A_PAGE)))


class ShelvesView(LegacyView):
    who = {"get": ANYONE}
    successor = "/api/v1/products/"

    @extend_schema(operation_id="legacy_shelves", responses={200: OpenApiTypes.ANY})
    def get(self, request: Request) -> Response:
        return Response(epg.stock_rows())


class SearchView(LegacyView):
    who = {"get": ANYONE}
    successor = "/api/v1/products/"

    @extend_schema(operation_id="legacy_search", responses={200: OpenApiTypes.ANY})
    def get(self, request: Request, libelle: str) -> Response:
        return Response([epg.item(row) for row in epg.found(libelle)])


class PanelSearchView(LegacyView):
    who = {"get": ANYONE}
    successor = "/api/v1/products/"

    @extend_schema(operation_id="legacy_panel_search", responses={200: OpenApiTypes.ANY})
    def get(self, request: Request, libelle: str) -> Response:
        return Response(epg.panel_rows(libelle))


class AddProductView(LegacyView):
    """A product on a pharmacy's shelf; one that the catalogue knows keeps its label there."""

    who = {"post": "catalog.add_product catalog.add_stock catalog.change_stock"}
    successor = "/admin/catalog/stock/"

    @extend_schema(operation_id="legacy_product_add", request=None, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        by, given = caller(request), body(request)
        texts = {name: given.text(name, most=_LABEL_LENGTH) for name in ("description", "category")}
        name = given.text("name", required=True, most=_LABEL_LENGTH)
        cip = given.text("cip", required=True, most=13)
        place = given.text("pharmacy", required=True, most=200)
        price = given.integer("price", required=True, least=1, most=MAX_PRICE, decimals=True)
        boxes = given.integer("stock", required=True, most=MOST_BOXES)
        given.check()
        code = _code(cip or "")
        pharmacy = epg.find_pharmacy(place or "")
        with unit_of_work():
            if product_row(code) is None:
                save_product(
                    Product(
                        code=code,
                        label=(name or "").strip() or code,
                        substance=texts["description"] or "",
                        category=(texts["category"] or "")[:120] or None,
                        price=price,
                        source="legacy",
                    ),
                    by=by,
                )
            stock = Stock.objects.filter(pharmacy=pharmacy, product_code=code).first() or Stock(
                pharmacy=pharmacy, product_code=code
            )
            stock.quantity, stock.price = boxes or 0, price
            save_stock(stock, by=by)
        answer = {"id": stock.pk, "name": name, **texts, "price": price, "stock": boxes, "pharmacy": place, "cip": code}
        return Response(answer, status=201)


def _code(cip: str) -> str:
    try:
        validate_code(cip.strip())
    except ValidationError as error:
        fault = {"loc": ["body", "cip"], "msg": str(error.messages[0]), "type": "value_error"}
        raise Malformed([fault]) from error
    return cip.strip()


class AvailabilityView(LegacyView):
    """Who has a product. Free; asked about one of ours it is an event."""

    who = {"post": ANYONE}
    successor = "/api/v1/availability/"

    @extend_schema(operation_id="legacy_availability", request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        given = body(request)
        cip = given.text("cip", required=True, most=64)
        place = given.text("pharmacy", most=200)
        given.check()
        code = (cip or "").strip()
        pharmacy = epg.find_pharmacy(place) if place and place.strip() else None
        is_anonymous = not request.user.is_authenticated
        if pharmacy is not None:
            answer = epg.availability_in(pharmacy, code, is_anonymous=is_anonymous)
        else:
            answer = epg.availability_everywhere(code, is_anonymous=is_anonymous)
        if SearchEntry.objects.filter(code=code).exists():
            by = request.user if isinstance(request.user, User) else None
            with unit_of_work():
                availability_checked.send(Product, code=code, by=by)
        return Response(answer)


class ReserveView(LegacyView):
    """Reserve for the caller, whoever the body says the buyer is. A double click is one reservation."""

    who = {"post": SIGNED_IN}
    successor = "/api/v1/reservations/"

    @extend_schema(operation_id="legacy_reserve", request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        given = body(request)
        place = given.text("pharmacy", required=True, most=200)
        basket = _basket(given)
        given.check()
        pharmacy, by = epg.find_pharmacy(place or ""), caller(request)

        def work() -> Response | CallOutside:
            made = reserve(by, pharmacy_code=pharmacy.code, basket=basket, by=by, is_charged=False).reservation
            if made.status != Status.REQUESTED:
                return _reserved(made)
            return CallOutside(provisional=_reserved(made), finish=lambda: _asked(made.pk))

        return once(request, by, work)


def _basket(given: Fields) -> list[tuple[str, int]]:
    basket: list[tuple[str, int]] = []
    for index, row in enumerate(given.rows("produits", most=MOST_LINES)):
        line = Fields(row, "body")
        code = line.text("cip", required=True, most=13)
        units = line.integer("quantity", required=True, least=1, most=1_000)
        given.faults_of(line, "produits", index)
        basket.append((code or "", units or 0))
    return basket


def _reserved(reservation: Reservation) -> Response:
    """The number to show is the one that the pharmacy asks for at the counter."""
    shown: dict[str, Any] = {"reservation": reservation.pickup_code, "ttc": reservation.total}
    return Response({"result": shown})


def _asked(reservation_id: int) -> Response:
    """What EPG said, or will say: one that it refused is refused here too."""
    submit(reservation_id)
    reservation = Reservation.objects.get(pk=reservation_id)
    if reservation.status == Status.REJECTED:
        return Response({"detail": REJECTED}, status=409)
    return _reserved(reservation)

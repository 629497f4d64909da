"""What actions cost, in credits; the sites look them up by name and charge by themselves."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.enums import PricedAction
from accounts.models import PriceList
from accounts.services.price_lists import change_price
from accounts.services.rates import delete_price, save_price
from legacy import schema, shapes
from legacy.errors import Refused
from legacy.inputs import Fields, body
from legacy.views.base import ANYONE, LegacyView, caller, message
from legacy.views.rates import LABEL_LENGTH

UNKNOWN = "Grille tarifaire inexistante"
# The names that the sites ask for, where a row has the action and another label.
ACTIONS = {"Vérifier": PricedAction.CHECK_AVAILABILITY, "Commander les produits": PricedAction.RESERVE}


def _find(price_id: int) -> PriceList:
    price = PriceList.objects.filter(pk=price_id).first()
    if price is None:
        raise Refused(404, UNKNOWN)
    return price


def _read(given: Fields, *, is_new: bool = False) -> tuple[str | None, int | None]:
    """Label and credits, None where nothing was sent."""
    label = given.text("libelle", required=is_new, most=LABEL_LENGTH)
    credits = given.integer("credit", required=is_new)
    given.check()
    if label is not None and not label.strip():
        raise Refused(400, "Le libellé est obligatoire")
    return label and label.strip(), credits


class PriceListsView(LegacyView):
    who = {"get": ANYONE}
    successor = "/api/v1/price-lists/"

    @extend_schema(operation_id="legacy_price_lists", responses={200: schema.OldPriceListSerializer(many=True)})
    def get(self, request: Request) -> Response:
        return Response([shapes.price_list(price) for price in PriceList.objects.order_by("pk")])


class PriceListByNameView(LegacyView):
    who = {"get": ANYONE}
    successor = "/api/v1/price-lists/"

    @extend_schema(operation_id="legacy_price_list_by_name", responses={200: schema.OldPriceListSerializer})
    def get(self, request: Request, libelle: str) -> Response:
        price = PriceList.objects.filter(label=libelle).order_by("pk").first()
        if price is None and libelle in ACTIONS:
            price = PriceList.objects.filter(action=ACTIONS[libelle]).first()
        if price is None:
            raise Refused(404, UNKNOWN)
        return Response(shapes.price_list(price))


class AddPriceListView(LegacyView):
    who = {"post": "accounts.add_pricelist"}
    successor = "/admin/accounts/pricelist/"

    @extend_schema(operation_id="legacy_price_list_add", request=None, responses={200: schema.OldPriceListSerializer})
    def post(self, request: Request) -> Response:
        label, credits = _read(body(request), is_new=True)
        price = save_price(PriceList(label=label or "", credits=credits or 0), by=caller(request))
        return Response(shapes.price_list(price))


class UpdatePriceListView(LegacyView):
    who = {"put": "accounts.change_pricelist"}
    successor = "/admin/accounts/pricelist/"

    @extend_schema(operation_id="legacy_price_list_update", request=None, responses={200: schema.OldMessageSerializer})
    def put(self, request: Request, price_id: int) -> Response:
        price = _find(price_id)
        label, credits = _read(body(request))
        change_price(price, label=label, credits=credits, by=caller(request))
        return message("Grille tarifaire modifié avec succès")


class DeletePriceListView(LegacyView):
    who = {"delete": "accounts.delete_pricelist"}
    successor = "/admin/accounts/pricelist/"

    @extend_schema(operation_id="legacy_price_list_delete", request=None, responses={200: schema.OldMessageSerializer})
    def delete(self, request: Request, price_id: int) -> Response:
        delete_price(_find(price_id), by=caller(request))
        return message("Grille tarifaire supprimé avec succès")

"""Packs of credits."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Rate
from accounts.services.rates import save_rate, withdraw_rate
from common.money import MAX_PRICE
from legacy import schema, shapes
from legacy.errors import Refused
from legacy.inputs import Fields, body
from legacy.views.base import ANYONE, LegacyView, caller, message

UNKNOWN = "Tarification inexistante"
LABEL_LENGTH = 120


def _find(rate_id: int) -> Rate:
    rate = Rate.objects.filter(pk=rate_id, is_active=True).first()
    if rate is None:
        raise Refused(404, UNKNOWN)
    return rate


def _read(given: Fields, rate: Rate, *, is_new: bool = False) -> Rate:
    """The fields that were sent, on the rate. An amount of francs may be written `700.0`."""
    label = given.text("libelle", required=is_new, most=LABEL_LENGTH)
    price = given.integer("price", required=is_new, least=1, most=MAX_PRICE, decimals=True)
    credits = given.integer("credit", required=is_new, least=1)
    given.check()
    if label is not None and not label.strip():
        raise Refused(400, "Le libellé est obligatoire")
    rate.label = rate.label if label is None else label.strip()
    rate.price = rate.price if price is None else price
    rate.credits = rate.credits if credits is None else credits
    return rate


class RatesView(LegacyView):
    """Packs on sale."""

    who = {"get": ANYONE}
    successor = "/api/v1/rates/"

    @extend_schema(operation_id="legacy_rates", responses={200: schema.OldRateSerializer(many=True)})
    def get(self, request: Request) -> Response:
        return Response([shapes.rate(rate) for rate in Rate.objects.filter(is_active=True).order_by("pk")])


class AddRateView(LegacyView):
    who = {"post": "accounts.add_rate"}
    successor = "/admin/accounts/rate/"

    @extend_schema(operation_id="legacy_rate_add", request=None, responses={201: schema.OldRateSerializer})
    def post(self, request: Request) -> Response:
        rate = save_rate(_read(body(request), Rate(), is_new=True), by=caller(request))
        return Response(shapes.rate(rate), status=201)


class UpdateRateView(LegacyView):
    who = {"put": "accounts.change_rate"}
    successor = "/admin/accounts/rate/"

    @extend_schema(operation_id="legacy_rate_update", request=None, responses={200: schema.OldMessageSerializer})
    def put(self, request: Request, rate_id: int) -> Response:
        save_rate(_read(body(request), _find(rate_id)), by=caller(request))
        return message("Tarif modifié avec succès")


class DeleteRateView(LegacyView):
    """Taken off sale: payments on their way still name it."""

    who = {"delete": "accounts.change_rate"}
    successor = "/admin/accounts/rate/"

    @extend_schema(operation_id="legacy_rate_delete", request=None, responses={200: schema.OldMessageSerializer})
    def delete(self, request: Request, rate_id: int) -> Response:
        withdraw_rate(_find(rate_id), by=caller(request))
        return message("Tarif supprimé avec succès")

"""`POST availability/`: a whole basket."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from catalog.api import representations
from catalog.api.params import MAX_RADIUS_KM, is_computable
from catalog.api.serializers import PharmacySerializer
from catalog.availability import Area, Offer
from catalog.enums import OfferSource
from catalog.geo import Position
from catalog.models import validate_code
from catalog.planning import Plan
from catalog.selectors import with_openings
from catalog.services import baskets
from common.api.idempotency import idempotent
from common.api.serializers import MomentField, StrictIntegerField, StrictSerializer

MAX_LINES = 30
MAX_QUANTITY = 10_000


class StrictNumberField(serializers.FloatField):
    """A JSON number; no strings, no booleans."""

    def to_internal_value(self, data: Any) -> float:
        if type(data) not in (int, float):
            self.fail("invalid")
        try:
            return float(data)
        except OverflowError:
            self.fail("invalid")


class BasketLineSerializer(StrictSerializer):
    product = serializers.CharField(max_length=13, validators=[validate_code])
    quantity = StrictIntegerField(min_value=1, max_value=MAX_QUANTITY)


class NearSerializer(StrictSerializer):
    lat = StrictNumberField(min_value=-90, max_value=90)
    lon = StrictNumberField(min_value=-180, max_value=180)


class OpeningMomentField(MomentField):
    """A moment whose neighbouring days can be computed, as `open_at` of the list of pharmacies."""

    def to_internal_value(self, data: Any) -> datetime:
        moment = super().to_internal_value(data)
        if not is_computable(moment):
            self.fail("invalid")
        return moment


class AvailabilityInputSerializer(StrictSerializer):
    """A basket, and where to look; the same product twice is added up."""

    lines = BasketLineSerializer(many=True, allow_empty=False, max_length=MAX_LINES)
    near = NearSerializer(required=False, allow_null=True)
    radius_km = StrictNumberField(required=False, allow_null=True, min_value=0.001, max_value=MAX_RADIUS_KM)
    open_at = OpeningMomentField(
        required=False,
        allow_null=True,
        help_text="only pharmacies that are known to be open then, by their hours or on duty",
    )
    accept_generics = serializers.BooleanField(
        required=False,
        help_text="where a pharmacy cannot serve a product, another of the same substance, form, strength and pack may",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("radius_km") is not None and attrs.get("near") is None:
            raise serializers.ValidationError({"near": _("Un rayon demande une position.")}, code="required")
        return attrs

    def basket(self) -> list[tuple[str, int]]:
        return [(line["product"], line["quantity"]) for line in self.validated_data["lines"]]

    def area(self) -> Area:
        given = self.validated_data
        near = Position(given["near"]["lat"], given["near"]["lon"]) if given.get("near") else None
        return Area(near, given.get("radius_km"), open_at=given.get("open_at"))


class BasketOfferSerializer(serializers.Serializer[Any]):
    product = serializers.CharField()
    replaces = serializers.CharField(allow_null=True, help_text="the product of the basket that this generic replaces")
    requested = serializers.IntegerField()
    quantity = serializers.IntegerField(allow_null=True, help_text="null: EPG says that there are some, not how many")
    price = serializers.IntegerField(allow_null=True, help_text="of one box; null: cannot be reserved")
    source = serializers.ChoiceField([str(source) for source in OfferSource])  # type: ignore[assignment]
    observed_at = serializers.DateTimeField()


class PharmacyOffersSerializer(serializers.Serializer[Any]):
    pharmacy = PharmacySerializer()
    lines = BasketOfferSerializer(many=True)
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="products that the pharmacy does not have, or says nothing of"
    )


class StopLineSerializer(serializers.Serializer[Any]):
    product = serializers.CharField()
    replaces = serializers.CharField(allow_null=True, help_text="the product of the basket that this generic replaces")
    quantity = serializers.IntegerField()
    price = serializers.IntegerField(help_text="of one box")


class StopSerializer(serializers.Serializer[Any]):
    pharmacy = serializers.CharField(help_text="its code")
    lines = StopLineSerializer(many=True)


class PlanSerializer(serializers.Serializer[Any]):
    stops = StopSerializer(many=True, help_text="the nearest first")
    distance_km = serializers.FloatField(
        allow_null=True, help_text="the sum of the stops' distances; null without `near` or where one has no position"
    )
    total = serializers.IntegerField()
    currency = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField(), help_text="products that nobody can serve")


class AvailabilitySerializer(serializers.Serializer[Any]):
    pharmacies = PharmacyOffersSerializer(many=True)
    plans = PlanSerializer(
        many=True, help_text="all with the fewest stops; best first by distance, stops that never close, total"
    )
    exact = serializers.BooleanField(help_text="false: the time ran out, these are the best found so far")
    credits_charged = serializers.IntegerField(help_text="0 where nobody answered")


class AvailabilityView(APIView):
    """Who has a basket, and where to go for it."""

    @extend_schema(
        tags=["catalogue"],
        operation_id="availability_check",
        request=AvailabilityInputSerializer,
        responses={200: AvailabilitySerializer},
    )
    @idempotent(required=True, look="look")
    def post(self, request: Request, looked: baskets.BasketCheck) -> Response:
        """Per pharmacy what it has of the basket, and plans of where to go.

        Costs what the price list says for `check_availability`, once, and only if somebody answered.
        """
        assert isinstance(request.user, User)
        return Response(_represent(looked, baskets.charge(request.user, looked), looked.area.open_at or timezone.now()))

    def look(self, request: Request) -> baskets.BasketCheck:
        """Before any transaction: this may wait for EPG."""
        serializer = AvailabilityInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        return baskets.look_up(
            request.user,
            serializer.basket(),
            serializer.area(),
            accept_generics=serializer.validated_data.get("accept_generics", False),
        )


_time = serializers.DateTimeField()


def _represent(check: baskets.BasketCheck, credits: int, instant: datetime) -> dict[str, Any]:
    rows = with_openings([found.pharmacy for found in check.pharmacies], instant)
    return {
        "pharmacies": [
            {
                "pharmacy": representations.pharmacy(row),
                "lines": [
                    _line(code, units, offer)
                    for code, units in check.lines.items()
                    for offer in (found.offers.get(code), found.generics.get(code))
                    if offer is not None
                ],
                "missing": found.missing(check.lines),
            }
            for found, row in zip(check.pharmacies, rows, strict=True)
        ],
        "plans": [_plan(check, plan) for plan in check.plans],
        "exact": check.exact,
        "credits_charged": credits,
    }


def _line(code: str, units: int, offer: Offer) -> dict[str, Any]:
    return {
        **_named(code, offer),
        "requested": units,
        "quantity": offer.quantity,
        "price": offer.price,
        "source": str(offer.source),
        "observed_at": _time.to_representation(offer.observed_at),
    }


def _named(code: str, offer: Offer) -> dict[str, Any]:
    return {"product": offer.product, "replaces": None if offer.product == code else code}


def _bought(check: baskets.BasketCheck, stop: int, code: str) -> dict[str, Any]:
    offer = check.pharmacies[stop].serving(code)
    assert offer is not None
    return {**_named(code, offer), "quantity": check.lines[code], "price": offer.price}


def _plan(check: baskets.BasketCheck, plan: Plan) -> dict[str, Any]:
    codes = list(check.lines)
    distances = [check.pharmacies[stop].pharmacy["distance_km"] for stop, _lines in plan.stops]
    return {
        "stops": [
            {
                "pharmacy": check.pharmacies[stop].pharmacy["code"],
                "lines": [_bought(check, stop, codes[line]) for line in lines],
            }
            for stop, lines in plan.stops
        ],
        "distance_km": None if None in distances else round(sum(distances), 3),
        "total": plan.total,
        "currency": settings.CURRENCY,
        "missing": [codes[line] for line in plan.missing],
    }

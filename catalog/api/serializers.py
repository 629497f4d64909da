"""What the answers look like, for OpenAPI; the answers themselves are made by `representations`."""

from typing import Any

from rest_framework import serializers

from catalog.enums import OfferSource, ProductKind
from catalog.models import PriceChange


class ProductSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # DRF has a `label` of its own
    substance = serializers.CharField()
    form = serializers.CharField()
    category = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(ProductKind.choices)
    prescription_required = serializers.BooleanField(allow_null=True, help_text="null: not known")
    price = serializers.IntegerField(allow_null=True, help_text="whole units of the currency; null: not known")
    price_is_indicative = serializers.BooleanField()
    currency = serializers.CharField()
    is_active = serializers.BooleanField(help_text="false: withdrawn from the market")
    source = serializers.CharField()  # type: ignore[assignment]
    updated_at = serializers.DateTimeField()


class PriceChangeSerializer(serializers.ModelSerializer[PriceChange]):
    """A product's price became another one at `changed_at`; null is unknown."""

    changed_at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = PriceChange
        fields = ["changed_at", "old_price", "old_currency", "price", "currency", "is_indicative"]


class SuggestionSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="what the product is called, without how it is packed")
    code = serializers.CharField(help_text="its best match")
    substance = serializers.CharField()
    kind = serializers.ChoiceField(ProductKind.choices)
    is_active = serializers.BooleanField()


class PositionSerializer(serializers.Serializer[Any]):
    lat = serializers.FloatField()
    lon = serializers.FloatField()
    approximate = serializers.BooleanField(help_text="true: the town's, not the house's")


class PharmacySerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    town = serializers.CharField()
    quarter = serializers.CharField()
    phones = serializers.ListField(child=serializers.CharField(), help_text="E.164")
    position = PositionSerializer(allow_null=True)
    hours = serializers.CharField(help_text="free text")
    is_open = serializers.BooleanField(allow_null=True, help_text="null: nobody knows its hours")
    open_until = serializers.DateTimeField(allow_null=True, help_text="null: closed, or it never closes")
    is_on_duty = serializers.BooleanField()
    duty_surcharge = serializers.IntegerField(allow_null=True, help_text="added to a bill; null: not on duty")
    accepts_cnamgs = serializers.BooleanField(help_text="takes part in the national health insurance")
    distance_km = serializers.FloatField(allow_null=True, help_text="null without `near` or without a position")


class OfferSerializer(serializers.Serializer[Any]):
    pharmacy = PharmacySerializer()
    quantity = serializers.IntegerField(
        allow_null=True, help_text="boxes that can be reserved now; null: EPG says that there are some, not how many"
    )
    price = serializers.IntegerField(allow_null=True, help_text="null: cannot be reserved")
    currency = serializers.CharField()
    distance_km = serializers.FloatField(allow_null=True)
    observed_at = serializers.DateTimeField()
    source = serializers.ChoiceField([str(source) for source in OfferSource])  # type: ignore[assignment]

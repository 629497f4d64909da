"""What is sent, checked field by field; what is answered, documented. `representations` writes the answers."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.emails import validate_address
from common.api.serializers import StrictIntegerField, StrictSerializer
from common.money import MAX_PRICE
from marketplaces.enums import Channel, ListingState, MemberRole, OrderState, OrderTask, QuotaKind, Review
from marketplaces.models import ATTRIBUTES, Attribute
from marketplaces.models.items import MAX_QUANTITY

_IN_UNITS = "in the smallest unit of the currency"


class AttributeField(serializers.CharField):
    """The code of an attribute that is offered."""

    default_error_messages = {
        "unknown_attribute": _("Cette valeur n'est pas proposée : GET /api/v1/attributes/{kind}/.")
    }

    def __init__(self, model: type[Attribute], **kwargs: Any) -> None:
        self.model = model
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        found = self.model._default_manager.filter(code=super().to_internal_value(data), is_active=True).first()
        if found is None:
            self.fail("unknown_attribute", kind=self.model._meta.model_name)
        return found


def _attribute(name: str, **kwargs: Any) -> AttributeField:
    return AttributeField(ATTRIBUTES[name], **kwargs)


class BuffersSerializer(StrictSerializer):
    """Pieces that a channel is never offered."""

    ebay = StrictIntegerField(min_value=0, max_value=MAX_QUANTITY, required=False)
    etsy = StrictIntegerField(min_value=0, max_value=MAX_QUANTITY, required=False)
    vinted = StrictIntegerField(min_value=0, max_value=MAX_QUANTITY, required=False)


class ItemInputSerializer(StrictSerializer):
    title = serializers.CharField(max_length=140)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    price = StrictIntegerField(min_value=1, max_value=MAX_PRICE, help_text=_IN_UNITS)
    quantity = StrictIntegerField(min_value=0, max_value=MAX_QUANTITY)
    code = serializers.CharField(max_length=20, required=False, allow_blank=True, help_text="CIP, EAN or GTIN")
    category = _attribute("category")
    condition = _attribute("condition")
    brand = _attribute("brand", required=False, allow_null=True)
    color = _attribute("color", required=False, allow_null=True)
    material = _attribute("material", required=False, allow_null=True)
    size = _attribute("size", required=False, allow_null=True)
    stock_buffers = BuffersSerializer(required=False)


class ItemChangeSerializer(ItemInputSerializer):
    """`expected_quantity`: refused (409 `quantity_changed`) where the stock is another one, as after a sale."""

    expected_quantity = StrictIntegerField(min_value=0, max_value=MAX_QUANTITY, required=False)


class PricesSerializer(StrictSerializer):
    """A price of its own for a channel."""

    ebay = StrictIntegerField(min_value=1, max_value=MAX_PRICE, required=False)
    etsy = StrictIntegerField(min_value=1, max_value=MAX_PRICE, required=False)
    vinted = StrictIntegerField(min_value=1, max_value=MAX_PRICE, required=False)


class WithdrawInputSerializer(StrictSerializer):
    channels = serializers.ListField(
        child=serializers.ChoiceField(Channel.choices), allow_empty=False, max_length=len(Channel)
    )


class PublishInputSerializer(WithdrawInputSerializer):
    prices = PricesSerializer(required=False)


class ImageInputSerializer(StrictSerializer):
    file = serializers.FileField(allow_empty_file=True)


class ImageOrderInputSerializer(StrictSerializer):
    images = serializers.ListField(child=serializers.UUIDField(), max_length=100)


class MerchantInputSerializer(StrictSerializer):
    """Staff name the `owner` by address, a `plan` and a currency; a pharmacist only a pharmacy of theirs."""

    name = serializers.CharField(max_length=200)
    pharmacy = serializers.CharField(max_length=32, required=False)
    owner = serializers.EmailField(max_length=254, required=False)
    plan = serializers.SlugField(max_length=32, required=False)
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", required=False)


class MerchantChangeSerializer(StrictSerializer):
    name = serializers.CharField(max_length=200)


class MemberInputSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=254, validators=[validate_address])
    role = serializers.ChoiceField(MemberRole.choices)


class InvitationSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    role = serializers.ChoiceField(MemberRole.choices)
    expires_at = serializers.DateTimeField()


class InvitationAcceptedInputSerializer(StrictSerializer):
    token = serializers.CharField(max_length=1000)


class MemberChangeSerializer(StrictSerializer):
    role = serializers.ChoiceField(MemberRole.choices)


class MerchantSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    role = serializers.ChoiceField(MemberRole.choices, allow_null=True, help_text="yours; null: you are no member")
    pharmacy = serializers.CharField(allow_null=True)
    plan = serializers.CharField()
    currency = serializers.CharField()
    is_active = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class MemberSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    full_name = serializers.CharField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(MemberRole.choices)
    created_at = serializers.DateTimeField()


class ImageSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    url = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes")
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class ItemListingSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    channel = serializers.ChoiceField(Channel.choices)
    state = serializers.ChoiceField(ListingState.choices)


class ItemSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    sku = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    price = serializers.IntegerField(help_text=_IN_UNITS)
    currency = serializers.CharField()
    quantity = serializers.IntegerField()
    code = serializers.CharField()
    category = serializers.CharField()
    condition = serializers.CharField()
    brand = serializers.CharField(allow_null=True)
    color = serializers.CharField(allow_null=True)
    material = serializers.CharField(allow_null=True)
    size = serializers.CharField(allow_null=True)
    stock_buffers = serializers.DictField(child=serializers.IntegerField())
    review = serializers.ChoiceField(Review.choices)
    images = ImageSerializer(many=True)
    listings = ItemListingSerializer(many=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ListingSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    item = serializers.UUIDField()
    sku = serializers.CharField()
    title = serializers.CharField()
    channel = serializers.ChoiceField(Channel.choices)
    state = serializers.ChoiceField(ListingState.choices)
    price = serializers.IntegerField(help_text=f"on this channel, {_IN_UNITS}")
    currency = serializers.CharField()
    external_id = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True)
    published_quantity = serializers.IntegerField(allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField(allow_blank=True)
    last_error_code = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ListingsSerializer(serializers.Serializer[Any]):
    listings = ListingSerializer(many=True)


class OrderLineSerializer(serializers.Serializer[Any]):
    item = serializers.UUIDField(allow_null=True)
    sku = serializers.CharField(allow_blank=True)
    title = serializers.CharField(allow_blank=True)
    quantity = serializers.IntegerField()
    unit_price = serializers.IntegerField(help_text=_IN_UNITS)


class OrderSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    channel = serializers.ChoiceField(Channel.choices)
    external_id = serializers.CharField()
    state = serializers.ChoiceField(OrderState.choices)
    task = serializers.ChoiceField(OrderTask.choices)
    task_note = serializers.CharField(allow_blank=True)
    buyer = serializers.CharField(allow_blank=True)
    total = serializers.IntegerField(help_text=_IN_UNITS)
    currency = serializers.CharField()
    lines = OrderLineSerializer(many=True)
    ordered_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class QuotaSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(QuotaKind.choices)
    channel = serializers.ChoiceField(Channel.choices, allow_null=True)
    used = serializers.IntegerField()
    limit = serializers.IntegerField(allow_null=True, help_text="null: without a limit")


class QuotasSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField()
    quotas = QuotaSerializer(many=True)


class AttributeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    channels = serializers.ListField(child=serializers.ChoiceField(Channel.choices))

from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.enums import Language, Role
from accounts.models import Account, CreditEntry, PriceList, Rate, User
from common.api.serializers import StrictSerializer
from common.phones import InvalidPhone, to_e164


class LoginSerializer(StrictSerializer):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False)
    otp = serializers.CharField(max_length=16, required=False)


class OAuth2LoginSerializer(StrictSerializer):
    """The password grant's form, as OAuth 2 clients send it."""

    username = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False)
    grant_type = serializers.CharField(required=False, allow_blank=True)
    scope = serializers.CharField(required=False, allow_blank=True)
    client_id = serializers.CharField(required=False, allow_blank=True)
    client_secret = serializers.CharField(required=False, allow_blank=True)


class UserSerializer(serializers.ModelSerializer[User]):
    role = serializers.ChoiceField(choices=Role.choices, read_only=True)
    full_name = serializers.CharField(read_only=True)
    mfa_enabled = serializers.BooleanField(read_only=True)

    class Meta:
        model = User
        fields = (
            "id email first_name last_name full_name phone role language bio is_verified mfa_enabled created_at".split()
        )
        read_only_fields = fields


class ProfileSerializer(StrictSerializer):
    """What a person may change of their own profile; role, verification and e-mail are not among it."""

    first_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    last_name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    phone = serializers.CharField(max_length=32, required=False, allow_blank=True)
    language = serializers.ChoiceField(choices=Language.choices, required=False)
    bio = serializers.CharField(max_length=2000, required=False, allow_blank=True)

    def validate_phone(self, value: str) -> str:
        try:
            return to_e164(value, region=settings.PHONE_REGION) if value else ""
        except InvalidPhone as error:
            raise serializers.ValidationError(error.detail, code=error.code) from error


class SessionSerializer(serializers.Serializer[Any]):
    """What a sign-in returns."""

    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()
    user = UserSerializer()


class RateSerializer(serializers.ModelSerializer[Rate]):
    class Meta:
        model = Rate
        fields = ["id", "label", "price", "currency", "credits"]


class PriceListSerializer(serializers.ModelSerializer[PriceList]):
    class Meta:
        model = PriceList
        fields = ["id", "action", "label", "credits"]


class AccountSerializer(serializers.ModelSerializer[Account]):
    credits = serializers.IntegerField(source="credit")
    rate = RateSerializer(allow_null=True)

    class Meta:
        model = Account
        fields = ["id", "credits", "is_active", "rate", "subscribed_at"]


class CreditEntrySerializer(serializers.ModelSerializer[CreditEntry]):
    label = serializers.SerializerMethodField()

    class Meta:
        model = CreditEntry
        fields = ["id", "amount", "balance_after", "kind", "reference", "label", "created_at"]

    def get_label(self, entry: CreditEntry) -> str:
        return entry.label or entry.get_kind_display()

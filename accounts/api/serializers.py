from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.enums import ApprovalStatus, Language, Role
from accounts.models import Account, Approval, CreditEntry, PriceList, Rate, TokenFamily, User
from accounts.statement import label_of
from common.api.serializers import StrictIntegerField, StrictSerializer
from common.money import MAX_CREDITS
from common.phones import InvalidPhone, to_e164

# A recovery code with its dashes, and some spaces.
MAX_OTP = 32


class LoginSerializer(StrictSerializer):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False)
    otp = serializers.CharField(max_length=MAX_OTP, required=False)


class OAuth2LoginSerializer(StrictSerializer):
    """The password grant's form, as OAuth 2 clients send it."""

    username = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=256, trim_whitespace=False)
    otp = serializers.CharField(max_length=MAX_OTP, required=False)
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


class TokenPairSerializer(serializers.Serializer[Any]):
    """What a refresh returns."""

    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()


class SignedInSerializer(TokenPairSerializer):
    """What a sign-in returns."""

    user = UserSerializer()


class RefreshSerializer(StrictSerializer):
    """Without a `refresh_token` the cookie's is taken."""

    refresh_token = serializers.CharField(max_length=4096, required=False)


class SessionSerializer(serializers.ModelSerializer[TokenFamily]):
    id = serializers.UUIDField(source="public_id")
    last_used_at = serializers.DateTimeField(source="refreshed_at")
    current = serializers.SerializerMethodField()

    class Meta:
        model = TokenFamily
        fields = ["id", "device", "ip", "created_at", "last_used_at", "current"]

    def get_current(self, family: TokenFamily) -> bool:
        return family.public_id == self.context["request"].auth.family


class RateSerializer(serializers.ModelSerializer[Rate]):
    class Meta:
        model = Rate
        fields = ["id", "label", "price", "currency", "credits"]


class PriceListSerializer(serializers.ModelSerializer[PriceList]):
    credits = serializers.IntegerField(source="credits_now")

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
        return label_of(entry)


class StatementQuerySerializer(StrictSerializer):
    """`from` and `to`, both days included, in the site's time zone; at most a year, by default the last one."""

    to = serializers.DateField(required=False)

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateField(required=False), **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        to = attrs.get("to") or timezone.localdate()
        if to.year < 2000:
            raise serializers.ValidationError({"to": _("Les dates ne se suivent pas.")}, code="invalid_range")
        since = attrs.get("from") or to - timedelta(days=365)
        if since > to or to.year >= 3000:
            raise serializers.ValidationError({"from": _("Les dates ne se suivent pas.")}, code="invalid_range")
        if (to - since).days > 366:
            raise serializers.ValidationError({"from": _("Un relevé couvre au plus un an.")}, code="range_too_long")
        return {"since": _midnight(since), "until": _midnight(to + timedelta(days=1))}


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


class HolderSerializer(serializers.ModelSerializer[User]):
    full_name = serializers.CharField(read_only=True)

    class Meta:
        model = User
        fields = ["id", "email", "full_name", "phone"]


class StaffAccountSerializer(AccountSerializer):
    """An account as staff see it: with its holder."""

    user = HolderSerializer()

    class Meta(AccountSerializer.Meta):
        fields = [*AccountSerializer.Meta.fields, "user", "created_at"]


class GrantInputSerializer(StrictSerializer):
    credits = StrictIntegerField(min_value=1, max_value=MAX_CREDITS)
    reason = serializers.CharField(max_length=200)


class AdjustInputSerializer(StrictSerializer):
    """A correction in either direction."""

    credits = StrictIntegerField(min_value=-MAX_CREDITS, max_value=MAX_CREDITS)
    reason = serializers.CharField(max_length=200)


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    """`amount` in whole units of `currency`; in credits where that is null."""

    id = serializers.UUIDField(source="public_id")
    status = serializers.ChoiceField(choices=ApprovalStatus.choices)
    currency = serializers.SerializerMethodField()

    class Meta:
        model = Approval
        fields = (
            "id kind subject amount currency parameters reason status "
            "beneficiary requested_by decided_by decided_at note created_at"
        ).split()
        read_only_fields = fields

    def get_currency(self, approval: Approval) -> str | None:
        return approval.currency or None


class RefuseInputSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True)

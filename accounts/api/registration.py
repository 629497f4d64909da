"""Sign-up and proof of the address. What these routes answer never tells whether an address has an account."""

from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.answers import session_answer
from accounts.api.passwords import DoneSerializer, NewPasswordField
from accounts.api.serializers import ProfileSerializer, SignedInSerializer
from accounts.emails import MAX_LENGTH, validate_address, validate_length
from accounts.enums import Role
from accounts.services import registration
from accounts.services.one_time import CODE_LIFETIME
from accounts.services.sessions import open_session
from accounts.services.signin import check_second_factor
from common.api.serializers import StrictIntegerField, StrictSerializer

# What somebody can register as.
ROLES = [(role.value, role.label) for role in registration.SELF_REGISTERED]


class RegistrationSerializer(ProfileSerializer):
    """`full_name` is for who has only one field for it: its last word is the last name."""

    email = serializers.EmailField(max_length=MAX_LENGTH, validators=[validate_address])
    password = NewPasswordField()
    full_name = serializers.CharField(max_length=301, required=False, allow_blank=True)
    role = serializers.ChoiceField(choices=ROLES, required=False)
    specialty_ids = serializers.ListField(child=StrictIntegerField(min_value=1), max_length=20, required=False)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        full_name = given.pop("full_name", "")
        if full_name and not (given.get("first_name") or given.get("last_name")):
            first, _space, last = full_name.rpartition(" ")
            given["first_name"], given["last_name"] = (first.strip()[:150], last[:150]) if first else (last[:150], "")
        return given


class RegisteredSerializer(serializers.Serializer[Any]):
    email = serializers.CharField()
    otp_expires_in = serializers.IntegerField(help_text="seconds")
    otp = serializers.CharField(required=False, help_text="only under DEBUG")


class EmailSerializer(StrictSerializer):
    email = serializers.CharField(max_length=MAX_LENGTH, validators=[validate_length])


class CodeSerializer(EmailSerializer):
    otp = serializers.RegexField(r"^[0-9]{6}\Z")


class RegisterView(APIView):
    """Create an account. The same answer whether or not the address has one; what to do next comes by mail."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(
        tags=["auth"],
        operation_id="auth_register",
        request=RegistrationSerializer,
        parameters=[OpenApiParameter("role", enum=[role for role, _label in ROLES])],
        responses={201: RegisteredSerializer},
    )
    def post(self, request: Request) -> Response:
        data = request.data
        role = request.query_params.get("role")
        if role is not None and isinstance(data, dict) and "role" not in data:
            data = {**data, "role": role}
        serializer = RegistrationSerializer(data=data)
        serializer.is_valid(raise_exception=True)
        given = dict(serializer.validated_data)
        given.setdefault("language", (get_language() or settings.LANGUAGE_CODE)[:2])
        registered = registration.register(role=Role(given.pop("role", Role.PATIENT)), **given)
        body: dict[str, Any] = {"email": registered.email, "otp_expires_in": int(CODE_LIFETIME.total_seconds())}
        if settings.DEBUG:
            body["otp"] = registered.code
        return Response(body, status=201, headers={"Cache-Control": "no-store"})


class VerifyOtpView(APIView):
    """Prove an address with the code that was mailed to it; answers like a sign-in, a second factor included."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(
        tags=["auth"], operation_id="auth_verify_otp", request=CodeSerializer, responses={200: SignedInSerializer}
    )
    def post(self, request: Request) -> Response:
        serializer = CodeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        user = registration.verify_email(email=given["email"], code=given["otp"])
        check_second_factor(user, otp=None)
        return session_answer(open_session(user))


class ResendOtpView(APIView):
    """Mail a new code, at most one a minute; the one before is dead. The same answer for every address."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(
        tags=["auth"], operation_id="auth_resend_otp", request=EmailSerializer, responses={200: DoneSerializer}
    )
    def post(self, request: Request) -> Response:
        serializer = EmailSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        registration.resend_code(serializer.validated_data["email"])
        return Response({"detail": _("Si cette adresse attend un code, il vient de lui être envoyé.")})

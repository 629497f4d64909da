"""The second factor: enrol, confirm, recovery codes, do without."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import AccessToken, EnrolmentAuthentication
from accounts.api.serializers import MAX_OTP
from accounts.models import User
from accounts.services import second_factor
from accounts.services.signin import confirm_password
from common.api.serializers import StrictSerializer

_NEVER_STORED = {"Cache-Control": "no-store"}
# A sign-in so short a time ago is as good as the password.
_FRESH = timedelta(minutes=10)


class OtpSerializer(StrictSerializer):
    otp = serializers.CharField(max_length=MAX_OTP)


class PasswordAndOtpSerializer(OtpSerializer):
    password = serializers.CharField(max_length=256, trim_whitespace=False)


class EnrolmentInputSerializer(StrictSerializer):
    """Both are needed where a factor is being replaced; the password also where the sign-in was some time ago."""

    password = serializers.CharField(max_length=256, trim_whitespace=False, required=False)
    otp = serializers.CharField(max_length=MAX_OTP, required=False)


class PasswordEnrolmentInputSerializer(EnrolmentInputSerializer):
    password = serializers.CharField(max_length=256, trim_whitespace=False)


class EnrolmentSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField()
    otpauth_uri = serializers.CharField()


class RecoveryCodesSerializer(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(child=serializers.CharField())


class EnrolmentView(APIView):
    """A secret for the authenticator application. It counts once `confirm` has seen its first code.

    A factor that there is already is replaced then; that needs the password and a code of it. The first one needs the
    password where the session is more than ten minutes old: whoever has stolen a token must not lock its owner out.
    """

    is_own_access = True
    authentication_classes = [EnrolmentAuthentication]

    @extend_schema(
        tags=["auth"],
        operation_id="mfa_totp",
        request=EnrolmentInputSerializer,
        responses={200: EnrolmentSerializer},
    )
    def post(self, request: Request) -> Response:
        user = _user(request)
        serializer = _enrolment_input(request, user)(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        if "password" in given:
            confirm_password(user, password=given["password"])
        if user.mfa_enabled:
            second_factor.confirm_second_factor(user, otp=given["otp"])
        enrolment = second_factor.start_enrolment(user, is_proved=user.mfa_enabled)
        return Response({"secret": enrolment.secret, "otpauth_uri": enrolment.otpauth_uri}, headers=_NEVER_STORED)


class ConfirmView(APIView):
    """The first code of the application. The recovery codes are shown this once."""

    is_own_access = True
    authentication_classes = [EnrolmentAuthentication]

    @extend_schema(
        tags=["auth"],
        operation_id="mfa_totp_confirm",
        request=OtpSerializer,
        responses={200: RecoveryCodesSerializer},
    )
    def post(self, request: Request) -> Response:
        serializer = OtpSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = _user(request)
        codes = second_factor.confirm_enrolment(user, otp=serializer.validated_data["otp"], by=user)
        return Response({"recovery_codes": codes}, headers=_NEVER_STORED)


class RecoveryCodesView(APIView):
    """New recovery codes; the old ones are dead."""

    is_own_access = True

    @extend_schema(
        tags=["auth"],
        operation_id="mfa_recovery_codes",
        request=OtpSerializer,
        responses={200: RecoveryCodesSerializer},
    )
    def post(self, request: Request) -> Response:
        serializer = OtpSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = _user(request)
        second_factor.confirm_second_factor(user, otp=serializer.validated_data["otp"])
        codes = second_factor.renew_recovery_codes(user, by=user)
        return Response({"recovery_codes": codes}, headers=_NEVER_STORED)


class DisableView(APIView):
    """Go on without a second factor, where the role allows it."""

    is_own_access = True

    @extend_schema(
        tags=["auth"], operation_id="mfa_totp_disable", request=PasswordAndOtpSerializer, responses={204: None}
    )
    def post(self, request: Request) -> Response:
        serializer = PasswordAndOtpSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = _user(request)
        second_factor.require_removable(user)
        confirm_password(user, password=serializer.validated_data["password"])
        second_factor.confirm_second_factor(user, otp=serializer.validated_data["otp"])
        second_factor.disable(user, by=user)
        return Response(status=204)


def _enrolment_input(request: Request, user: User) -> type[StrictSerializer]:
    """Who holds an `mfa_token` has given the password just now, as has who signed in a moment ago."""
    if user.mfa_enabled:
        return PasswordAndOtpSerializer
    if isinstance(request.auth, AccessToken) and timezone.now() - request.auth.opened_at > _FRESH:
        return PasswordEnrolmentInputSerializer
    return EnrolmentInputSerializer


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user

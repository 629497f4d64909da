"""A forgotten password, and one that its owner changes."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.authentication import AccessToken
from accounts.emails import MAX_LENGTH, validate_length
from accounts.models import User
from accounts.services import passwords
from common.api.serializers import StrictSerializer


class NewPasswordField(serializers.CharField):
    """A password that `AUTH_PASSWORD_VALIDATORS` accept, as it was typed; every rule that it breaks is named."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=256, trim_whitespace=False, write_only=True, **kwargs)

    def run_validators(self, value: str) -> None:
        super().run_validators(value)
        try:
            validate_password(value)
        except ValidationError as error:
            raise serializers.ValidationError(
                [ErrorDetail(" ".join(each.messages), code=each.code) for each in error.error_list]
            ) from error


class DoneSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()


class ForgottenPasswordSerializer(StrictSerializer):
    email = serializers.CharField(max_length=MAX_LENGTH, validators=[validate_length])


class ResetPasswordSerializer(StrictSerializer):
    token = serializers.CharField(max_length=200)
    new_password = NewPasswordField()


class ChangePasswordSerializer(StrictSerializer):
    current_password = serializers.CharField(max_length=256, trim_whitespace=False)
    new_password = NewPasswordField()


class ForgotPasswordView(APIView):
    """Mail a link, good for 15 minutes, once. The same answer for every address."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(
        tags=["auth"],
        operation_id="auth_forgot_password",
        request=ForgottenPasswordSerializer,
        responses={200: DoneSerializer},
    )
    def post(self, request: Request) -> Response:
        serializer = ForgottenPasswordSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        passwords.request_reset(serializer.validated_data["email"])
        return Response({"detail": _("Si cette adresse a un compte, un lien vient de lui être envoyé.")})


class ResetPasswordView(APIView):
    """Set a new password with the link's token; ends every session."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(
        tags=["auth"],
        operation_id="auth_reset_password",
        request=ResetPasswordSerializer,
        responses={200: DoneSerializer},
    )
    def post(self, request: Request) -> Response:
        serializer = ResetPasswordSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        passwords.reset_password(**serializer.validated_data)
        return Response({"detail": _("Votre mot de passe est changé. Connectez-vous.")})


class ChangePasswordView(APIView):
    """Set a new password knowing the current one; ends all other sessions."""

    is_own_access = True

    @extend_schema(
        tags=["auth"], operation_id="auth_change_password", request=ChangePasswordSerializer, responses={204: None}
    )
    def post(self, request: Request) -> Response:
        serializer = ChangePasswordSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        assert isinstance(request.user, User)
        assert isinstance(request.auth, AccessToken)
        passwords.change_password(request.user, keep=request.auth.family, by=request.user, **serializer.validated_data)
        return Response(status=204)

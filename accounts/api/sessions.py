"""Sign-in, refresh, sign-out, and one's own sessions."""

import uuid
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import serializers
from accounts.api.answers import is_from_elsewhere, refresh_token_of, session_answer, signed_out_answer
from accounts.api.authentication import AccessToken
from accounts.enums import SessionEnd
from accounts.keys import jwks
from accounts.models import TokenFamily, User
from accounts.selectors import open_sessions
from accounts.services.sessions import end_session, end_sessions, refresh_session
from accounts.services.signin import sign_in
from common.api.parsers import SmallFormParser, SmallMultiPartParser, StrictJSONParser

_LOGIN_SCHEMA: dict[str, Any] = {
    "tags": ["auth"],
    "request": {
        "application/json": serializers.LoginSerializer,
        "application/x-www-form-urlencoded": serializers.OAuth2LoginSerializer,
        "multipart/form-data": serializers.OAuth2LoginSerializer,
    },
    "responses": {200: serializers.SignedInSerializer},
}


class LoginView(APIView):
    """Sign in with JSON, or with the OAuth 2 password form."""

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []
    parser_classes = [StrictJSONParser, SmallFormParser, SmallMultiPartParser]
    staff_only = False

    @extend_schema(operation_id="auth_login", **_LOGIN_SCHEMA)
    def post(self, request: Request) -> Response:
        is_json = (request.content_type or "").lower().startswith("application/json")
        serializer = (serializers.LoginSerializer if is_json else serializers.OAuth2LoginSerializer)(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        email = given["email" if is_json else "username"]
        pair = sign_in(email=email, password=given["password"], otp=given.get("otp"), staff_only=self.staff_only)
        return session_answer(pair, with_cookie=is_json or not is_from_elsewhere(request))


class StaffLoginView(LoginView):
    """The same for those who may open the back office."""

    staff_only = True

    @extend_schema(operation_id="auth_login_admin", **_LOGIN_SCHEMA)
    def post(self, request: Request) -> Response:
        return super().post(request)


class RefreshView(APIView):
    """A new pair for a refresh token, which is good once.

    It comes in the body, or in the cookie together with the header `X-Requested-With`. The same device may repeat
    itself within 30 seconds and gets the same pair.
    """

    permission_classes = [AllowAny]
    authentication_classes: list[Any] = []

    @extend_schema(
        tags=["auth"],
        operation_id="auth_refresh",
        request=serializers.RefreshSerializer,
        responses={200: serializers.TokenPairSerializer},
    )
    def post(self, request: Request) -> Response:
        serializer = serializers.RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        token = refresh_token_of(request, serializer.validated_data.get("refresh_token"))
        return session_answer(refresh_session(token), with_user=False)


class LogoutView(APIView):
    """End this session."""

    is_own_access = True

    @extend_schema(tags=["auth"], operation_id="auth_logout", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        user, token = _session(request)
        end_session(user, token.family, reason=SessionEnd.SIGNED_OUT, by=user)
        return signed_out_answer()


class LogoutAllView(APIView):
    """End every session, on all devices."""

    is_own_access = True

    @extend_schema(tags=["auth"], operation_id="auth_logout_all", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        user, _token = _session(request)
        end_sessions(user, reason=SessionEnd.SIGNED_OUT, by=user)
        return signed_out_answer()


@extend_schema_view(
    list=extend_schema(tags=["auth"], operation_id="auth_sessions"),
    destroy=extend_schema(tags=["auth"], operation_id="auth_session_end"),
)
class SessionViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[TokenFamily]):
    """One's own sessions that are open, newest first."""

    is_own_access = True
    serializer_class = serializers.SessionSerializer
    queryset = TokenFamily.objects.none()
    lookup_url_kwarg = "id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> Any:
        return open_sessions(self.request.user.pk)

    def destroy(self, request: Request, id: uuid.UUID) -> Response:
        user, token = _session(request)
        if id == token.family:
            end_session(user, id, reason=SessionEnd.SIGNED_OUT, by=user)
            return signed_out_answer()
        end_session(user, id, reason=SessionEnd.ENDED_BY_OWNER, by=user)
        return Response(status=204)


@require_safe
def jwks_document(request: HttpRequest) -> JsonResponse:
    """The public keys that verify our tokens (RFC 7517); none while they are signed with a secret."""
    return JsonResponse(jwks(), headers={"Cache-Control": "public, max-age=300"})


def _session(request: Request) -> tuple[User, AccessToken]:
    assert isinstance(request.user, User)
    assert isinstance(request.auth, AccessToken)
    return request.user, request.auth

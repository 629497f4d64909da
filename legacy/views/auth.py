"""Sign-in and sign-up of the old sites, which never refresh and know no code."""

from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import AccessToken
from accounts.enums import SessionEnd
from accounts.exceptions import EmailNotVerified, EmailTaken, InvalidCredentials, StaffOnly
from accounts.models import User
from accounts.services import registration, second_factor
from accounts.services.sessions import end_session, open_single
from accounts.services.signin import check_credentials
from accounts.tokens import ACCESS, LEGACY
from legacy import refusals, schema, shapes
from legacy.errors import Refused
from legacy.inputs import Fields, body
from legacy.people import TAKEN, personal_fields, required_password
from legacy.views.base import ANYONE, SIGNED_IN, LegacyView, caller, message

WRONG = "Coordonnées incorrecte"
NOT_STAFF = "Vous n'êtes pas autorisé à vous connecter"


def signed_in(user: User, *, place: str) -> dict[str, Any]:
    """`{token, user}` of a new session.

    A sign-in that skipped what /api/v1/ asks (a verified address, a second factor) opens the old routes only.
    """
    skipped_factor = not settings.LEGACY_STAFF_MFA and (user.mfa_enabled or second_factor.is_required(user))
    kind = ACCESS if user.is_verified and not skipped_factor else LEGACY
    token = open_single(user, kind=kind, until=_until(), place=place)
    return {"token": {"access_token": token, "token_type": "bearer"}, "user": shapes.user(user)}


def _until() -> datetime:
    """The end of the day in `TIME_ZONE`, or `LEGACY_TOKEN_LIFETIME` from now."""
    now = timezone.now()
    if settings.LEGACY_TOKEN_LIFETIME is not None:
        return now + settings.LEGACY_TOKEN_LIFETIME
    tomorrow = timezone.localdate(now) + timedelta(days=1)
    return timezone.make_aware(datetime.combine(tomorrow, time.min))


class LoginView(LegacyView):
    """Sign in with a form."""

    who = {"post": ANYONE}
    successor = "/api/v1/auth/login/"
    place = "legacy"
    roles: tuple[str, ...] | None = None

    @extend_schema(operation_id="legacy_login", request=None, responses={200: schema.OldSignedInSerializer})
    def post(self, request: Request) -> Response:
        given = body(request)
        email = given.text("username", required=True, most=254)
        password = given.text("password", required=True, most=256)
        otp = given.text("otp", most=32)
        given.check()
        try:
            user = check_credentials(
                email=email or "",
                password=password or "",
                otp=otp,
                roles=self.roles,
                allow_unverified=settings.LEGACY_ALLOW_UNVERIFIED,
                ask_second_factor=settings.LEGACY_STAFF_MFA,
            )
        except InvalidCredentials as error:
            raise Refused(401, WRONG) from error
        except StaffOnly as error:
            raise Refused(401, NOT_STAFF) from error
        return Response(signed_in(user, place=self.place))


class AdminLoginView(LoginView):
    """The same for staff and administrators."""

    successor = "/api/v1/auth/login/admin/"
    place = "legacy_admin"
    roles = shapes.STAFF_ROLES

    @extend_schema(operation_id="legacy_login_admin", request=None, responses={200: schema.OldSignedInSerializer})
    def post(self, request: Request) -> Response:
        return super().post(request)


class RegisterView(LegacyView):
    """Create a patient's account and sign in."""

    who = {"post": ANYONE}
    successor = "/api/v1/auth/register/"

    @extend_schema(operation_id="legacy_register", request=None, responses={201: schema.OldSignedInSerializer})
    def post(self, request: Request) -> Response:
        user = sign_up(request, body(request))
        if not settings.LEGACY_ALLOW_UNVERIFIED:
            raise EmailNotVerified
        return Response(signed_in(user, place="legacy"), status=201)


def sign_up(request: Request, given: Fields) -> User:
    """A new patient, whatever role was asked for. Raises `Refused` (400) for what cannot be."""
    password = given.text("password", required=True, most=256)
    role = given.text("role")
    profile = personal_fields(given, is_new=True)
    email = profile.pop("email")
    try:
        user = registration.register_openly(email=email, password=required_password(password or ""), **profile)
    except EmailTaken as error:
        raise Refused(400, TAKEN) from error
    if (role or "").upper() == shapes.ADMIN_ROLE:
        refusals.note(request, refusals.ROLE_IGNORED, entity="user", entity_id=user.pk)
    return user


class MeView(LegacyView):
    """Who is signed in."""

    who = {"get": SIGNED_IN}
    successor = "/api/v1/auth/me/"

    @extend_schema(operation_id="legacy_me", responses={200: schema.OldUserSerializer})
    def get(self, request: Request) -> Response:
        return Response(shapes.user(caller(request)))


class LogoutView(LegacyView):
    """End the session of this token."""

    is_own_access = True
    who = {"post": SIGNED_IN}
    successor = "/api/v1/auth/logout/"

    @extend_schema(operation_id="legacy_logout", request=None, responses={200: schema.OldMessageSerializer})
    def post(self, request: Request) -> Response:
        user = caller(request)
        if isinstance(request.auth, AccessToken):
            end_session(user, request.auth.family, reason=SessionEnd.SIGNED_OUT, by=user)
        return message("Déconnexion effectuée avec succès")

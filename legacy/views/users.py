"""People: oneself, and everybody for staff."""

from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.authentication import AccessToken
from accounts.enums import Role
from accounts.exceptions import EmailTaken, InvalidResetToken
from accounts.models import User
from accounts.services import passwords, registration
from accounts.services.anonymisation import anonymise_user
from accounts.services.profiles import change_email, correct_profile, require_right_to_set_sign_in, update_profile
from accounts.services.roles import change_role
from common.unit_of_work import unit_of_work
from legacy import refusals, schema, shapes
from legacy.errors import Malformed, Refused
from legacy.inputs import Fields, body, query
from legacy.people import TAKEN, allowed_password, find_person, living, personal_fields, required_password
from legacy.views.auth import sign_up
from legacy.views.base import ANYONE, SIGNED_IN, LegacyView, caller, message, require_self_or

CHANGE = "accounts.change_user"
# Contains each of the three words that the sites look for.
BAD_LINK = "Ce lien est invalide, a expiré ou a déjà été utilisé"


class UsersView(LegacyView):
    """Everybody."""

    who = {"get": "accounts.view_user"}
    successor = "/api/v1/users/"

    @extend_schema(operation_id="legacy_users", responses={200: schema.OldUserSerializer(many=True)})
    def get(self, request: Request) -> Response:
        return Response([shapes.user(person) for person in living().order_by("pk")])


class AddUserView(LegacyView):
    """Sign up, or add somebody as staff."""

    who = {"post": ANYONE}
    successor = "/api/v1/auth/register/"

    @extend_schema(operation_id="legacy_user_add", request=None, responses={201: schema.OldUserSerializer})
    def post(self, request: Request) -> Response:
        by = request.user
        given = body(request)
        if isinstance(by, User) and by.has_perm(CHANGE):
            return Response(shapes.user(_add(given, by)), status=201)
        return Response(shapes.user(sign_up(request, given)), status=201)


def _add(given: Fields, by: User) -> User:
    """Somebody whom staff add. A password that the rules refuse becomes none, and an invitation by mail."""
    password = given.text("password", required=True, most=256)
    role = _role(given.text("role"))
    profile = personal_fields(given, is_new=True)
    try:
        return registration.add_person(
            email=profile.pop("email"),
            password=allowed_password(password or ""),
            role=Role.STAFF if role == shapes.ADMIN_ROLE else Role.PATIENT,
            page=reset_page(),
            by=by,
            **profile,
        )
    except EmailTaken as error:
        raise Refused(400, TAKEN) from error


def _role(written: str | None) -> str | None:
    """`USER` or `ADMIN`; None where nothing was said."""
    if not written:
        return None
    if written.upper() not in (shapes.USER_ROLE, shapes.ADMIN_ROLE):
        raise Malformed([{"loc": ["body", "role"], "msg": "USER or ADMIN is expected", "type": "type_error.enum"}])
    return written.upper()


class UpdateUserView(LegacyView):
    """Change names, address, phone; of somebody else also the role."""

    who = {"put": SIGNED_IN}
    successor = "/api/v1/users/"

    @extend_schema(operation_id="legacy_user_update", request=None, responses={200: schema.OldMessageSerializer})
    def put(self, request: Request, user_id: int) -> Response:
        by = require_self_or(request, user_id, CHANGE)
        person = find_person(user_id)
        given = body(request)
        role = given.text("role")
        fields = personal_fields(given)
        email = fields.pop("email", None)
        try:
            if by.pk == person.pk:
                # The address by itself: one that is taken stays counted, which a transaction would undo.
                if email is not None:
                    person = change_email(person, email, keep=_session_of(request), by=by)
                update_profile(person, by=by, **fields)
                _note_ignored_role(request, person, role)
            else:
                with unit_of_work():
                    person = correct_profile(person, by=by, **fields)
                    if email is not None:
                        person = change_email(person, email, by=by)
                    _change_role(person, role, by)
        except EmailTaken as error:
            raise Refused(400, TAKEN) from error
        return message("Utilisateur modifié avec succès")


def _session_of(request: Request) -> UUID | None:
    """The session that asks: it stays open, whatever its owner changes."""
    return request.auth.family if isinstance(request.auth, AccessToken) else None


def _note_ignored_role(request: Request, person: User, written: str | None) -> None:
    """Of oneself nothing, whatever was sent: a site always sends `USER`, and nobody lifts themselves up."""
    if (written or "").upper() == shapes.ADMIN_ROLE != shapes.role_of(person):
        refusals.note(request, refusals.ROLE_IGNORED, entity="user", entity_id=person.pk)


def _change_role(person: User, written: str | None, by: User) -> None:
    role = _role(written)
    if role is not None and role != shapes.role_of(person):
        change_role(person, Role.STAFF if role == shapes.ADMIN_ROLE else Role.PATIENT, by=by)


class UpdatePasswordView(LegacyView):
    """Set a password; the session that does it stays open, all others of that person end."""

    who = {"put": SIGNED_IN}
    successor = "/api/v1/auth/change-password/"

    @extend_schema(operation_id="legacy_password_update", request=None, responses={200: schema.OldMessageSerializer})
    def put(self, request: Request, user_id: int) -> Response:
        by = require_self_or(request, user_id, CHANGE)
        given = query(request)
        password = given.text("new_password", required=True, most=256)
        given.check()
        person = find_person(user_id)
        if by.pk != person.pk:
            require_right_to_set_sign_in(person, by)
        keep = _session_of(request) if by.pk == person.pk else None
        passwords.set_password(person, required_password(password or ""), keep=keep, by=by)
        return message("Mot de passe modifié avec succès")


class RecoverPasswordView(LegacyView):
    """Mail a link; the same answer for every address."""

    who = {"put": ANYONE, "post": ANYONE}
    successor = "/api/v1/auth/forgot-password/"

    @extend_schema(operation_id="legacy_password_recovery", request=None, responses={200: schema.OldMessageSerializer})
    def put(self, request: Request, email: str) -> Response:
        if len(email) <= 254:
            passwords.request_reset(email, page=reset_page())
        return message("Mot de passe réinitialisé")

    @extend_schema(
        operation_id="legacy_password_recovery_post", request=None, responses={200: schema.OldMessageSerializer}
    )
    def post(self, request: Request, email: str) -> Response:
        return self.put(request, email)


class ResetPasswordView(LegacyView):
    """Set a new password with the token of a mailed link."""

    who = {"post": ANYONE}
    successor = "/api/v1/auth/reset-password/"

    @extend_schema(operation_id="legacy_password_reset", request=None, responses={200: schema.OldMessageSerializer})
    def post(self, request: Request) -> Response:
        given = body(request)
        token = given.text("token", required=True, most=200)
        password = given.text("new_password", required=True, most=256)
        given.check()
        try:
            passwords.reset_password(token=token or "", new_password=_new_password(password or ""))
        except InvalidResetToken as error:
            raise Refused(400, BAD_LINK) from error
        return message("Mot de passe modifié avec succès")


def _new_password(password: str) -> str:
    try:
        return required_password(password)
    except Refused as error:
        raise Refused(400, f"Mot de passe invalide : {error.detail}") from error


class DeleteUserView(LegacyView):
    """Erase a person; money and audit stay."""

    who = {"delete": "accounts.anonymise_user"}
    successor = "/api/v1/users/"

    @extend_schema(operation_id="legacy_user_delete", request=None, responses={200: schema.OldMessageSerializer})
    def delete(self, request: Request, user_id: int) -> Response:
        anonymise_user(find_person(user_id), by=caller(request))
        return message("Utilisateur supprimé avec succès")


def reset_page() -> Any:
    """Where the old sites let people choose a password."""
    return f"{settings.LEGACY_SITE_URL}/#/reset-password"

"""Sign-in and sign-up of the old sites."""

from datetime import timedelta

import jwt
import pytest
from django.utils import timezone

from accounts.enums import Role, SecretPurpose
from accounts.models import TokenFamily, User
from accounts.services import one_time
from accounts.tests.factories import PASSWORD, balance, make_user
from audit.models import Event
from common.models import Mail
from legacy.tests.conftest import OLD_USER, refusals

pytestmark = pytest.mark.django_db

FORMS = ["multipart", "application/x-www-form-urlencoded"]
NEW = {
    "firstname": "Paul",
    "lastname": "Nouveau",
    "email": "paul@example.org",
    "password": "Medoc-new-1",
    "phone": None,
    "role": "USER",
}


def _login(client, path="/auth/login", **fields):
    return client.post(path, {"grant_type": "password", **fields})


@pytest.mark.parametrize("kind", FORMS)
def test_sign_in_in_both_forms_whatever_the_case(api, patient, kind):
    client = api()
    fields = {"username": patient.email.upper(), "password": PASSWORD}
    if kind == "multipart":
        answer = client.post("/auth/login", fields, format="multipart")
    else:
        body = "&".join(f"{name}={value}" for name, value in fields.items())
        answer = client.post("/auth/login", body, content_type=kind)

    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["token", "user"]
    assert list(body["token"]) == ["access_token", "token_type"]
    assert body["token"]["token_type"] == "bearer"
    assert list(body["user"]) == OLD_USER
    assert body["user"] | {"created_at": "", "updated_at": ""} == {
        "id": patient.pk,
        "firstname": "Marie",
        "lastname": "Exemple",
        "email": patient.email,
        "phone": "+24177123456",
        "role": "USER",
        "created_at": "",
        "updated_at": "",
    }
    me = client.get("/auth/me", headers={"Authorization": f"Bearer {body['token']['access_token']}"})
    assert me.json() == body["user"]


@pytest.mark.parametrize("header", ["Bearer token", "Bearer null", "Bearer ", "Bearer a b", "Basic eDp5"])
def test_unusable_bearer_is_no_reason_to_refuse_a_sign_in(api, patient, header):
    answer = api().post(
        "/auth/login", {"username": patient.email, "password": PASSWORD}, headers={"Authorization": header}
    )
    assert answer.status_code == 200


def test_wrong_password_and_unknown_address_are_answered_alike(api, patient):
    answers = [_login(api(), username=name, password="Wrong-1") for name in (patient.email, "x@example.org")]
    assert [(answer.status_code, answer.json()) for answer in answers] == [
        (401, {"detail": "Coordonnées incorrecte"})
    ] * 2
    assert Event.objects.filter(action="user.sign_in_failed").count() == 2


def test_sign_in_without_its_fields_is_malformed(api, db):
    answer = api().post("/auth/login", {})
    assert answer.status_code == 422
    assert answer.json() == {
        "detail": [
            {"loc": ["body", name], "msg": "field required", "type": "value_error.missing"}
            for name in ("username", "password")
        ]
    }


def test_guessing_is_limited_as_everywhere(api, patient):
    statuses = [_login(api(), username=patient.email, password="Wrong-1").status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    assert _login(api(), username=patient.email, password=PASSWORD).json() == {
        "detail": "Trop de tentatives. Réessayez plus tard."
    }


@pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN])
def test_staff_sign_in_at_their_entrance(api, role):
    user = make_user(role)
    answer = _login(api(), "/auth/login_admin", username=user.email, password=PASSWORD)
    assert (answer.status_code, answer.json()["user"]["role"]) == (200, "ADMIN")
    assert Event.objects.get(action="user.signed_in").changes == {"role": str(role), "place": "legacy_admin"}


@pytest.mark.parametrize("role", [Role.PATIENT, Role.DOCTOR, Role.PHARMACIST])
def test_nobody_below_staff_enters_there(api, role):
    user = make_user(role)
    answer = _login(api(), "/auth/login_admin", username=user.email, password=PASSWORD)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Vous n'êtes pas autorisé à vous connecter"})
    assert TokenFamily.objects.count() == 0
    assert Event.objects.get(action="user.sign_in_failed").changes == {"reason": "staff_only"}


def test_token_lives_to_the_end_of_the_day(api, patient, settings):
    token = _login(api(), username=patient.email, password=PASSWORD).json()["token"]["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    end = timezone.localtime(timezone.datetime.fromtimestamp(claims["exp"], tz=timezone.get_current_timezone()))
    assert abs((end - timezone.localtime().replace(hour=0, minute=0, second=0) - timedelta(days=1)).total_seconds()) < 2
    settings.LEGACY_TOKEN_LIFETIME = timedelta(hours=2)
    token = _login(api(), username=patient.email, password=PASSWORD).json()["token"]["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] in (7199, 7200)


def test_token_ends_with_its_session(api, patient):
    token = _login(api(), username=patient.email, password=PASSWORD).json()["token"]["access_token"]
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    # A patient whose address is verified skipped nothing: the same token opens the new API.
    assert client.get("/api/v1/auth/me/").status_code == 200
    assert client.post("/auth/logout").json() == {"msg": "Déconnexion effectuée avec succès"}
    answer = client.get("/auth/me")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Vous n'êtes pas autorisé à effectuer cette action"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/rate/all").status_code == 200


def test_unverified_sign_in_here_and_nowhere_else(api, settings, db):
    user = make_user(is_verified=False)
    token = _login(api(), username=user.email, password=PASSWORD).json()["token"]["access_token"]
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/auth/me").json()["id"] == user.pk
    assert client.get("/api/v1/auth/me/").status_code == 401
    settings.LEGACY_ALLOW_UNVERIFIED = False
    assert _login(api(), username=user.email, password=PASSWORD).status_code == 403


def test_session_of_whoever_registered_somebody_elses_address_ends_with_the_proof(api):
    token = api().post("/auth/register", NEW, format="json").json()["token"]["access_token"]
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/auth/me").status_code == 200
    user = User.objects.get()
    code = one_time.issue_code(user, SecretPurpose.VERIFY_EMAIL)
    body = {"email": user.email, "otp": code}
    assert api().post("/api/v1/auth/verify-otp/", body, format="json").status_code == 200
    assert client.get("/auth/me").status_code == 401


def test_staff_without_a_second_factor_sign_in_here_and_nowhere_else(api, settings, db):
    settings.MFA_REQUIRED = True
    user = make_user(Role.STAFF)
    answer = _login(api(), "/auth/login_admin", username=user.email, password=PASSWORD)
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['token']['access_token']}")
    assert client.get("/user/all").status_code == 200
    assert client.get("/api/v1/users/").status_code == 401
    settings.LEGACY_STAFF_MFA = True
    assert _login(api(), "/auth/login_admin", username=user.email, password=PASSWORD).status_code == 403


def test_disabled_person_does_not_sign_in(api, db):
    user = make_user(is_active=False)
    assert _login(api(), username=user.email, password=PASSWORD).status_code == 401


def test_registration_signs_in_and_opens_an_account(api, settings, db):
    answer = api().post("/auth/register", NEW, format="json")
    assert answer.status_code == 201
    body = answer.json()
    assert list(body) == ["token", "user"]
    assert list(body["user"]) == OLD_USER
    user = User.objects.get(email="paul@example.org")
    assert (user.role, user.is_verified, balance(user)) == ("patient", False, settings.WELCOME_CREDITS)
    assert Mail.objects.get().template == "verify_email"
    assert "argon2" not in answer.content.decode()


def test_registration_as_admin_makes_a_patient_and_an_event(api, db):
    answer = api().post("/auth/register", NEW | {"role": "ADMIN"}, format="json")
    assert (answer.status_code, answer.json()["user"]["role"]) == (201, "USER")
    assert refusals() == ["role_ignored"]
    assert User.objects.get().is_staff is False


@pytest.mark.parametrize(
    "change, detail",
    [
        ({"email": "taken@example.org"}, "Utilisateur déjà existant"),
        ({"email": "TAKEN@example.org"}, "Utilisateur déjà existant"),
        ({"password": "Court-1"}, "Ce mot de passe est trop court. Il doit contenir au minimum 8 caractères."),
        ({"phone": "12"}, "Ce numéro de téléphone n'est pas valide. Exemple : 077 12 34 56."),
        ({"email": "nowhere"}, "L'adresse e-mail est obligatoire et doit être valide"),
        ({"lastname": " "}, "Le nom est obligatoire"),
    ],
)
def test_registration_that_cannot_be_says_why_in_one_sentence(api, db, change, detail):
    make_user(email="taken@example.org")
    answer = api().post("/auth/register", NEW | change, format="json")
    assert (answer.status_code, answer.json()) == (400, {"detail": detail})
    assert User.objects.count() == 1


def test_asking_for_known_addresses_is_limited(api, db):
    make_user(email="taken@example.org")
    statuses = [
        api().post("/auth/register", NEW | {"email": "taken@example.org"}, format="json").status_code for _ in range(31)
    ]
    assert statuses == [400] * 30 + [429]

"""Which tokens are believed: ours, alive, of a person who may still come in."""

from datetime import timedelta

import jwt
import pytest
from django.conf import settings as project_settings
from django.utils import timezone

from accounts.keys import signing_key
from accounts.models import TokenFamily, User
from accounts.tests.factories import make_session, make_user
from common.tests.rows import contents

pytestmark = pytest.mark.django_db

URL = "/api/v1/auth/me/"


@pytest.fixture
def user():
    """With one session open: tokens made here name its family."""
    user = make_user()
    make_session(user)
    return user


def _get(api, authorization):
    client = api()
    if authorization is not None:
        client.credentials(HTTP_AUTHORIZATION=authorization)
    return client.get(URL)


def _claims(user, **changes):
    now = timezone.now()
    claims = {
        "sub": str(user.pk),
        "role": "patient",
        "type": "access",
        "jti": "0" * 32,
        "fam": str(TokenFamily.objects.get(user=user).public_id),
        "ver": 1,
        "iat": now,
        "exp": now + timedelta(minutes=5),
        "iss": "toctocmedoc",
        "aud": "toctocmedoc-api",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not ...}


def _sign(claims, key=None, algorithm="HS256", headers=None):
    headers = {"kid": signing_key().id} if headers is None else headers
    return jwt.encode(claims, project_settings.JWT_SIGNING_KEY if key is None else key, algorithm, headers=headers)


def test_token_that_is_ours(api, user):
    assert _get(api, f"Bearer {_sign(_claims(user))}").json()["id"] == user.pk


def test_without_a_token(api):
    response = _get(api, None)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer " + "a" * 5000,
        "Bearer é.é.é",
        "Bearer null",
        "bearer x",
        "Basic dXNlcjpwYXNz",
        "Token x",
        "x",
        "",
    ],
)
def test_header_that_is_no_token(api, authorization):
    response = _get(api, authorization)

    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": ...},
        {"exp": "soon"},
        {"iss": "somebody"},
        {"iss": ...},
        {"aud": "another-api"},
        {"aud": ...},
        {"type": "refresh"},
        {"type": ...},
        {"jti": ...},
        {"sub": ...},
        {"sub": ""},
        {"sub": "x"},
        {"sub": "-1"},
        {"sub": "0"},
        {"sub": "999999"},
        {"sub": "9" * 30},
        {"sub": "9" * 5000},
        {"sub": "1.0"},
        {"sub": "1_0"},
        {"sub": "١"},
        {"sub": 1},
        {"sub": None},
        {"sub": ["1"]},
        {"fam": ...},
        {"fam": None},
        {"fam": ""},
        {"fam": "x"},
        {"fam": 1},
        {"fam": "00000000-0000-4000-8000-000000000000"},
        {"ver": 0},
        {"ver": 2},
        {"ver": "1"},
        {"ver": None},
        {"ver": ...},
        {"ver": True},
        {"nbf": 99999999999},
        {"iat": 99999999999},
        {"iat": "now"},
        {"iat": ...},
        {"aud": ["toctocmedoc-api"]},
    ],
    ids=lambda changes: str(changes)[:24],
)
def test_token_whose_claims_do_not_fit(api, user, changes):
    before = contents()
    response = _get(api, f"Bearer {_sign(_claims(user, **changes))}")

    assert response.status_code == 401, response.content
    assert response.json()["code"] in ("token_not_valid", "session_ended")
    assert contents() == before


def test_signature_of_somebody_else(api, user):
    assert _get(api, f"Bearer {_sign(_claims(user), key='k' * 64)}").status_code == 401


@pytest.mark.filterwarnings("ignore:The HMAC key is")
@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_algorithm_is_not_the_tokens_choice(api, user, algorithm):
    assert _get(api, f"Bearer {_sign(_claims(user), algorithm=algorithm)}").status_code == 401


def test_no_signature_at_all(api, user):
    unsigned = jwt.encode(_claims(user), None, "none", headers={"kid": signing_key().id})
    signed = _sign(_claims(user))

    for token in (unsigned, signed.rsplit(".", 1)[0] + ".", signed[:-2]):
        assert _get(api, f"Bearer {token}").status_code == 401


def test_payload_changed_under_its_signature(api, user):
    head, _, signature = _sign(_claims(user)).split(".")
    _, payload, _ = _sign({**_claims(user), "sub": str(make_user().pk)}).split(".")

    assert _get(api, f"Bearer {head}.{payload}.{signature}").status_code == 401


def test_refresh_token_opens_nothing(api, user):
    assert _get(api, f"Bearer {make_session(user).refresh_token}").status_code == 401


def test_expired_token(api, user):
    token = _sign(_claims(user, exp=timezone.now() - timedelta(seconds=1)))

    assert _get(api, f"Bearer {token}").json()["code"] == "token_not_valid"


@pytest.mark.parametrize("change", [{"is_active": False}, {"token_version": 2}])
def test_session_that_has_ended(api, user, change):
    token = make_session(user).access_token
    assert _get(api, f"Bearer {token}").status_code == 200

    User.objects.filter(pk=user.pk).update(**change)
    response = _get(api, f"Bearer {token}")
    assert (response.status_code, response.json()["code"]) == (401, "session_ended")


def test_person_who_is_gone(api, user):
    claims = _claims(user, sub=str(user.pk + 1))
    assert _get(api, f"Bearer {_sign(claims)}").json()["code"] == "session_ended"


def test_role_of_the_token_gives_no_right(api, user):
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {_sign(_claims(user, role='admin', is_superuser=True))}")

    assert client.get("/api/v1/events/").status_code == 403
    assert client.get(URL).json()["role"] == "patient"

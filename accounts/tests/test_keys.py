"""Signing keys: they rotate, decide their algorithm, and publish their public half only."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from accounts.keys import load_keys, signing_key
from accounts.models import TokenFamily
from accounts.services.sessions import start_family
from accounts.tests.factories import make_user
from accounts.tokens import issue_pair

pytestmark = pytest.mark.django_db

ME, JWKS = "/api/v1/auth/me/", "/.well-known/jwks.json"
OLD_SECRET, NEW_SECRET = "o" * 40, "n" * 40


def _pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public(pem):
    key = load_pem_private_key(pem.encode(), None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


RSA = _pem(rsa.generate_private_key(65537, 2048))
P256, OTHER_P256 = (_pem(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
SIGNERS = [("HS256", NEW_SECRET), ("RS256", RSA), ("ES256", P256)]


def _sign_with(settings, algorithm, key, previous=""):
    settings.JWT_ALGORITHM, settings.JWT_SIGNING_KEY, settings.JWT_PREVIOUS_KEYS = algorithm, key, previous


def _status(api, token):
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client.get(ME).status_code


@pytest.fixture
def family():
    return start_family(make_user())


@pytest.mark.parametrize("algorithm, key", SIGNERS)
def test_token_is_believed_and_the_same_when_derived_again(api, settings, family, algorithm, key):
    _sign_with(settings, algorithm, key)
    pair = issue_pair(family.user, family)

    header = jwt.get_unverified_header(pair.access_token)
    assert header == {"alg": algorithm, "kid": signing_key().id, "typ": "JWT"}
    assert _status(api, pair.access_token) == 200
    assert issue_pair(family.user, TokenFamily.objects.get()) == pair


@pytest.mark.parametrize(
    "previous",
    [("HS256", OLD_SECRET, OLD_SECRET), ("RS256", RSA, _public(RSA)), ("ES256", P256, P256)],
    ids=["secret", "public half", "private key"],
)
@pytest.mark.parametrize("algorithm, key", [("HS256", NEW_SECRET), ("ES256", OTHER_P256)])
def test_tokens_of_a_previous_key_stay_good(api, settings, family, previous, algorithm, key):
    old_algorithm, old_key, kept = previous
    _sign_with(settings, old_algorithm, old_key)
    token = issue_pair(family.user, family).access_token
    _sign_with(settings, algorithm, key, previous=kept)

    assert _status(api, token) == 200
    _sign_with(settings, algorithm, key)
    assert _status(api, token) == 401


def test_several_previous_keys_of_several_kinds():
    keys = load_keys("HS256", NEW_SECRET, f"{_public(RSA)}\n{P256}\n{OLD_SECRET}, {'x' * 40}")

    assert [key.algorithm for key in keys] == ["HS256", "RS256", "ES256", "HS256", "HS256"]
    assert len({key.id for key in keys}) == 5


@pytest.mark.parametrize("headers", [{}, {"kid": "unknown"}, {"kid": ""}, {"kid": 1}, {"kid": None}])
def test_key_that_nobody_knows(api, family, settings, headers):
    claims = jwt.decode(issue_pair(family.user, family).access_token, options={"verify_signature": False})
    fitting = _hs256({"kid": signing_key().id}, claims, settings.JWT_SIGNING_KEY)

    assert _status(api, fitting) == 200
    assert _status(api, _hs256(headers, claims, settings.JWT_SIGNING_KEY)) == 401


@pytest.mark.parametrize("algorithm, key", SIGNERS[1:])
def test_public_key_is_no_secret_to_sign_with(api, settings, family, algorithm, key):
    """The classic: HS256 with what everybody can read."""
    _sign_with(settings, algorithm, key)
    claims = jwt.decode(issue_pair(family.user, family).access_token, options={"verify_signature": False})
    forged = _hs256({"kid": signing_key().id}, claims, _public(key))

    assert _status(api, forged) == 401


def _hs256(headers, claims, secret):
    """By hand: the library refuses to make such tokens."""

    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    signed = b".".join(part(json.dumps(each).encode()) for each in ({"alg": "HS256", **headers}, claims))
    return (signed + b"." + part(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()


@pytest.mark.parametrize("algorithm, key", SIGNERS[1:])
def test_published_keys_verify_tokens(client, settings, family, algorithm, key):
    _sign_with(settings, algorithm, key, previous=OLD_SECRET + "," + OTHER_P256)
    body = client.get(JWKS).json()

    assert len(body["keys"]) == 2
    published = body["keys"][0]
    assert (published["kid"], published["alg"], published["use"]) == (signing_key().id, algorithm, "sig")
    assert not published.keys() & {"d", "p", "q", "dp", "dq", "qi", "k", "oth"}
    token = issue_pair(family.user, family).access_token
    claims = jwt.decode(token, jwt.PyJWK(published), [algorithm], audience="toctocmedoc-api", issuer="toctocmedoc")
    assert claims["sub"] == str(family.user_id)


def test_secrets_are_not_published(client, settings):
    _sign_with(settings, "HS256", NEW_SECRET, previous=OLD_SECRET)

    assert client.get(JWKS).json() == {"keys": []}


@pytest.mark.parametrize(
    "algorithm, key, previous, sentence",
    [
        ("none", NEW_SECRET, "", "JWT_ALGORITHM must be one of HS256, RS256, ES256"),
        ("HS512", NEW_SECRET, "", "JWT_ALGORITHM must be one of"),
        ("RS256", NEW_SECRET, "", "JWT_SIGNING_KEY must be an RSA private key"),
        ("RS256", P256, "", "JWT_SIGNING_KEY must be an RSA private key"),
        ("RS256", _public(RSA), "", "JWT_SIGNING_KEY must be an RSA private key"),
        ("HS256", P256, "", "JWT_SIGNING_KEY must be a secret"),
        ("ES256", _pem(ec.generate_private_key(ec.SECP384R1())), "", "P-256 keys only"),
        ("RS256", _pem(rsa.generate_private_key(65537, 1024)), "", "at least 2048 bits"),  # noqa: S505
        ("ES256", P256.replace("M", "", 1), "", "cannot be read"),
    ],
)
def test_key_that_does_not_fit_stops_the_start(algorithm, key, previous, sentence):
    with pytest.raises(ImproperlyConfigured, match=sentence):
        load_keys(algorithm, key, previous)


def test_token_of_another_audience(api, settings, family):
    settings.JWT_AUDIENCE = "somebody-elses-api"
    token = issue_pair(family.user, family).access_token
    settings.JWT_AUDIENCE = "toctocmedoc-api"

    assert _status(api, token) == 401


def test_clock_of_another_machine_may_be_a_little_ahead(api, family):
    family.refreshed_at = timezone.now() + timedelta(seconds=20)
    assert _status(api, issue_pair(family.user, family).access_token) == 200
    family.refreshed_at = timezone.now() + timedelta(seconds=90)
    assert _status(api, issue_pair(family.user, family).access_token) == 401

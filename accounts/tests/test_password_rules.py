"""Which passwords are taken, and how those of the replaced systems are verified and replaced."""

import bcrypt
import pytest
from django.conf import settings as project_settings
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.hashers import PasslibBcryptHasher
from accounts.tests.factories import make_user

HASHERS = list(project_settings.PASSWORD_HASHERS)


@pytest.fixture
def real_hashers(settings):
    settings.PASSWORD_HASHERS = HASHERS


def _passlib(password: str) -> str:
    """As passlib stored it: bcrypt of the first 72 bytes, without a word."""
    return "bcrypt_passlib$" + bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()


@pytest.mark.parametrize(
    "password, codes",
    [
        ("Medoc-test-1", []),
        ("Qzcwxfv1", []),
        ("Éléphant1", []),
        ("A" + "b" * 254 + "1", []),
        ("A" + "b" * 255 + "1", ["password_too_long"]),
        ("Qzcwxf1", ["password_too_short"]),
        ("Password1", ["password_too_common"]),
        ("medoc-test-1", ["password_no_upper_case"]),
        ("Medoc-test", ["password_no_digit"]),
        ("password", ["password_too_common", "password_no_upper_case", "password_no_digit"]),
        ("", ["password_too_short", "password_no_upper_case", "password_no_digit"]),
    ],
)
def test_rules(password, codes):
    found = []
    try:
        validate_password(password)
    except ValidationError as error:
        found = [each.code for each in error.error_list]
    assert found == codes


@pytest.mark.parametrize("password", ["Medoc-1", "é" * 36, "a" * 72, "b" * 73, "c" * 100, "é" * 50])
def test_hash_of_the_replaced_systems_verifies(real_hashers, password):
    encoded = _passlib(password)

    assert identify_hasher(encoded).algorithm == "bcrypt_passlib"
    assert check_password(password, encoded)
    assert not check_password("x" + password, encoded)


@pytest.mark.parametrize("length", [73, 100])
def test_it_cuts_at_72_bytes_where_bcrypt_itself_raises(real_hashers, length):
    password = "a" * length
    with pytest.raises(ValueError):
        bcrypt.hashpw(password.encode(), bcrypt.gensalt(4))

    assert check_password("a" * 72, _passlib(password))
    assert not check_password("a" * 71, _passlib(password))


@pytest.mark.parametrize("version", ["2a", "2b", "2y"])
def test_every_name_of_the_algorithm(real_hashers, version):
    assert check_password("Medoc-1", _passlib("Medoc-1").replace("$2b$", f"${version}$"))


@pytest.mark.parametrize("encoded", ["bcrypt_passlib$", "bcrypt_passlib$$2b$12$short", "bcrypt_passlib$nonsense"])
def test_hash_that_is_none_verifies_nothing(real_hashers, encoded):
    assert PasslibBcryptHasher().verify("x", encoded) is False


def test_its_parts_can_be_shown_without_telling_them():
    encoded = PasslibBcryptHasher().encode("Medoc-1", bcrypt.gensalt(4).decode())

    summary = PasslibBcryptHasher().safe_summary(encoded)
    assert summary["work factor"] == 4
    assert encoded.split("$")[-1][22:] not in str(summary)


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["a" * 73, "é" * 50])
def test_sign_in_replaces_it_and_then_every_byte_counts(real_hashers, api, password):
    user = make_user(email="old@example.org")
    user.password = _passlib(password)
    user.save(update_fields=["password"])

    answer = api().post("/api/v1/auth/login/", {"email": "old@example.org", "password": password}, format="json")

    assert answer.status_code == 200
    user.refresh_from_db()
    assert user.password.startswith("argon2$argon2id$")
    assert user.check_password(password)
    assert not user.check_password(password[:-1])


def test_new_passwords_are_argon2(real_hashers):
    assert make_password("Medoc-test-1").startswith("argon2$argon2id$")

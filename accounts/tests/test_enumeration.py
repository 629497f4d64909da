"""Nobody can tell by the clock whether an address has an account: the same work is done for both."""

import time
from statistics import median

import pytest
from django.contrib.auth.hashers import make_password
from rest_framework.test import APIClient

from accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.soak]

SAMPLES, TOLERANCE = 300, 0.10


def _seconds(email: str, number: int) -> float:
    body = {"email": email, "password": "Not-the-password-1"}
    ip = f"10.{number // 250}.{number % 250}.1"
    started = time.perf_counter()
    response = APIClient().post("/api/v1/auth/login/", body, format="json", REMOTE_ADDR=ip)
    elapsed = time.perf_counter() - started
    assert (response.status_code, response.json()["code"]) == (401, "invalid_credentials")
    return elapsed


def test_unknown_address_and_wrong_password_take_the_same_time(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    encoded = make_password("Medoc-test-1")
    User.objects.bulk_create(
        User(email=f"known{number}@example.org", is_verified=True, password=encoded) for number in range(SAMPLES)
    )
    wrong, unknown = [], []
    for number in range(SAMPLES):
        # Turn about, so that whatever else the machine does falls on both.
        wrong.append(_seconds(f"known{number}@example.org", 2 * number))
        unknown.append(_seconds(f"nobody{number}@example.org", 2 * number + 1))

    assert abs(median(wrong) / median(unknown) - 1) <= TOLERANCE, (median(wrong), median(unknown))

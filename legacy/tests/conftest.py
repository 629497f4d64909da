"""Whom the old routes are asked by, and the rows they are asked about."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Rate, User
from accounts.tests.factories import make_user
from audit.models import Event
from payments.tests.conftest import _nobody_remembers, gateway  # noqa: F401  (fixtures)
from payments.tests.factories import make_rate

SITE = "https://patients.example.org"
OLD_USER = ["id", "firstname", "lastname", "email", "phone", "role", "created_at", "updated_at"]
OLD_RATE = ["id", "libelle", "price", "credit", "created_at", "updated_at"]
OLD_PRICE_LIST = ["id", "libelle", "credit", "created_at", "updated_at"]
OLD_ACCOUNT = [
    *["id", "credit", "subscription_date", "activate", "user_id", "rate_id", "created_at", "updated_at"],
    *["user", "rate"],
]
OLD_EVENT = ["id", "ip_address", "action", "entity", "entity_id", "current_user_id", "amount", "date_time"]
NOT_ALLOWED = {"detail": "Vous n'êtes pas autorisé à effectuer cette action"}


@pytest.fixture(autouse=True)
def _old_sites(settings: Any) -> None:
    settings.LEGACY_SITE_URL = SITE
    settings.LEGACY_ORIGINS = [SITE]


@pytest.fixture
def patient(db: None) -> User:
    return make_user(first_name="Marie", last_name="Exemple", phone="+24177123456", credits=10)


@pytest.fixture
def stranger(db: None) -> User:
    return make_user(credits=10)


@pytest.fixture
def staff(db: None) -> User:
    return make_user(Role.STAFF)


@pytest.fixture
def admin(db: None) -> User:
    return make_user(Role.ADMIN)


@pytest.fixture
def rate(db: None) -> Rate:
    return make_rate(price=1_000, credits=12)


@pytest.fixture
def refused(api: Callable[..., APIClient]) -> Callable[..., list[tuple[int, Any]]]:
    """`refused("put", "/path", stranger, patient)`: the answers to nobody and to each of these people."""

    def ask(method: str, path: str, *people: User, body: Any = None) -> list[tuple[int, Any]]:
        answers = [getattr(api(person), method)(path, body or {}, format="json") for person in (None, *people)]
        return [(answer.status_code, answer.json()) for answer in answers]

    return ask


def nobody_and(count: int) -> list[tuple[int, Any]]:
    """What nobody and so many people without the right are answered."""
    return [(401, {"detail": "Not authenticated"})] + [(403, NOT_ALLOWED)] * count


def refusals() -> list[str]:
    """Why old requests were refused, oldest first, as the event log has it."""
    refused = Event.objects.filter(action="legacy.refused").order_by("id")
    return [changes["reason"] for changes in refused.values_list("changes", flat=True)]

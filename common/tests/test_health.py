import threading

import pytest
from rest_framework.test import APIClient

from common import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def checks(monkeypatch):
    registered = {}
    monkeypatch.setattr(health, "_checks", registered)
    return registered


def test_everything_is_up():
    response = APIClient().get("/health")

    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert set(response.json()["checks"]) == {"database", "cache", "catalog", "queue"}
    assert response.json()["checks"]["database"] == "ok"


@pytest.mark.parametrize("path", ["/health/db", "/health/redis", "/health/catalog"])
def test_one_part(path):
    for address in (path, path + "/"):
        response = APIClient().get(address)
        assert response.status_code == 200
        assert response.json() in ({"status": "ok"}, {"status": "disabled"})
        assert "no-store" in response.headers["Cache-Control"]


def _fail():
    raise ConnectionError("postgres://secret@db")


def test_part_that_is_down_is_told_without_details(checks):
    checks |= {"database": _fail, "cache": lambda: False, "queue": lambda: True}

    whole = APIClient().get("/health")
    assert whole.status_code == 200
    assert whole.json() == {
        "status": "degraded",
        "checks": {"database": "down", "cache": "disabled", "queue": "ok"},
    }
    part = APIClient().get("/health/db")
    assert (part.status_code, part.json()) == (503, {"status": "down"})
    assert b"secret" not in whole.content + part.content


def test_part_that_does_not_answer_is_down(checks, monkeypatch):
    released = threading.Event()
    checks["database"] = lambda: released.wait(30)
    monkeypatch.setattr(health, "TIMEOUT_SECONDS", 0.05)

    response = APIClient().get("/health/db")
    released.set()

    assert (response.status_code, response.json()) == (503, {"status": "down"})


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_health_is_only_read(method):
    assert getattr(APIClient(), method)("/health").status_code == 405

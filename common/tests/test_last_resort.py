import pytest
from django.test import Client
from django.urls import path

from config.urls import urlpatterns as site


def broken(request):
    raise RuntimeError("secret detail")


urlpatterns = [path("broken", broken), *site]


@pytest.mark.parametrize("debug", [False, True])
def test_unplanned_error_is_problem_details_without_details(settings, debug: bool) -> None:
    settings.ROOT_URLCONF, settings.DEBUG = __name__, debug
    response = Client(raise_request_exception=False).get("/broken")
    assert (response.status_code, response.headers["Content-Type"]) == (500, "application/problem+json")
    assert response.json()["code"] == "internal_error"
    assert "secret" not in response.content.decode()
    assert response.json()["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("address", ["/nowhere", "/api/v1/nowhere", "/api/v2/", "/docs/deeper"])
def test_unknown_address_is_problem_details(settings, debug: bool, address: str) -> None:
    settings.DEBUG = debug
    response = Client().get(address)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["code"] == "not_found"

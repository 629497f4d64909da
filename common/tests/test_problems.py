"""Problem details (RFC 9457): one shape for every refusal, in the reader's language, with a code that never changes."""

import logging
import uuid

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions, serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.test import APIClient

from accounts.api.views import AccountView
from accounts.models import PriceList
from accounts.tests.factories import make_user
from common.api.problems import CONTENT_TYPE, problem, to_domain_error
from common.context import acting
from common.errors import Conflict, DomainError, FieldError

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


def _check_shape(response, status, code):
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == CONTENT_TYPE
    body = response.json()
    assert set(body) - {"errors"} == MEMBERS
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"].endswith(f"/docs#{code}")
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert body["detail"]
    return body


def test_body_of_a_refusal(settings):
    settings.PROBLEM_BASE_URL = "https://api.example.org/docs#"
    error = Conflict(
        "Trop peu.", code="short", errors=[FieldError("lines.0.quantity", "short", "Il en reste 2.", {"available": 2})]
    )
    with acting("user", "1", request_id="r-1"):
        assert problem(error) == {
            "type": "https://api.example.org/docs#short",
            "title": "Conflict",
            "status": 409,
            "detail": "Trop peu.",
            "code": "short",
            "request_id": "r-1",
            "errors": [
                {"field": "lines.0.quantity", "code": "short", "detail": "Il en reste 2.", "available": 2},
            ],
        }


def _busy(sqlstate):
    cause = Exception()
    cause.sqlstate = sqlstate
    error = OperationalError("x")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "exc, status, code, retry_after",
    [
        (Http404(), 404, "not_found", None),
        (PermissionDenied(), 403, "permission_denied", None),
        (exceptions.NotAuthenticated(), 401, "not_authenticated", None),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed", None),
        (exceptions.UnsupportedMediaType("text/plain"), 415, "unsupported_media_type", None),
        (exceptions.NotAcceptable(), 406, "not_acceptable", None),
        (exceptions.ParseError(), 400, "parse_error", None),
        (exceptions.Throttled(wait=1.2), 429, "throttled", 2),
        (RequestDataTooBig(), 413, "payload_too_large", None),
        (TooManyFieldsSent(), 400, "invalid", None),
        (UnreadablePostError(), 400, "invalid", None),
        (_busy("40001"), 409, "busy", 1),
        (_busy("40P01"), 409, "busy", 1),
        (_busy("55P03"), 409, "busy", 1),
        (_busy("57014"), 409, "busy", 1),
        (DataError("bigint out of range"), 409, "out_of_range", None),
        (OverflowError("Python int too large to convert to SQLite INTEGER"), 409, "out_of_range", None),
        (OperationalError("database is locked"), 409, "busy", 1),
        (OperationalError("server closed the connection"), 503, "database_unavailable", 5),
        (ZeroDivisionError("secret detail"), 500, "internal_error", None),
        (IntegrityError("NOT NULL constraint failed"), 500, "internal_error", None),
    ],
)
def test_what_an_exception_becomes(exc, status, code, retry_after):
    error = to_domain_error(exc)

    assert (error.status, error.code, error.retry_after) == (status, code, retry_after)
    assert "secret" not in str(error.detail)


@pytest.mark.django_db
def test_row_that_somebody_else_wrote_first_is_a_conflict():
    PriceList.objects.create(action="reserve", label="Réserver", credits=1)
    with pytest.raises(IntegrityError) as taken, transaction.atomic():
        PriceList.objects.create(action="reserve", label="Encore", credits=2)

    error = to_domain_error(taken.value)
    assert (error.status, error.code, error.retry_after) == (409, "conflict", 1)


@pytest.mark.django_db
def test_row_that_breaks_a_check_is_our_own_mistake():
    with pytest.raises(IntegrityError) as broken, transaction.atomic():
        PriceList.objects.create(action="reserve", label="Réserver", credits=-1)

    assert to_domain_error(broken.value).status == 500


def _errors(detail):
    error = to_domain_error(exceptions.ValidationError(detail))
    return error.code, [(item.field, item.code) for item in error.errors]


@pytest.mark.parametrize(
    "detail, code, errors",
    [
        ({"a": [ErrorDetail("x", "required")]}, "required", [("a", "required")]),
        (
            {"a": [ErrorDetail("x", "required")], "b": [ErrorDetail("y", "blank")]},
            "invalid",
            [("a", "required"), ("b", "blank")],
        ),
        (
            {"lines": [{}, {"quantity": [ErrorDetail("x", "min_value")]}]},
            "min_value",
            [("lines.1.quantity", "min_value")],
        ),
        ({"lines": {"non_field_errors": [ErrorDetail("x", "empty")]}}, "empty", [("lines", "empty")]),
        ({"non_field_errors": [ErrorDetail("x", "invalid")]}, "invalid", [("", "invalid")]),
        (
            {"message": [ErrorDetail("x", "unknown_field")], "code": [ErrorDetail("x", "unknown_field")]},
            "unknown_field",
            [("message", "unknown_field"), ("code", "unknown_field")],
        ),
    ],
)
def test_every_failing_field_is_named(detail, code, errors):
    assert _errors(detail) == (code, errors)


def test_errors_of_a_nested_serializer_are_dotted():
    class Line(serializers.Serializer):
        quantity = serializers.IntegerField(min_value=1)

    class Basket(serializers.Serializer):
        lines = Line(many=True)

    serializer = Basket(data={"lines": [{"quantity": 1}, {"quantity": 0}, "x", {}]})
    with pytest.raises(exceptions.ValidationError) as refused:
        serializer.is_valid(raise_exception=True)

    assert _errors(refused.value.detail)[1] == [
        ("lines.1.quantity", "min_value"),
        ("lines.2", "invalid"),
        ("lines.3.quantity", "required"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "method, path, status, code",
    [
        ("get", "/api/v1/nowhere/", 404, "not_found"),
        ("get", "/api/v1/reservations/not-a-uuid/", 404, "not_found"),
        ("post", "/api/v1/nowhere", 404, "not_found"),
        ("get", "/nowhere", 404, "not_found"),
        ("put", "/api/v1/auth/login/", 405, "method_not_allowed"),
        ("delete", "/api/v1/rates/", 405, "method_not_allowed"),
        ("get", "/api/v1/account/", 401, "not_authenticated"),
        ("get", "/api/v1/rates/?q=%00", 400, "invalid"),
        ("get", "/api/v1/rates/?q=%ff", 400, "invalid"),
        ("get", "/api/v1/rates/?q=%ed%a0%80", 400, "invalid"),
        ("get", "/api/v1/rates/%00", 400, "invalid"),
    ],
)
def test_refusals_over_http(method, path, status, code):
    _check_shape(getattr(APIClient(), method)(path), status, code)


@pytest.mark.django_db
def test_wrong_method_with_a_token(api):
    response = api(make_user()).put("/api/v1/account/", {}, format="json")

    _check_shape(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.django_db
def test_representation_that_we_do_not_have():
    _check_shape(APIClient().get("/api/v1/rates/", headers={"accept": "application/xml"}), 406, "not_acceptable")


@pytest.mark.django_db
def test_challenge_comes_with_a_401():
    response = APIClient().get("/api/v1/account/")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.django_db
def test_host_that_is_not_ours():
    _check_shape(APIClient().get("/api/v1/rates/", headers={"host": "evil.example"}), 400, "invalid")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "language, detail",
    [
        ("", "Informations d'authentification non fournies."),
        ("fr", "Informations d'authentification non fournies."),
        ("en", "Authentication credentials were not provided."),
        ("en-GB,fr;q=0.5", "Authentication credentials were not provided."),
        ("de", "Informations d'authentification non fournies."),
    ],
)
def test_language_of_the_reader(language, detail):
    response = APIClient().get("/api/v1/account/", headers={"accept-language": language} if language else {})

    assert _check_shape(response, 401, "not_authenticated")["detail"].replace("’", "'") == detail


@pytest.mark.django_db
def test_last_resort_tells_only_its_id(api, monkeypatch, settings, caplog):
    settings.DEBUG = False
    client = api(make_user())

    def break_down(*_):
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(AccountView, "get", break_down)
    with caplog.at_level(logging.ERROR):
        response = client.get("/api/v1/account/")

    body = _check_shape(response, 500, "internal_error")
    assert "hunter2" not in response.content.decode()
    assert "RuntimeError" not in response.content.decode()
    assert uuid.UUID(body["request_id"])
    (line,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "hunter2" in str(line.exc_info[1])


@pytest.mark.django_db
def test_last_resort_outside_of_the_api(monkeypatch, settings):
    settings.DEBUG = False

    def break_down(*_, **__):
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("common.middleware.SlashMiddleware.__call__", break_down)
    response = APIClient(raise_request_exception=False).get("/api/v1/rates/")

    _check_shape(response, 500, "internal_error")
    assert b"hunter2" not in response.content


@pytest.mark.django_db
def test_refusal_does_not_leave_a_transaction_behind(api, monkeypatch):
    client = api(make_user())

    def refuse(*_):
        raise DomainError(code="refused")

    monkeypatch.setattr(AccountView, "get", refuse)
    _check_shape(client.get("/api/v1/account/"), 400, "refused")
    assert not connection.needs_rollback

import io
import json
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.test import RequestFactory

from config.wsgi import Utf8Request, application


def test_requests_of_the_site_are_of_this_class() -> None:
    assert application.request_class is Utf8Request


@pytest.mark.parametrize("charset", ["hex", "utf-16", "rot13", "nonsense", "utf-8"])
def test_charset_of_a_stranger_changes_nothing(charset: str) -> None:
    environ = RequestFactory().get("/", {"q": "é"}).environ | {"CONTENT_TYPE": f"text/plain; charset={charset}"}
    request = Utf8Request(environ)
    assert (request.content_type, request.GET["q"]) == ("text/plain", "é")


@pytest.mark.django_db
@pytest.mark.parametrize("path, status", [("/api/v1/auth/login/", 415), ("/user/login", 404), ("/auth/login", 422)])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/html"])
@pytest.mark.parametrize("parameter", ["x*=nope''%41", "boundary*=nope''%41", "x*=idna''%FF"])
def test_codec_of_a_parameter_that_nobody_has_is_no_failure(kind: str, parameter: str, path: str, status: int) -> None:
    environ: dict[str, Any] = {"CONTENT_TYPE": f"{kind}; {parameter}", "CONTENT_LENGTH": "2", "PATH_INFO": path}
    setup_testing_defaults(environ)
    environ |= {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(b"{}"), "HTTP_HOST": "localhost"}
    said: list[str] = []

    answer = b"".join(application(environ, lambda line, headers, error=None: said.append(line)))

    assert (said[0][:3], json.loads(answer).keys() >= {"detail"}) == (str(status), True)

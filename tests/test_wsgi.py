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

import pytest

from common.links import is_web_address


@pytest.mark.parametrize(
    "value",
    ["https://example.org", "HTTP://example.org/a?b#c", "https://example.org:8443/é", "http://127.0.0.1:8000/a"],
)
def test_address_of_a_site(value):
    assert is_web_address(value)


@pytest.mark.parametrize(
    "value",
    [
        *("", "example.org", "//example.org", "/items/7", "https://", "https:///a", "https://?a", "https:\\\\a"),
        *("javascript:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,a", "file:///etc/a"),
        *("vbscript:a", "blob:https://example.org/1", "ftp://example.org", "x:https://example.org"),
        *(" https://example.org", "https://example.org/a b", "https://exa\nmple.org", "javascript:alert(1)//https://a"),
    ],
)
def test_what_leads_to_no_site(value):
    assert not is_web_address(value)

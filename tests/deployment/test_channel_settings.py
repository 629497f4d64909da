"""The settings of the sales channels: what a start refuses, and what it is told."""

from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import channels
from tests.deployment.processes import only

KEY = "0123456789abcdef0123456789abcdef"


def test_no_channel_needs_no_key():
    with only({}):
        assert channels.switched_on([]) == {}
        assert channels.keys(debug=False, needed=False) == []


@pytest.mark.parametrize("value", ["", "short", f"{KEY},short", "change-me-change-me-change-me-change-me"])
def test_channel_without_a_good_key_stops_the_start(value):
    with only({"CHANNEL_KEYS": value}), pytest.raises(ImproperlyConfigured, match="CHANNEL_KEYS"):
        channels.keys(debug=False, needed=True)


def test_keys_are_a_list_of_which_the_first_encrypts():
    with only({"CHANNEL_KEYS": f"{KEY}a, {KEY}b"}):
        assert channels.keys(debug=False, needed=True) == [f"{KEY}a", f"{KEY}b"]


def test_unknown_channel_stops_the_start():
    with pytest.raises(ImproperlyConfigured, match="amazon"):
        channels.switched_on(["ebay", "amazon"])


@pytest.mark.parametrize("value", ["EUR", "EUR=", "EUR=x", "EUR=0", "EUR=-1", "eur=1", "EUR=NaN", "EUR=Infinity"])
def test_rate_that_is_none_stops_the_start(value):
    with pytest.raises(ImproperlyConfigured, match="CHANNEL_RATES"):
        channels.rates(value)


def test_rates_are_exact():
    assert channels.rates("EUR=655.957, USD=600") == {"EUR": Decimal("655.957"), "USD": Decimal(600)}


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[]",
        '{"buy": {"method": "GET", "path": "/"}}',
        '{"publish": {"method": "BREW", "path": "/"}}',
        '{"publish": {"method": "POST", "path": "https://evil.example"}}',
        '{"publish": {"method": "POST", "path": "//evil.example"}}',
        '{"publish": []}',
    ],
)
def test_request_that_is_none_stops_the_start(value):
    with pytest.raises(ImproperlyConfigured, match="VINTED_ACTIONS"):
        channels.actions(value)


def test_address_of_a_channel_is_https_outside_of_debug():
    own = {"genuine": "https://api.ebay.com", "simulated": "http://127.0.0.1:8765/ebay"}

    assert channels.address("EBAY_URL", "", debug=False, **own) == "https://api.ebay.com"
    assert channels.address("EBAY_URL", "", debug=True, **own) == "http://127.0.0.1:8765/ebay"
    assert channels.address("EBAY_URL", "https://api.sandbox.ebay.com/", debug=False, **own).endswith("ebay.com")
    with pytest.raises(ImproperlyConfigured, match="EBAY_URL must begin with https://"):
        channels.address("EBAY_URL", "http://api.ebay.com", debug=False, **own)

from decimal import Decimal

import pytest

from marketplaces.channels.base import Amount, ChannelError, Outcome
from marketplaces.channels.money import as_number, as_text, converted, from_parts, from_text


@pytest.mark.parametrize(
    "francs, cents",
    [(12_500, 1906), (655, 100), (656, 100), (1, 1), (3, 1), (1_000_000, 152449), (65_595_700, 10_000_000)],
)
def test_francs_become_euros_rounded_half_up_and_never_nothing(francs, cents):
    assert converted(Amount(francs, "XAF"), to="EUR") == Amount(cents, "EUR")


def test_same_currency_stays_as_it_is():
    assert converted(Amount(12_500, "XAF"), to="XAF") == Amount(12_500, "XAF")
    assert converted(Amount(1906, "EUR"), to="EUR", rate="2") == Amount(1906, "EUR")


def test_rates_are_those_of_the_setting_or_of_the_merchant(settings):
    settings.CHANNEL_RATES = {"USD": Decimal(600), "EUR": Decimal("655.957"), "JPY": Decimal("4.1")}

    assert converted(Amount(12_000, "XAF"), to="USD") == Amount(2000, "USD")
    assert converted(Amount(12_000, "XAF"), to="USD", rate="500") == Amount(2400, "USD")
    assert converted(Amount(1000, "XAF"), to="JPY") == Amount(244, "JPY")
    assert converted(Amount(1000, "EUR"), to="USD") == Amount(1093, "USD")


@pytest.mark.parametrize("rate", ["0", "-1", "x", "NaN", "Infinity"])
def test_rate_that_is_none_is_refused(rate):
    with pytest.raises(ChannelError) as refused:
        converted(Amount(1, "XAF"), to="EUR", rate=rate)
    assert (refused.value.reason, refused.value.permanent) == ("rate_missing", True)


def test_currency_without_a_rate_is_refused():
    with pytest.raises(ChannelError) as refused:
        converted(Amount(1, "XAF"), to="GBP")
    assert (refused.value.outcome, refused.value.reason) == (Outcome.REFUSED, "rate_missing")


@pytest.mark.parametrize(
    "amount, text, number",
    [
        (Amount(1906, "EUR"), "19.06", 19.06),
        (Amount(1900, "EUR"), "19.00", 19.0),
        (Amount(5, "EUR"), "0.05", 0.05),
        (Amount(12_500, "XAF"), "12500", 12_500),
        (Amount(10**15 - 1, "EUR"), "9999999999999.99", 9999999999999.99),
    ],
)
def test_amounts_are_written_exactly(amount, text, number):
    assert as_text(amount) == text
    assert as_number(amount) == number
    assert repr(as_number(amount)).rstrip("0").rstrip(".") == text.rstrip("0").rstrip(".") or "." not in text


def test_amounts_are_read_as_both_channels_write_them():
    assert from_text("19.06", "EUR") == Amount(1906, "EUR")
    assert from_text("19.1", "EUR") == Amount(1910, "EUR")
    assert from_text("12500", "XAF") == Amount(12_500, "XAF")
    assert from_parts({"amount": 1906, "divisor": 100, "currency_code": "EUR"}) == Amount(1906, "EUR")
    assert from_parts({"amount": 12_500, "divisor": 1, "currency_code": "XAF"}) == Amount(12_500, "XAF")


@pytest.mark.parametrize(
    "value", [None, 19.06, "x", "19.065", "-1", "NaN", "1e30", "", "1E+999999", "1E-999999", "10000000000.01"]
)
def test_text_that_is_no_amount_is_none(value):
    assert from_text(value, "EUR") is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"amount": 1906, "divisor": 0, "currency_code": "EUR"},
        {"amount": 1.5, "divisor": 1, "currency_code": "EUR"},
    ],
)
def test_parts_that_are_no_amount_are_none(value):
    assert from_parts(value) is None

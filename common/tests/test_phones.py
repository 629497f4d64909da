import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.phones import InvalidPhone, country_of, mask, to_e164, to_national


@pytest.mark.parametrize(
    "raw",
    [
        "077123456",
        "077 12 34 56",
        " 077-12-34-56 ",
        "077.12.34.56",
        "(077) 12 34 56",
        "07123456",
        "07 12 34 56",
        "77123456",
        "24177123456",
        "241 77 12 34 56",
        "241077123456",
        "0024177123456",
        "00241 077 12 34 56",
        "+24177123456",
        "+241 77 12 34 56",
        "+241077123456",
        "+241 07 12 34 56",
        "00241 07 12 34 56",
        "077 123 456",
    ],
)
def test_one_number_in_all_its_spellings(raw):
    assert to_e164(raw) == "+24177123456"


@pytest.mark.parametrize(
    "raw, e164",
    [
        ("01761234", "+24111761234"),
        ("02123456", "+24162123456"),
        ("04123456", "+24174123456"),
        ("05123456", "+24165123456"),
        ("06123456", "+24166123456"),
        ("07123456", "+24177123456"),
        ("011761234", "+24111761234"),
        ("062123456", "+24162123456"),
        ("065123456", "+24165123456"),
        ("066123456", "+24166123456"),
        ("074123456", "+24174123456"),
        ("076123456", "+24176123456"),
    ],
)
def test_plan_before_and_after_2019(raw, e164):
    assert to_e164(raw) == e164


def test_foreign_numbers_carry_their_country():
    assert to_e164("+33 6 12 34 56 78") == "+33612345678"
    assert country_of("+33612345678") == "FR"
    assert country_of(to_e164("077123456")) == "GA"


def test_number_of_another_region():
    assert to_e164("06 12 34 56 78", region="FR") == "+33612345678"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "7123456",
        "+2417123456",
        "+241 2 12 34 56",
        " ",
        "+",
        "abc",
        "1234",
        "0771234567890",
        "09123456",
        "+241",
        "+24100000000",
        "+999123456789",
        "06 12 34 56 78",
        "٠٧٧١٢٣٤٥٦",
        "0" * 5000,
        "\x00",
        "+33",
    ],
)
def test_no_number(raw):
    with pytest.raises(InvalidPhone) as refused:
        to_e164(raw)
    assert (refused.value.status, refused.value.code) == (400, "invalid_phone")


@given(st.text(max_size=40))
def test_whatever_is_written_is_a_number_or_refused(raw):
    try:
        e164 = to_e164(raw)
    except InvalidPhone:
        return
    assert e164.startswith("+")
    assert e164[1:].isdigit()
    assert len(e164) <= 16
    assert to_e164(e164) == e164


def test_national_form():
    assert to_national("+24177123456") == "077123456"
    assert to_national("+24111761234") == "011761234"


@pytest.mark.parametrize("e164, masked", [("+24177123456", "+241•••••456"), ("+33612345678", "+336•••••678"), ("", "")])
def test_mask(e164, masked):
    assert mask(e164) == masked

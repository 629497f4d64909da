import csv
import re
from pathlib import Path

import pytest

from common.phones import to_e164

DATA = Path(__file__).resolve().parent.parent / "demo" / "data"

# South, north, west and east of the built-up area, in degrees.
LIBREVILLE = (0.28, 0.53, 9.40, 9.53)
PORT_GENTIL = (-0.76, -0.69, 8.75, 8.79)


def read(name):
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


PRODUCTS = read("medicines.csv")
PHARMACIES = read("pharmacies.csv")


def has_valid_check_digit(code):
    """GS1 General Specifications, 7.9: weights 1 and 3 in turn, the sum a multiple of 10."""
    return sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(code)) % 10 == 0


def duplicates(values):
    values = list(values)
    return sorted({value for value in values if values.count(value) > 1})


def test_check_digit_of_a_printed_code():
    assert has_valid_check_digit("4006381333931")
    assert not has_valid_check_digit("4006381333932")


def test_columns():
    columns = ["code", "label", "substance", "form", "category", "kind", "prescription_required", "price"]
    assert list(PRODUCTS[0]) == columns
    assert list(PHARMACIES[0]) == (
        ["code", "name", "town", "quarter", "phones", "latitude", "longitude", "hours", "always_open"]
    )


@pytest.mark.parametrize(("kind", "count"), [("medicine", 155), ("parapharmacy", 15)])
def test_number_of_products(kind, count):
    assert sum(row["kind"] == kind for row in PRODUCTS) == count


@pytest.mark.parametrize(("kind", "pattern"), [("medicine", r"3400999[0-9]{6}"), ("parapharmacy", r"2000000[0-9]{6}")])
def test_codes_are_valid_and_in_a_range_of_their_own(kind, pattern):
    codes = [row["code"] for row in PRODUCTS if row["kind"] == kind]
    assert [code for code in codes if not re.fullmatch(pattern, code) or not has_valid_check_digit(code)] == []


def test_products_are_distinct():
    assert duplicates(row["code"] for row in PRODUCTS) == []
    assert duplicates(row["label"] for row in PRODUCTS) == []


def test_prices_can_be_paid_in_coins():
    assert [row for row in PRODUCTS if not row["price"].isascii() or not row["price"].isdigit()] == []
    assert [row for row in PRODUCTS if int(row["price"]) % 5 or not 500 <= int(row["price"]) <= 50_000] == []


def test_labels_name_the_form_and_the_packaging():
    assert [row["label"] for row in PRODUCTS if row["label"].split(", ")[1:2] != [row["form"]]] == []
    assert [row["label"] for row in PRODUCTS if len(row["label"].split(", ")) != 3] == []


def test_every_product_tells_what_lists_and_filters_need():
    assert [row["label"] for row in PRODUCTS if not row["category"]] == []
    assert [row["label"] for row in PRODUCTS if bool(row["substance"]) != (row["kind"] == "medicine")] == []
    assert {row["prescription_required"] for row in PRODUCTS if row["kind"] == "medicine"} == {"true", "false"}
    assert {row["prescription_required"] for row in PRODUCTS if row["kind"] == "parapharmacy"} == {"false"}


def test_pharmacies_are_numbered_by_town():
    libreville = [(f"DEMO-LBV-{number:02d}", "Libreville") for number in range(1, 15)]
    port_gentil = [(f"DEMO-POG-{number:02d}", "Port-Gentil") for number in range(1, 7)]
    assert [(row["code"], row["town"]) for row in PHARMACIES] == libreville + port_gentil


def test_pharmacies_have_a_name_and_a_position_of_their_own():
    assert duplicates(row["name"] for row in PHARMACIES) == []
    assert duplicates((row["latitude"], row["longitude"]) for row in PHARMACIES) == []


def test_pharmacies_lie_in_their_town():
    towns = {"Libreville": LIBREVILLE, "Port-Gentil": PORT_GENTIL}
    elsewhere = []
    for row in PHARMACIES:
        south, north, west, east = towns[row["town"]]
        if not (south <= float(row["latitude"]) <= north and west <= float(row["longitude"]) <= east):
            elsewhere.append(row["code"])
    assert elsewhere == []


def test_phones_are_valid_in_the_fictional_series_and_not_shared():
    written = [phone for row in PHARMACIES for phone in row["phones"].split(" / ")]
    assert [phone for phone in written if not re.fullmatch(r"011 00 00 \d\d|077 00 01 \d\d", phone)] == []
    assert duplicates(map(to_e164, written)) == []


def test_hours_agree_with_always_open():
    assert {row["always_open"] for row in PHARMACIES} == {"true", "false"}
    assert [
        row["code"] for row in PHARMACIES if (row["always_open"] == "true") != row["hours"].startswith("24h/24")
    ] == []

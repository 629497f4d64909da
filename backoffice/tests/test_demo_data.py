import csv
from pathlib import Path

import pytest

from common.phones import to_e164

DATA = Path(__file__).parent.parent / "demo" / "data"


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ean13_fits(code: str) -> bool:
    weighted = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(code))
    return len(code) == 13 and weighted % 10 == 0


def test_medicine_codes_are_valid_and_nobodys() -> None:
    codes = [row["code"] for row in rows("medicines.csv")]
    assert len(codes) == len(set(codes)) == 163
    assert [code for code in codes if not ean13_fits(code)] == []
    assert {code[:7] for code in codes if code.startswith("34")} == {"3400999"}


def test_kinds_match_their_codes() -> None:
    kinds = {(row["kind"], row["code"][:2]) for row in rows("medicines.csv")}
    assert kinds == {("medicine", "34"), ("parapharmacy", "21")}


def test_prices_are_whole_francs_that_coins_can_pay() -> None:
    assert [row["label"] for row in rows("medicines.csv") if int(row["price"]) <= 0 or int(row["price"]) % 5] == []


@pytest.mark.parametrize(("town", "count"), [("Libreville", 14), ("Port-Gentil", 6)])
def test_pharmacies_of_both_towns(town: str, count: int) -> None:
    found = [row for row in rows("pharmacies.csv") if row["town"] == town]
    assert len(found) == count
    assert all(to_e164(phone).startswith("+241") for row in found for phone in row["phones"].split("/"))

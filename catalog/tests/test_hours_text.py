import csv

import pytest

from catalog.hours_text import read_hours


def days(*numbers, opens, closes):
    return [(day, opens, closes) for day in numbers]


@pytest.mark.parametrize(
    ("text", "openings"),
    [
        ("Lun-Sam: 8h-19h30, Dim: 8h-18h", [*days(0, 1, 2, 3, 4, 5, opens=480, closes=1170), (6, 480, 1080)]),
        ("Lundi au samedi 08:00-20:00", days(0, 1, 2, 3, 4, 5, opens=480, closes=1200)),
        ("8h-21h non-stop (7j/7)", days(0, 1, 2, 3, 4, 5, 6, 7, opens=480, closes=1260)),
        ("24h/24 - 7j/7", days(0, 1, 2, 3, 4, 5, 6, 7, opens=0, closes=1440)),
        ("8h-20h (fermée dimanche)", days(0, 1, 2, 3, 4, 5, opens=480, closes=1200)),
        (
            "7j/7: 7h30-20h30 (8h-20h30 fériés)",
            [*days(0, 1, 2, 3, 4, 5, 6, opens=450, closes=1230), (7, 480, 1230)],
        ),
        (
            "7j/7: 19h-8h, 24h/24: dim & jours fériés",
            [*days(0, 1, 2, 3, 4, 5, opens=1140, closes=1920), *days(6, 7, opens=0, closes=1440)],
        ),
        ("sam-lun 8h-12h 15h-19h", [(d, *o) for d in (0, 5, 6) for o in ((480, 720), (900, 1140))]),
        ("Horaires standards", None),
        ("7j/7", None),
        ("8h-19h", None),
        ("7h30-21h (20h sam)", None),
        ("lun 8h-12h 11h-19h", None),
        ("lun 8h-12h, lundi 14h-19h", None),
        ("lun 8h-25h", None),
        ("lun 8h75-9h", None),
        ("dim fermé", None),
        ("", None),
        ("lun 8h-19h sauf vacances", None),
        ("☎ " * 50, None),
    ],
)
def test_hours_as_people_write_them(text, openings):
    assert read_hours(text) == openings


def test_hours_of_the_real_list(shared_data):
    with (shared_data / "pharmacies_gabon_names.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["horaires"] for row in csv.DictReader(file)]
    read = [text for text in texts if read_hours(text)]
    assert len(texts) == 87
    assert {text for text in texts if text not in read} == {
        "Horaires standards",
        "7j/7",
        "8h-19h",
        "7h30-21h (20h sam)",
        "7h30-21h30 (20h sam)",
    }

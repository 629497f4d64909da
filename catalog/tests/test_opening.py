"""A golden week in Libreville (UTC+1): Saturday 15 August 2026 is a holiday, and so is Monday 17 August."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from audit.models import Event
from catalog import opening
from catalog.enums import HoursStatus
from catalog.models import DutyPeriod, Holiday, OpeningHours, Pharmacy
from catalog.rows import PharmacyRow
from catalog.services.pharmacies import upsert_pharmacies
from catalog.tests.factories import PharmacyFactory

pytestmark = pytest.mark.django_db

LIBREVILLE = ZoneInfo("Africa/Libreville")


def at(day, hour, minute=0):
    return datetime(2026, 8, day, hour, minute, tzinfo=LIBREVILLE)


@pytest.fixture
def week():
    """Pharmacies by what is particular about them."""
    Holiday.objects.create(date=date(2026, 8, 15), name="Assomption")
    Holiday.objects.create(date=date(2026, 8, 17), name="Indépendance")
    # Of the official calendar; it is kept on Monday.
    Holiday.objects.create(date=date(2026, 8, 16), name="Indépendance", is_observed=False)
    for code, hours in (
        ("DAY", "Lun-Sam: 8h-19h30"),
        ("NIGHT", "7j/7: 19h-8h"),
        ("HOLIDAYS", "7j/7: 7h30-20h30 (9h-12h fériés)"),
        ("SPLIT", "lun-ven 8h-12h 15h-19h"),
        ("UNREAD", "Horaires standards"),
        ("SILENT", ""),
    ):
        PharmacyFactory(code=code, hours=hours)
    PharmacyFactory(code="ALWAYS", always_open=True)
    PharmacyFactory(code="HIDDEN", always_open=True, is_listed=False)
    PharmacyFactory(code="CLOSED", always_open=True, is_active=False)
    # The week's duty of DAY takes over when it closes; two turns of UNREAD overlap.
    for code, start, end, surcharge in (
        ("DAY", at(14, 19, 30), at(15, 8), 500),
        ("UNREAD", at(15, 20), at(16, 8), 300),
        ("UNREAD", at(16, 6), at(16, 20), 700),
    ):
        DutyPeriod.objects.create(
            pharmacy=Pharmacy.objects.get(code=code), starts_at=start, ends_at=end, zone="Nord", surcharge=surcharge
        )


def told(instant):
    """Code → (is open, until, is on duty, surcharge) of whom patients are shown."""
    listed = dict(opening.listed().values_list("pk", "code"))
    return {
        listed[pk]: (each.is_open, each.open_until, each.is_on_duty, each.surcharge)
        for pk, each in opening.openings(list(listed), instant).items()
    }


ALWAYS = (True, None, True, None)
CLOSED = (False, None, False, None)
UNKNOWN = (None, None, False, None)

GOLDEN = [
    # Friday afternoon; DAY goes over into its duty and stays open until Saturday morning.
    (at(14, 16), {"DAY": (True, at(15, 8), False, None), "HOLIDAYS": (True, at(14, 20, 30), False, None),
                  "SPLIT": (True, at(14, 19), False, None), "NIGHT": CLOSED}),
    # Friday night.
    (at(14, 23, 59), {"DAY": (True, at(15, 8), True, 500), "NIGHT": (True, at(15, 8), False, None),
                      "HOLIDAYS": CLOSED, "SPLIT": CLOSED}),
    # Saturday, a holiday: who has hours for holidays keeps them, the others are closed.
    (at(15, 11), {"DAY": CLOSED, "HOLIDAYS": (True, at(15, 12), False, None), "SPLIT": CLOSED, "NIGHT": CLOSED}),
    # Sunday, while two turns overlap: the dearer surcharge, and the end of the later one. NIGHT of Saturday goes on.
    (at(16, 7), {"DAY": CLOSED, "UNREAD": (True, at(16, 20), True, 700), "NIGHT": (True, at(16, 8), False, None),
                 "HOLIDAYS": CLOSED, "SPLIT": CLOSED}),
    # Sunday evening, the minute that everything ends.
    (at(16, 20), {"DAY": CLOSED, "NIGHT": (True, at(17, 8), False, None), "SPLIT": CLOSED,
                  "HOLIDAYS": (True, at(16, 20, 30), False, None)}),
    # Tuesday at midnight: NIGHT of a holiday, which is every day for it.
    (at(18, 0), {"DAY": CLOSED, "NIGHT": (True, at(18, 8), False, None), "HOLIDAYS": CLOSED, "SPLIT": CLOSED}),
]  # fmt: skip


@pytest.mark.parametrize("instant, expected", GOLDEN, ids=[f"{instant:%a %H:%M}" for instant, _ in GOLDEN])
def test_golden_week(week, instant, expected, api):
    expected = {"ALWAYS": ALWAYS, "UNREAD": UNKNOWN, "SILENT": UNKNOWN} | expected
    assert told(instant) == expected
    assert told(instant.astimezone(UTC)) == expected

    def listed(**params):
        answer = api().get("/api/v1/pharmacies/", {"open_at": instant.isoformat(), **params})
        assert answer.status_code == 200, answer.content
        return {row["code"]: row for row in answer.json()["results"]}

    rows = listed()
    assert set(rows) == {code for code, (is_open, *_) in expected.items() if is_open}
    for code, row in rows.items():
        until = row["open_until"] and datetime.fromisoformat(row["open_until"])
        assert (row["is_open"], until, row["is_on_duty"], row["duty_surcharge"]) == expected[code]
    duty = {code for code, (*_, is_on_duty, _surcharge) in expected.items() if is_on_duty}
    assert set(listed(on_duty="true")) == duty
    assert set(listed(on_duty="true", near="0.39,9.45", radius_km="20")) == duty


def test_official_holiday_needs_no_entering_and_staff_have_the_last_word():
    """Saturday 1 May 2027 is one by the calendar; Tuesday 4 May is decreed."""
    pharmacy = PharmacyFactory(hours="Lun-Sam: 8h-19h30 (9h-12h fériés)")

    def of_may(day, hour, minute=0):
        return datetime(2027, 5, day, hour, minute, tzinfo=LIBREVILLE)

    def ends(day):
        return opening.openings([pharmacy.pk], of_may(day, 10))[pharmacy.pk].open_until

    assert (ends(1), ends(4)) == (of_may(1, 12), of_may(4, 19, 30))
    Holiday.objects.create(date=date(2027, 5, 1), name="Fête du travail", is_observed=False)
    Holiday.objects.create(date=date(2027, 5, 4), name="Deuil national")
    assert (ends(1), ends(4)) == (of_may(1, 19, 30), of_may(4, 12))


def test_hours_that_never_end_have_no_end(week):
    pharmacy = PharmacyFactory(code="ROUND", hours="24h/24 - 7j/7")
    assert opening.openings([pharmacy.pk], at(14, 3))[pharmacy.pk] == opening.Opening(True)


@pytest.mark.parametrize(
    "instant",
    "2026-08-14 2026-08-14T20:30:00 tomorrow 1e3 2026-13-01T00:00:00Z 9999-12-31T23:59:59Z "
    "0001-01-01T00:00:00+14:00 ٢٠٢٦-08-14T20:30:00Z".split(),
)
def test_open_at_is_an_instant_with_its_offset(api, instant):
    answer = api().get("/api/v1/pharmacies/", {"open_at": instant})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["open_at"]


def test_open_at_now(api):
    PharmacyFactory(code="ALWAYS", always_open=True)
    assert len(api().get("/api/v1/pharmacies/", {"open_at": "now"}).json()["results"]) == 1
    # A plus sign that nobody encoded.
    assert api().get("/api/v1/pharmacies/?open_at=2026-08-14T20:30:00+01:00").status_code == 200


def test_import_reads_hours_and_keeps_what_was_entered():
    rows = [PharmacyRow("A", "Un", "Libreville", hours="Lun-Sam: 8h-19h"), PharmacyRow("B", "Deux", "Libreville"),
            PharmacyRow("C", "Trois", "Libreville", hours="le matin")]  # fmt: skip
    upsert_pharmacies(rows)
    assert dict(Pharmacy.objects.values_list("code", "hours_status")) == {
        "A": HoursStatus.READ,
        "B": HoursStatus.UNKNOWN,
        "C": HoursStatus.UNREAD,
    }
    assert OpeningHours.objects.count() == 6
    before = list(OpeningHours.objects.order_by("pk").values())
    upsert_pharmacies(rows)
    assert list(OpeningHours.objects.order_by("pk").values()) == before
    Pharmacy.objects.filter(code="A").update(hours_status=HoursStatus.ENTERED)
    upsert_pharmacies([PharmacyRow("A", "Un", "Libreville", hours="7j/7: 8h-9h")])
    assert list(OpeningHours.objects.order_by("pk").values()) == before
    Pharmacy.objects.filter(code="A").update(hours_status=HoursStatus.READ)
    upsert_pharmacies([PharmacyRow("A", "Un", "Libreville", hours="bientôt")])
    assert not OpeningHours.objects.exists()


@pytest.mark.parametrize(
    "row", [{"opens": 480, "closes": 480}, {"opens": 480, "closes": 1921}, {"opens": 1440, "closes": 1500}, {"day": 8}]
)
def test_opening_hours_constraints(row):
    pharmacy = PharmacyFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        OpeningHours.objects.create(**({"pharmacy": pharmacy, "day": 0, "opens": 480, "closes": 1200} | row))


def test_duty_ends_after_it_begins():
    pharmacy = PharmacyFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        DutyPeriod.objects.create(pharmacy=pharmacy, starts_at=at(14, 8), ends_at=at(14, 8))


ROSTER = """pharmacie;debut;fin;zone;majoration
LBV1;14/08/2026 20h;15/08/2026 8h00;Nord;500
LBV1;2026-08-15T20:00:00+00:00;2026-08-16 08:00;Nord;1 000
LBV9;14/08/2026 20h;15/08/2026 8h;Nord;
LBV1;14/08/2026;15/08/2026 8h;Nord;
LBV1;15/08/2026 20h;31/02/2026 8h;;
LBV1;16/08/2026 20h;16/08/2026 8h;;
LBV1;17/08/2026 20h;18/08/2026 8h;;beaucoup
"""


def test_duty_roster_is_imported(tmp_path, capsys):
    PharmacyFactory(code="LBV1")
    events = Event.objects.count()
    path = tmp_path / "gardes.csv"
    path.write_text(ROSTER, encoding="utf-8")
    left_out = [
        "gardes.csv:4 left out: nobody knows the pharmacy 'LBV9'",
        "gardes.csv:5 left out: time '14/08/2026' cannot be read",
        "gardes.csv:6 left out: time '31/02/2026 8h' cannot be read",
        "gardes.csv:7 left out: it ends before it begins",
        "gardes.csv:8 left out: surcharge 'beaucoup' cannot be read",
    ]
    call_command("import_duty", str(path), "--dry-run")
    assert capsys.readouterr().out.splitlines() == [
        *left_out,
        "dry run: 7 turns, 2 imported (2 created, 0 updated, 0 unchanged), 5 left out",
    ]
    assert not DutyPeriod.objects.exists()
    assert Event.objects.count() == events
    for counts in ("2 created, 0 updated, 0 unchanged", "0 created, 0 updated, 2 unchanged"):
        call_command("import_duty", str(path))
        assert capsys.readouterr().out.splitlines()[-1] == f"7 turns, 2 imported ({counts}), 5 left out"
    turns = list(DutyPeriod.objects.order_by("starts_at"))
    assert [(turn.starts_at, turn.ends_at - turn.starts_at, turn.surcharge) for turn in turns] == [
        (at(14, 20), timedelta(hours=12), 500),
        (at(15, 21), timedelta(hours=11), 1000),
    ]
    event = Event.objects.order_by("-id")[0]
    assert Event.objects.count() == events + 1
    assert (event.action, event.changes["created"], event.changes["left_out"]) == ("catalog.duty_imported", 2, 5)

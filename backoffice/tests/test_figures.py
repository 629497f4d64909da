"""What the home page counts: exact by day of Libreville, before and after the days are written down."""

from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.figures.daily import count_due, known_days
from backoffice.figures.reading import read
from backoffice.figures.sources import SOURCES
from backoffice.models import DailyFigure
from backoffice.tests.days import MONDAY, TUESDAY, WEDNESDAY, at, make_days, put, sign_in
from payments.enums import Status as PaymentStatus
from payments.models import Payment
from payments.services.moves import move
from reservations.enums import Status as ReservationStatus

pytestmark = pytest.mark.django_db

PAYMENTS = {
    (MONDAY, "mypayga", "succeeded", "XAF"): (1, 2_500),
    (TUESDAY, "mypayga", "succeeded", "XAF"): (1, 2_500),
    (TUESDAY, "mypayga", "failed", "XAF"): (1, 2_500),
    (WEDNESDAY, "mypayga", "pending", "XAF"): (1, 2_500),
}
EXPECTED = {
    "events": {
        (MONDAY, "user.signed_in"): (1, 0),
        (TUESDAY, "user.signed_in"): (2, 0),
        (TUESDAY, "catalog.availability_checked"): (1, 0),
        (WEDNESDAY, "user.signed_in"): (1, 0),
        (WEDNESDAY, "catalog.availability_checked"): (2, 0),
    },
    "people": {(MONDAY,): (1, 0), (TUESDAY,): (1, 0)},
    "credits": {
        (MONDAY, "rate"): (1, 30),
        (MONDAY, "spend"): (1, -2),
        (TUESDAY, "rate"): (1, 30),
        (TUESDAY, "spend"): (2, -5),
        (WEDNESDAY, "rate"): (1, 75),
        (WEDNESDAY, "spend"): (1, -1),
    },
    "reservations": {
        (MONDAY, "collected"): (1, 3_000),
        (TUESDAY, "expired"): (1, 3_000),
        (TUESDAY, "cancelled"): (1, 3_000),
        (WEDNESDAY, "confirmed"): (1, 3_000),
    },
    "payments": PAYMENTS,
}


def _read(first: date = MONDAY, last: date = WEDNESDAY) -> dict[str, Any]:
    """What is not nothing."""
    found = read(EXPECTED, first, last)
    return {
        name: {(row.day, *row.key): (row.count, row.amount) for row in rows if row.count}
        for name, rows in found.items()
    }


def test_figures_both_sides_of_midnight_are_exact() -> None:
    make_days()
    with at(WEDNESDAY):
        assert _read() == EXPECTED


def test_figures_of_counted_days_are_the_same_and_read_once() -> None:
    make_days()
    with at(WEDNESDAY):
        # Every day of 400 of six sources, forty at once.
        assert [count_due() for _sweep in range(11)] == [240] * 10 + [0]
        assert DailyFigure.objects.filter(key="").count() == 2_400
        with CaptureQueriesContext(connection) as queries:
            assert _read() == EXPECTED
        # What was written down, and today of each source.
        assert len(queries) == 1 + len(EXPECTED)


def test_figures_of_a_chosen_day_leave_its_neighbours_out() -> None:
    make_days()
    with at(WEDNESDAY):
        count_due()
        with CaptureQueriesContext(connection) as queries:
            found = _read(TUESDAY, TUESDAY)
    assert len(queries) == 1
    assert found == {
        name: {key: value for key, value in rows.items() if key[0] == TUESDAY} for name, rows in EXPECTED.items()
    }


def test_count_due_leaves_the_day_that_has_just_ended() -> None:
    with at(TUESDAY, 0, 59):
        count_due()
        assert known_days(SOURCES["events"], MONDAY, WEDNESDAY) == set()
    with at(TUESDAY, 1, 0):
        count_due()
        assert known_days(SOURCES["events"], MONDAY, WEDNESDAY) == {MONDAY}


def test_count_due_waits_for_rows_that_may_still_change() -> None:
    made: Any = make_days()
    put(made["expired"], ReservationStatus.READY)
    with at(WEDNESDAY):
        count_due()
        assert known_days(SOURCES["reservations"], MONDAY, WEDNESDAY) == {MONDAY}
        put(made["expired"], ReservationStatus.EXPIRED)
        assert _read() == EXPECTED
        count_due()
        assert known_days(SOURCES["reservations"], MONDAY, WEDNESDAY) == {MONDAY, TUESDAY}
        assert _read() == EXPECTED


def test_late_money_of_a_counted_day_counts() -> None:
    made: Any = make_days()
    with at(WEDNESDAY):
        count_due()
        assert known_days(SOURCES["payments"], MONDAY, WEDNESDAY) == {MONDAY, TUESDAY}
        move(Payment.objects.get(pk=made["failed"].pk), PaymentStatus.SUCCEEDED)
        expected = {key: value for key, value in PAYMENTS.items() if key[2] != "failed"}
        expected[(TUESDAY, "mypayga", "succeeded", "XAF")] = (2, 5_000)
        assert _read()["payments"] == expected
        assert known_days(SOURCES["payments"], MONDAY, WEDNESDAY) == {MONDAY}
        count_due()
        assert known_days(SOURCES["payments"], MONDAY, WEDNESDAY) == {MONDAY, TUESDAY}
        assert _read()["payments"] == expected


def test_count_figures_finds_and_corrects_what_was_brought_in_later(capsys: pytest.CaptureFixture[str]) -> None:
    made: Any = make_days()
    with at(WEDNESDAY):
        count_due()
        call_command("count_figures", "--check")
        assert capsys.readouterr().out == "240 counted days, 0 corrected, 0 new.\n"
    with at(TUESDAY, 15):
        sign_in(made["first"])
    with at(WEDNESDAY):
        with pytest.raises(CommandError, match="1 of 240 counted days"):
            call_command("count_figures", "--check")
        assert _read() == EXPECTED
        call_command("count_figures", "--since", "2026-03-17")
        assert capsys.readouterr().out == "6 counted days, 1 corrected, 2160 new.\n"
        assert _read()["events"][(TUESDAY, "user.signed_in")] == (3, 0)
        call_command("count_figures", "--check")

"""Free slots, compared with a brute-force oracle that asks every minute what the clock on the wall says."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from appointments.clock import day_bounds, instant
from appointments.slots import Hours, Schedule, Visit, free_slots, is_on_grid, is_open
from catalog.holidays import holiday_test, is_known

MINUTE = timedelta(minutes=1)
LIBREVILLE = ZoneInfo("Africa/Libreville")
PARIS = ZoneInfo("Europe/Paris")
# Both changes of the clock of zones north and south, one by half an hour, one at midnight.
CHANGES = {
    PARIS: [date(2027, 3, 28), date(2027, 10, 31)],
    ZoneInfo("America/New_York"): [date(2027, 3, 14), date(2027, 11, 7)],
    ZoneInfo("Australia/Lord_Howe"): [date(2027, 4, 4), date(2027, 10, 3)],
    ZoneInfo("America/Santiago"): [date(2027, 4, 4), date(2027, 9, 5)],
    LIBREVILLE: [date(2027, 1, 4)],
}


def minutes(count):
    return timedelta(minutes=count)


def oracle(schedule, visit, since, until):
    """Every minute of the time asked for: is the practice open then, and is that minute on the grid?"""
    opens: dict[tuple, datetime] = {}
    closes: dict[tuple, datetime] = {}
    moment = since - timedelta(days=2)
    while moment < until + timedelta(days=2):
        local = moment.astimezone(schedule.zone)
        for index, hours in enumerate(schedule.hours):
            for shift in (0, 1):
                # Of yesterday's hours only the end may still come, where they close at midnight.
                day = local.date() - timedelta(days=shift)
                wall = time(local.hour, local.minute)
                if shift == 0 and wall >= hours.opens:
                    opens.setdefault((index, day), moment)
                closing_day = day + timedelta(days=1) if hours.closes == time(0) else day
                if local.date() > closing_day or (local.date() == closing_day and wall >= hours.closes):
                    closes.setdefault((index, day), moment)
        moment += MINUTE
    found = set()
    for (index, day), begin in opens.items():
        hours = schedule.hours[index]
        if day.weekday() != hours.weekday or schedule.is_holiday(day) or (index, day) not in closes:
            continue
        if (hours.valid_from and day < hours.valid_from) or (hours.valid_until and day > hours.valid_until):
            continue
        start = begin
        while start + visit.length <= closes[index, day]:
            end = start + visit.length
            taken = any(a < end + visit.after and start - visit.before < b for a, b in schedule.busy)
            away = any(a < end and start < b for a, b in schedule.off)
            if since <= start < until and not taken and not away:
                found.add(start)
            start += schedule.grid
    return sorted(found)


quarters = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))


@st.composite
def hours_lists(draw):
    rows = []
    for _ in range(draw(st.integers(0, 4))):
        opens, closes = sorted((draw(quarters), draw(quarters)))
        if opens == closes:
            closes = time(0)
        window = draw(st.sampled_from([(None, None), (date(2027, 4, 1), None), (None, date(2027, 10, 1))]))
        rows.append(Hours(draw(st.integers(0, 6)), opens, closes, *window))
    # Most examples shall have something to find on the Sunday of the change.
    rows.append(Hours(6, draw(st.sampled_from([time(0), time(1, 30), time(2, 15)])), time(5)))
    return rows


@st.composite
def intervals(draw, around):
    found = []
    for _ in range(draw(st.integers(0, 4))):
        begin = around + minutes(draw(st.integers(-1500, 3000)))
        found.append((begin, begin + minutes(draw(st.integers(1, 400)))))
    return found


@st.composite
def cases(draw):
    zone = draw(st.sampled_from(list(CHANGES)))
    midnight = datetime.combine(draw(st.sampled_from(CHANGES[zone])), time(0), UTC)
    since = midnight - minutes(draw(st.integers(0, 1440)))
    schedule = Schedule(
        zone=zone,
        grid=minutes(draw(st.sampled_from([5, 15, 20, 30, 45]))),
        hours=draw(hours_lists()),
        off=draw(intervals(midnight)),
        busy=draw(intervals(midnight)),
        is_holiday=draw(st.sampled_from([lambda day: False, lambda day: day.day % 3 == 0])),
    )
    visit = Visit(*(minutes(draw(st.integers(low, 70))) for low in (5, 0, 0)))
    return schedule, visit, since, since + minutes(draw(st.integers(60, 2880)))


@given(cases())
@hypothesis_settings(max_examples=40, deadline=None)
def test_free_slots_equal_the_oracle(case):
    _compare(case)


@pytest.mark.soak
@given(cases())
@hypothesis_settings(max_examples=2_000, deadline=None)
def test_free_slots_equal_the_oracle_for_long(case):
    _compare(case)


def _compare(case):
    schedule, visit, since, until = case
    found = list(free_slots(schedule, visit, since=since, until=until))
    assert found == oracle(schedule, visit, since, until)
    assert all(is_open(schedule, visit, start) and is_on_grid(schedule, visit, start) for start in found)


def local_starts(zone, day, hours, **more):
    schedule = Schedule(zone=zone, grid=minutes(30), hours=hours, **more)
    since, until = day_bounds(day, zone)
    found = free_slots(schedule, Visit(minutes(30)), since=since, until=until)
    return [start.astimezone(zone).strftime("%H:%M%z") for start in found]


def test_the_hour_that_is_skipped_has_no_slots():
    assert local_starts(PARIS, date(2027, 3, 28), [Hours(6, time(1), time(4))]) == [
        "01:00+0100",
        "01:30+0100",
        "03:00+0200",
        "03:30+0200",
    ]


def test_the_hour_that_comes_twice_has_its_slots_twice():
    assert local_starts(PARIS, date(2027, 10, 31), [Hours(6, time(2), time(3, 30))]) == [
        "02:00+0200",
        "02:30+0200",
        "02:00+0100",
        "02:30+0100",
        "03:00+0100",
    ]


def test_hours_that_begin_in_the_skipped_hour_begin_with_the_change():
    assert local_starts(PARIS, date(2027, 3, 28), [Hours(6, time(2, 30), time(4))]) == ["03:00+0200", "03:30+0200"]


def test_hours_until_midnight_end_with_the_day():
    assert local_starts(LIBREVILLE, date(2027, 1, 4), [Hours(0, time(23), time(0))]) == ["23:00+0100", "23:30+0100"]


def test_adjacent_hours_are_not_one():
    """A visit fits into one opening: between two the doctor may change the room."""
    found = local_starts(LIBREVILLE, date(2027, 1, 4), [Hours(0, time(8), time(8, 45)), Hours(0, time(8, 45), time(9))])
    assert found == ["08:00+0100"]


def test_holiday_has_no_slots():
    first_of_may = date(2027, 5, 1)
    hours = [Hours(5, time(8), time(9))]
    both = ["08:00+0100", "08:30+0100"]
    for country, corrected, starts in (
        ("GA", {}, []),
        ("GA", {first_of_may: False}, both),
        ("FR", {first_of_may: False}, []),
        ("ZZ", {}, both),
        ("ZZ", {first_of_may: True}, both),
    ):
        is_holiday = holiday_test(country, corrected)
        assert local_starts(LIBREVILLE, first_of_may, hours, is_holiday=is_holiday) == starts, (country, corrected)
    assert (is_known("GA"), is_known("ZZ")) == (True, False)


@pytest.mark.parametrize(
    "wall, expected",
    [(time(1, 59), "00:59"), (time(2), "01:00"), (time(2, 30), "01:00"), (time(3), "01:00"), (time(3, 1), "01:01")],
)
def test_instant_of_a_skipped_time_is_the_change(wall, expected):
    assert instant(date(2027, 3, 28), wall, PARIS).strftime("%H:%M") == expected


def test_time_before_the_opening_is_neither_open_nor_on_the_grid():
    schedule = Schedule(zone=LIBREVILLE, grid=minutes(30), hours=[Hours(0, time(8), time(12))])
    at = lambda hour, minute: datetime(2027, 1, 4, hour - 1, minute, tzinfo=UTC)  # noqa: E731
    visit = Visit(minutes(30))
    seen = [
        (is_open(schedule, visit, m), is_on_grid(schedule, visit, m))
        for m in (at(7, 30), at(8, 10), at(11, 30), at(11, 45))
    ]
    assert seen == [(False, False), (True, False), (True, True), (False, False)]

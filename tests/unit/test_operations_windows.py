"""Change windows: in the window's own time zone, over midnight, and on the days on which the clocks change."""

from datetime import UTC, datetime, time

import pytest

from openova_console.operations.windows import in_window
from openova_console.settings.operations import ChangeWindow

BERLIN = "Europe/Berlin"


def window(*days: str, begins: str = "09:00", ends: str = "17:00", timezone: str = "UTC") -> ChangeWindow:
    return ChangeWindow(days=days, begins=time.fromisoformat(begins), ends=time.fromisoformat(ends), timezone=timezone)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def is_open(now: str, *windows: ChangeWindow) -> bool:
    item = in_window(windows, at(now))
    assert item.known and item.sentence
    return bool(item.value)


def test_without_windows_every_time_is_one():
    assert in_window((), at("2026-03-01T03:00")).value is True


@pytest.mark.parametrize(
    ("now", "open_"),
    [
        ("2026-03-02T08:59:59", False),
        ("2026-03-02T09:00", True),
        ("2026-03-02T16:59:59", True),
        ("2026-03-02T17:00", False),
        ("2026-03-03T12:00", False),
    ],
)
def test_a_window_takes_its_begin_in_and_leaves_its_end_out(now, open_):
    assert is_open(now, window("mon")) is open_


@pytest.mark.parametrize(
    ("now", "open_"),
    [
        ("2026-03-06T21:59", False),
        ("2026-03-06T22:00", True),
        ("2026-03-06T23:59:59", True),
        ("2026-03-07T00:00", True),
        ("2026-03-07T03:59", True),
        ("2026-03-07T04:00", False),
        ("2026-03-07T22:30", False),
        ("2026-03-06T03:00", False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins(now, open_):
    assert is_open(now, window("fri", begins="22:00", ends="04:00")) is open_


def test_a_window_over_midnight_runs_from_sunday_into_monday():
    assert is_open("2026-03-09T01:00", window("sun", begins="23:00", ends="02:00"))
    assert not is_open("2026-03-08T01:00", window("sun", begins="23:00", ends="02:00"))


def test_a_window_that_ends_when_it_begins_lasts_the_whole_day_round():
    whole = window("mon", begins="06:00", ends="06:00")
    assert is_open("2026-03-02T06:00", whole) and is_open("2026-03-03T05:59", whole)
    assert not is_open("2026-03-02T05:59", whole) and not is_open("2026-03-03T06:00", whole)


def test_the_day_is_that_of_the_windows_own_zone():
    auckland = window("mon", timezone="Pacific/Auckland")
    assert is_open("2026-03-01T21:00", auckland)
    assert not is_open("2026-03-02T21:00", auckland)


@pytest.mark.parametrize(("now", "open_"), [("2026-07-06T07:30", True), ("2026-01-05T07:30", False), ("2026-01-05T08:30", True)])
def test_nine_in_the_morning_is_nine_in_summer_and_in_winter(now, open_):
    assert is_open(now, window("mon", timezone=BERLIN)) is open_


@pytest.mark.parametrize(
    ("now", "open_"),
    [
        ("2026-03-29T00:59", True),
        ("2026-03-29T01:00", False),
    ],
)
def test_when_the_clock_jumps_over_the_end_of_a_window_it_is_over(now, open_):
    """01:59 CET is followed by 03:00 CEST: 02:30 does not exist that night, and the window ends at the jump."""
    assert is_open(now, window("sun", begins="01:00", ends="02:30", timezone=BERLIN)) is open_


@pytest.mark.parametrize(
    ("now", "open_"),
    [
        ("2026-10-24T23:59", False),
        ("2026-10-25T00:15", True),
        ("2026-10-25T01:15", True),
        ("2026-10-25T01:45", False),
    ],
)
def test_an_hour_that_comes_twice_is_in_the_window_twice(now, open_):
    """02:15 comes as CEST (00:15 UTC) and as CET (01:15 UTC)."""
    assert is_open(now, window("sun", begins="02:00", ends="02:30", timezone=BERLIN)) is open_


def test_one_open_window_of_several_is_enough_and_all_closed_ones_are_named():
    both = (window("mon"), window("wed", begins="12:00", ends="13:00"))
    assert is_open("2026-03-04T12:30", *both)
    closed = in_window(both, at("2026-03-05T12:30"))
    assert closed.value is False
    assert "mon 09:00 to 17:00 UTC" in closed.sentence and "wed 12:00 to 13:00 UTC" in closed.sentence


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", ""])
def test_a_time_zone_that_is_not_known_is_unknown_and_never_open(zone):
    item = in_window((window("mon", timezone=zone),), at("2026-03-02T12:00"))
    assert not item.known and "operations.windows" in item.sentence

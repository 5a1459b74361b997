"""The lab's world: what the pairs and the link report, as functions of seed, scenario and time alone."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.lab.clock import Clock, ClockError
from openova_console.lab.scrape import Scraper
from openova_console.lab.waves import Rate, unit
from openova_console.lab.world import World

T0 = datetime(2026, 11, 23, 14, 0, tzinfo=UTC).timestamp()
R1, R2 = "region-1", "region-2"
TIMES = st.floats(min_value=T0, max_value=T0 + 3 * 86400)


def look(world: World, region: str, t: float):
    return world.postgres.look(world.timeline.at(t), region, t)


def valkey(world: World, region: str, t: float):
    return world.valkey.look(world.timeline.at(t), region, t)


@given(TIMES, TIMES)
def test_what_is_written_never_falls(a: float, b: float) -> None:
    world = World(3)
    first, later = sorted((a, b))
    assert world.postgres.written(first) <= world.postgres.written(later) + 1e-3
    assert world.valkey.written(first) <= world.valkey.written(later) + 1e-3


def test_a_rate_is_the_slope_of_its_total_and_differs_between_night_and_day() -> None:
    rate = Rate.daily(100, "x")
    slope = (rate.total(T0 + 1) - rate.total(T0)) / 1
    assert slope == pytest.approx(rate.at(T0 + 0.5), rel=1e-2)
    day, night = (rate.total(t + 3600) - rate.total(t) for t in (T0, T0 + 13 * 3600))
    assert day > 1.5 * night > 0


def test_noise_depends_on_its_parts_alone() -> None:
    assert unit(1, "a") == unit(1, "a") != unit(2, "a")
    assert all(0 <= unit(n, "range") < 1 for n in range(500))


@given(TIMES)
def test_a_healthy_pair_streams_within_a_second(t: float) -> None:
    world = World(3)
    primary, standby = look(world, R1, t), look(world, R2, t)
    assert (primary.in_recovery, primary.receiver_up, primary.lag_s) == (False, False, 0)
    assert (standby.in_recovery, standby.receiver_up, standby.lag_s) == (True, True, 0)
    assert primary.sender is not None
    assert 0 <= primary.sender.lag_s < 1
    assert primary.slot_active and primary.slot_bytes == primary.sender.diff_bytes < 2e6
    assert standby.sender is None and standby.slot_bytes is None


def test_an_idle_pair_reports_zero_lag_and_zero_bytes() -> None:
    world = World(3)
    quiet = next(t for t in range(int(T0), int(T0) + 1200) if world.postgres.quiet(t) and world.postgres.quiet(t - 5))
    sender = look(world, R1, quiet).sender
    assert sender is not None and (sender.lag_s, sender.diff_bytes) == (0, 0)
    busy = next(t for t in range(int(T0), int(T0) + 1200) if not world.postgres.quiet(t) and not world.postgres.quiet(t - 5))
    sender = look(world, R1, busy).sender
    assert sender is not None and sender.lag_s > 0 and sender.diff_bytes > 0


def test_a_cut_link_is_noticed_by_timeout_and_the_slot_grows_meanwhile() -> None:
    world = World(3)
    world.change(T0, link_up=False)
    early, late = look(world, R1, T0 + 3), look(world, R1, T0 + 120)
    assert early.sender is not None and early.sender.diff_bytes > 0 and early.slot_active
    assert late.sender is None and not late.slot_active
    assert late.slot_bytes > early.slot_bytes
    assert look(world, R2, T0 + 3).receiver_up and not look(world, R2, T0 + 6).receiver_up
    assert look(world, R2, T0 + 120).lag_s == 0, "the zero that says nothing"


def test_after_the_cut_the_standby_catches_up_and_never_goes_back() -> None:
    world = World(3)
    world.change(T0, link_up=False)
    world.change(T0 + 600, link_up=True)
    behind = [look(world, R1, T0 + 600 + s).sender.diff_bytes for s in range(60)]
    assert behind[0] > 50e6 > 2e6 > behind[-1]
    at = world.timeline.at
    flushed = [world.postgres.flushed(at(T0 + s), T0 + s) for s in range(-60, 700, 7)]
    assert flushed == sorted(flushed)


def test_a_dead_primary_writes_nothing_that_would_have_to_be_caught_up() -> None:
    world = World(3)
    world.change(T0, dead=frozenset({R1}))
    assert not look(world, R2, T0 + 0.1).receiver_up, "a reset is seen at once"
    world.change(T0 + 600, dead=frozenset())
    assert look(world, R1, T0 + 601).sender.diff_bytes < 2e6


def test_a_promotion_makes_two_primaries_and_the_reverse_direction_works() -> None:
    world = World(3)
    world.change(T0, postgres_primaries=frozenset({R1, R2}))
    assert not look(world, R2, T0 + 1).in_recovery
    assert look(world, R1, T0 + 1).sender is None
    world.change(T0 + 10, postgres_primaries=frozenset({R2}))
    assert look(world, R1, T0 + 20).in_recovery and look(world, R1, T0 + 20).receiver_up
    assert look(world, R2, T0 + 20).sender is not None
    assert world.active(world.timeline.current, R2) and not world.active(world.timeline.current, R1)


def test_valkey_over_a_silent_link_stays_up_until_its_timeout() -> None:
    world = World(3)
    world.change(T0, link_up=False)
    replica, primary = valkey(world, R2, T0 + 30), valkey(world, R1, T0 + 30)
    assert (replica.replica.link_up, replica.replica.last_io_s) == (True, 30)
    assert (primary.attached.lag_s, primary.attached.offset) == (30, replica.offset)
    assert primary.offset > replica.offset
    late = valkey(world, R2, T0 + 75)
    assert (late.replica.link_up, late.replica.last_io_s, late.replica.down_since_s) == (False, -1, 15)
    assert valkey(world, R1, T0 + 75).attached is None


def test_valkey_after_a_reset_is_down_at_once_and_catches_up_later() -> None:
    world = World(3)
    world.change(T0, dead=frozenset({R1}))
    assert valkey(world, R2, T0 + 4).replica.down_since_s == 4
    world.change(T0 + 60, dead=frozenset())
    healed = valkey(world, R2, T0 + 61)
    assert healed.replica.link_up and 0 <= valkey(world, R1, T0 + 61).offset - healed.offset < 5000


def test_a_promoted_valkey_starts_a_new_history() -> None:
    world = World(3)
    before = valkey(world, R2, T0 - 1)
    world.change(T0, valkey_primaries=frozenset({R1, R2}))
    after = valkey(world, R2, T0 + 1)
    assert after.replica is None
    assert after.replid != before.replid == after.replid2 == valkey(world, R1, T0 + 1).replid
    assert after.second_offset > 0


def test_the_link_shakes_hands_every_two_minutes_and_stops_when_cut() -> None:
    world = World(3)
    world.change(T0, link_up=False)
    ages = [t - world.link.handshake(world.timeline.at(t), t) for t in (T0 - 1, T0 - 60, T0 - 90)]
    assert all(0 <= age <= 120 for age in ages)
    last = world.link.handshake(world.timeline.at(T0 + 400), T0 + 400)
    assert 400 <= T0 + 400 - last <= 520
    assert world.link.probe(world.timeline.at(T0 + 1), R2, T0 + 1)[0] is False
    world.change(T0 + 500, link_up=True)
    assert world.link.handshake(world.timeline.at(T0 + 501), T0 + 501) == T0 + 500


def test_samples_of_a_dead_region_stop_and_its_history_stays() -> None:
    world = World(3)
    scraper = Scraper(world, R1, 5)
    world.change(T0, dead=frozenset({R1}))
    lag = next(s for s in scraper.series if s.name == "cnpg_pg_replication_lag")
    samples = scraper.range(lag, T0 - 240, T0 + 60)
    assert len(samples) == 48 and max(t for t, _ in samples) <= T0
    assert scraper.instant(lag, T0 + 60) == 0, "a Prometheus that was down has no stale marks"
    assert scraper.instant(lag, T0 + 600) is None


def test_a_mute_exporter_ends_its_series_and_up_says_so() -> None:
    world = World(3)
    scraper = Scraper(world, R1, 5)
    world.change(T0, mute=frozenset({R1}))
    up = next(s for s in scraper.series if s.name == "up")
    lag = next(s for s in scraper.series if s.name == "cnpg_pg_replication_lag")
    assert (scraper.instant(up, T0 + 20), scraper.instant(lag, T0 + 20)) == (0, None)
    assert scraper.range(lag, T0 - 20, T0 + 20)[-1][0] <= T0


def test_served_samples_never_change_when_conditions_do() -> None:
    world = World(3)
    scraper = Scraper(world, R1, 5)
    world.change(T0, lagging=True)
    before = [scraper.range(s, T0 - 200, T0 + 100) for s in scraper.series]
    world.change(T0 + 100, link_up=False, lagging=False)
    assert [scraper.range(s, T0 - 200, T0 + 100) for s in scraper.series] == before


def test_the_manual_clock_moves_forward_only() -> None:
    clock = Clock(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.advance(90) == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC) == clock.now()
    with pytest.raises(ClockError, match="between 0 s"):
        clock.advance(-1)
    with pytest.raises(ClockError, match="real clock"):
        Clock().advance(1)
    with pytest.raises(ClockError, match="time zone"):
        Clock(datetime.fromisoformat("2026-01-01T00:00:00"))


def captured_pair() -> dict[str, dict[str, str]]:
    """postgres.txt: for each cut, what the primary's views, the slot and the standby's lag expression said."""
    found: dict[str, dict[str, str]] = {}
    text = (Path(__file__).parent / "samples" / "services" / "postgres.txt").read_text()
    for block in text.split("\n## "):
        title, _, body = block.removeprefix("## ").partition("\n")
        slot = re.search(r"^r2\|([tf])\|[^|]+\|\w+\|(\d+)$", body, re.MULTILINE)
        lag = re.search(r"^t\|[^|]+\|[^|]+\|[\d.]+\|(\d+)$", body, re.MULTILINE)
        if slot and lag:
            found[title] = {"row": str("state|streaming" in body), "active": slot[1], "behind": slot[2], "lag": lag[1]}
            found[title]["receiver"] = str("status|streaming" in body)
    return found


@pytest.mark.parametrize(
    ("title", "changes", "seconds"),
    [
        ("link up", {}, 60),
        ("link refused 15 s, 100000 rows written on the primary since", {"receiver_dead": True}, 15),
        ("link frozen 4 s (TCP open, no bytes)", {"link_up": False}, 4),
        ("link frozen 13 s (wal_sender_timeout and wal_receiver_timeout 10 s)", {"link_up": False}, 13),
    ],
)
def test_each_cut_reads_as_on_a_real_pair(title: str, changes: dict, seconds: int) -> None:
    real = captured_pair()[title]
    world = World(3)
    world.change(T0, **changes)
    primary, standby = look(world, R1, T0 + seconds), look(world, R2, T0 + seconds)
    assert str(primary.sender is not None) == real["row"]
    assert ("t" if primary.slot_active else "f") == real["active"]
    assert str(standby.receiver_up) == real["receiver"]
    assert standby.lag_s == float(real["lag"]) == 0
    behind = primary.slot_bytes
    assert behind > 1e6 if int(real["behind"]) else behind < 3e5

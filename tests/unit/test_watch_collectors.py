"""What collectors make of answers: pure parts on hand-made windows and objects."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.postgres import StreamSample
from openova_console.handbook.words import Reading
from openova_console.settings import Settings
from openova_console.systems import link as link_system
from openova_console.systems import valkey
from openova_console.systems.prometheus import Point
from openova_console.watch.collectors.base import flag, number
from openova_console.watch.collectors.link import LinkCollector
from openova_console.watch.collectors.postgres import PostgresCollector, _pair
from openova_console.watch.collectors.valkey import _primary, _replica
from openova_console.watch.collectors.witnesses import WitnessCollector
from openova_console.watch.snapshot import SnapshotStore
from tests.support.factories import NOW, ago, region_facts, series, settings, untimed, window

SETTINGS = settings()
ONE, TWO = SETTINGS.regions
RECOVERY, DIFF, LAG = (
    "cnpg_pg_replication_in_recovery",
    "cnpg_pg_stat_replication_flush_diff_bytes",
    ("cnpg_pg_stat_replication_flush_lag_seconds"),
)
SLOT = "cnpg_pg_replication_slots_pg_wal_lsn_diff"


def points(*rows: tuple[float, float]) -> tuple[Point, ...]:
    return tuple(Point(ago(age), value) for age, value in rows)


def test_a_sample_is_dated_by_itself_and_one_that_is_no_number_is_missing():
    found = window()
    assert number(Point(ago(40), 2.0), "s", found, "lag") == Reading(2.0, "s", ago(40), "Region 1's Prometheus: lag")
    assert number(None, "s", found, "lag").error == "lag has no sample"
    assert number(None, "s", found, "lag", "lag has 2 series").error == "lag has 2 series"
    for odd in (math.nan, math.inf, -math.inf):
        assert number(Point(NOW, odd), "s", found, "lag").error == "lag is not a number"


def test_a_partial_answer_is_never_whole():
    found = window(warnings=("store gateway unavailable",))
    assert number(Point(NOW, 2.0), "s", found, "lag").completeness == "partial"
    assert flag(Point(NOW, 1.0), found, "up").completeness == "partial"
    assert not flag(Point(NOW, 1.0), found, "up").fresh(NOW, 60)


@pytest.mark.parametrize(("value", "said"), [(1.0, True), (0.0, False)])
def test_a_flag_is_true_or_false(value, said):
    assert flag(Point(NOW, value), window(), "up").value is said


def test_any_other_value_is_no_flag():
    assert flag(Point(NOW, 2.0), window(), "up").error == "up is 2, neither 0 nor 1"
    assert flag(None, window(), "up").value is None


def test_bytes_and_seconds_of_one_scrape_belong_together():
    diff = points((45, 100), (30, 200), (15, 300), (1, 400))
    lag = points((45, 0.1), (15, 0.3), (2, 0.9))
    assert _pair(diff, lag) == (StreamSample(ago(45), 100, 0.1), StreamSample(ago(15), 300, 0.3))


@untimed
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=8))
def test_only_finite_numbers_become_samples(rows):
    diff = points(*((len(rows) - i, d) for i, (d, _) in enumerate(rows)))
    lag = points(*((len(rows) - i, s) for i, (_, s) in enumerate(rows)))
    for sample in _pair(diff, lag):
        assert math.isfinite(sample.flush_diff_bytes) and math.isfinite(sample.flush_lag_s)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_a_scrape_without_a_number_is_left_out(odd):
    well = points((2, 100.0), (1, 100.0))
    assert _pair(points((2, 100.0), (1, odd)), well) == _pair(well, points((2, 100.0), (1, odd)))
    assert [s.at for s in _pair(points((2, 100.0), (1, odd)), well)] == [ago(2)]


async def postgres_side(*found, facts=None, config: Settings = SETTINGS, warnings=()):
    snapshots = SnapshotStore()
    if facts is not None:
        snapshots.put("regions", "region-1", facts)
    collector = PostgresCollector(ONE, config, snapshots)
    try:
        read = window(*found, warnings=warnings)
        return collector._primary(read), collector._standby(read)
    finally:
        await collector.close()


def primary_series(*ages: float, row: tuple[float, ...] | None = None, pod: str = "postgres-1"):
    """The primary's series at these ages; `row` are the ages at which the standby's row was there."""
    there = ages if row is None else row
    both = {"pod": pod, "application_name": "region-2"}
    return (
        series(RECOVERY, *((a, 0.0) for a in ages), pod=pod),
        *([series(DIFF, *((a, 10.0) for a in there), **both), series(LAG, *((a, 0.2) for a in there), **both)] if there else []),
        series(SLOT, *((a, 10.0) for a in ages), pod=pod, slot_name="region_2"),
    )


async def test_the_row_is_there_when_the_newest_scrape_has_it():
    primary, _ = await postgres_side(*primary_series(31, 16, 1))
    assert (primary.stream_row.value, primary.stream_row.observed_at) == (True, ago(1))
    assert (primary.in_recovery.value, len(primary.stream), primary.slot_diff_bytes.value) == (False, 3, 10.0)


async def test_the_row_is_gone_when_only_older_scrapes_have_it():
    primary, _ = await postgres_side(*primary_series(31, 16, 1, row=(31, 16)))
    assert (primary.stream_row.value, primary.stream_row.observed_at) == (False, ago(1))
    primary, _ = await postgres_side(*primary_series(31, 16, 1, row=()))
    assert (primary.stream_row.value, primary.stream) == (False, ())


async def test_a_dead_exporter_looks_old_not_well():
    primary, _ = await postgres_side(*primary_series(290, 275))
    assert (primary.stream_row.value, primary.stream_row.observed_at) == (True, ago(275))
    assert not primary.stream_row.fresh(NOW, 60)


async def test_without_the_exporter_there_is_no_row_to_speak_of():
    primary, standby = await postgres_side()
    assert primary.stream_row.error == f"{RECOVERY} has no sample"
    assert standby.receiver_up.value is None and standby.in_recovery.value is None


async def test_a_partial_answer_is_no_evidence():
    primary, _ = await postgres_side(*primary_series(1), warnings=("partial",))
    assert not primary.stream_row.fresh(NOW, 60) and not primary.in_recovery.fresh(NOW, 60)


async def test_two_standbys_are_not_guessed_between():
    local = {"pod": "postgres-1", "application_name": "postgres-2"}
    primary, _ = await postgres_side(*primary_series(1), series(DIFF, (1, 0.0), **local), series(LAG, (1, 0.0), **local))
    assert primary.stream_row.value is None
    assert "name the DR standby's application_name in the settings" in primary.stream_row.error
    named = SETTINGS.replication.cnpg.model_copy(update={"application_name": "region-2"})
    config = SETTINGS.model_copy(update={"replication": SETTINGS.replication.model_copy(update={"cnpg": named})})
    primary, _ = await postgres_side(
        *primary_series(1), series(DIFF, (1, 0.0), **local), series(LAG, (1, 0.0), **local), config=config
    )
    assert primary.stream[-1].flush_diff_bytes == 10.0


async def test_of_several_instances_the_leading_pod_counts_when_it_is_known(monkeypatch):
    monkeypatch.setattr("openova_console.watch.collectors.postgres.utc_now", lambda: NOW)
    found = (*primary_series(1), series(RECOVERY, (1, 1.0), pod="postgres-2"))
    unknown, _ = await postgres_side(*found)
    assert unknown.in_recovery.value is None and "the current primary's pod must be known" in unknown.in_recovery.error
    known, _ = await postgres_side(*found, facts=region_facts(active=True))
    assert known.in_recovery.value is False
    stale = region_facts(active=True, postgres_pod=Reading("postgres-1", "text", ago(60), "test"))
    assert (await postgres_side(*found, facts=stale))[0].in_recovery.value is None


async def test_another_cluster_of_the_region_does_not_answer_for_this_one():
    other = series(RECOVERY, (1, 1.0), pod="gitea-postgres-1", namespace="databases")
    primary, _ = await postgres_side(*primary_series(1), other)
    assert primary.in_recovery.value is False


PROBE = {"job": "cross-region", "instance": "10.2.0.11:6443"}
OTHER = {"job": "cross-region", "instance": "10.2.0.12:6443"}


def probes(*rows: tuple[float, bool], labels=PROBE):
    """Success and duration of probes by (age, got through)."""
    return (
        series("probe_success", *((age, float(through)) for age, through in rows), **labels),
        series("probe_duration_seconds", *((age, 0.024 if through else 3.0) for age, through in rows), **labels),
    )


async def link_of(*found, warnings=()):
    collector = LinkCollector(ONE, SETTINGS, SnapshotStore())
    try:
        read = window(*found, warnings=warnings)
        return collector._facts(link_system.facts(read, SETTINGS.link), read)
    finally:
        await collector.close()


HANDSHAKE = series("wireguard_latest_handshake_seconds", (1, (NOW - timedelta(seconds=61)).timestamp()))


async def test_the_link_is_dated_by_its_probes():
    facts = await link_of(*probes((31, True), (16, True), (1, False)), HANDSHAKE)
    assert (facts.rtt_ms.value, facts.rtt_ms.observed_at) == (pytest.approx(24), ago(16))
    assert (facts.loss_percent.value, facts.loss_percent.observed_at) == (pytest.approx(100 / 3), ago(1))
    assert (facts.newest_through.value, facts.newest_through.observed_at) == (False, ago(1))
    assert facts.handshake_age_s.value == pytest.approx(60)
    assert facts.tested_path == "10.2.0.11:6443"


async def test_the_path_that_fares_worst_speaks_for_the_link():
    facts = await link_of(*probes((16, True), (1, True)), *probes((16, True), (1, False), labels=OTHER), HANDSHAKE)
    assert facts.tested_path == OTHER["instance"]
    facts = await link_of(*probes((16, True), (1, True), labels=OTHER), *probes((140, True), (125, True)), HANDSHAKE)
    assert facts.tested_path == PROBE["instance"], "a path that is no longer probed may be gone"
    facts = await link_of(*probes((16, True), (1, True)), series("probe_duration_seconds", (1, 0.02), **OTHER), HANDSHAKE)
    assert facts.loss_percent.value is None


async def test_a_link_without_probes_or_handshake_is_missing():
    facts = await link_of()
    assert facts.loss_percent.error == 'probe_success{job="cross-region"} has no sample'
    assert facts.newest_through.value is None and facts.rtt_ms.value is None
    assert facts.handshake_age_s.error == "wireguard_latest_handshake_seconds has no sample"


async def test_a_handshake_that_never_was_has_no_age():
    facts = await link_of(*probes((1, True)), series("wireguard_latest_handshake_seconds", (1, 0.0), friendly_name="r2"))
    assert facts.handshake_age_s.error == "there never was a handshake with r2"


async def test_a_partial_answer_about_the_link_is_not_whole():
    facts = await link_of(*probes((1, True)), HANDSHAKE, warnings=("partial",))
    for reading in (facts.rtt_ms, facts.loss_percent, facts.newest_through, facts.handshake_age_s):
        assert reading.completeness == "partial"


INFO = (
    b"role:master\r\nconnected_slaves:2\r\nmaster_replid:" + b"a" * 40 + b"\r\nmaster_repl_offset:176\r\n"
    b"slave0:ip=10.1.0.9,port=6379,state=online,offset=176,lag=0\r\n"
    b"slave1:ip=10.2.0.9,port=6379,state=online,offset=106,lag=40\r\n"
)


def test_of_several_replicas_the_one_that_is_worst_off_counts():
    info = valkey.parse(INFO, "Region 1's Valkey")
    assert (_primary(info).replica_ack_age_s, _primary(info).replica_state) == (40.0, "online")
    syncing = replace(info, replicas=(info.replicas[0], replace(info.replicas[1], state="wait_bgsave", lag_s=0)))
    assert _primary(syncing).replica_state == "wait_bgsave"
    assert _primary(replace(info, replicas=())).replica_ack_age_s is None
    assert (_replica(info).role, _replica(info).link_up) == ("master", None)


def test_a_replicas_own_silence_is_kept():
    answer = (
        b"role:slave\r\nmaster_host:10.1.0.9\r\nmaster_port:6379\r\nmaster_link_status:up\r\nmaster_last_io_seconds_ago:4\r\n"
        b"master_sync_in_progress:0\r\nslave_repl_offset:106\r\nmaster_replid:" + b"a" * 40 + b"\r\nmaster_repl_offset:106\r\n"
    )
    end = _replica(valkey.parse(answer, "Region 2's Valkey"))
    assert (end.role, end.offset, end.link_up, end.heard_s, end.down_since_s) == ("slave", 106, True, 4.0, None)


async def test_one_poll_of_a_witness_asks_the_control_and_fresh_labels_about_each_region(monkeypatch):
    asked = []

    async def answer(resolver, questions, **_):
        from openova_console.systems.dns import DnsAnswer
        from tests.support.factories import exchange

        asked.extend(name for name, _ in questions)
        dead = [name.endswith("region-1.example") for name, _ in questions]
        return [
            DnsAnswer("servfail" if d else "answer", (22,) if d else (), None, (), 8.0, "", exchange(name))
            for d, (name, _) in zip(dead, questions, strict=True)
        ]

    monkeypatch.setattr("openova_console.watch.collectors.witnesses.ask_together", answer)
    snapshots = SnapshotStore()
    resolver = SETTINGS.witnesses.resolvers[0]
    await WitnessCollector(resolver, SETTINGS, snapshots).read()
    found = snapshots.current.witnesses
    assert {key: facts.ballot.vote.value for key, facts in found.items()} == {
        ("region-1", "Google"): "unreachable",
        ("region-2", "Google"): "reachable",
    }
    assert asked.count("example.com") == 1
    assert len(set(asked)) == len(asked) == 7, "no label is asked twice"
    assert snapshots.current.version == 1
    assert "witness/region-1/Google" in snapshots.current.traces

"""The board: what the overview says, judged from whole snapshots."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.witnesses import Finding, Outcome, Round
from openova_console.handbook.words import Judgement, Verdict
from openova_console.watch.board import Board, judge, objective
from openova_console.watch.board.alarms import alarms
from openova_console.watch.snapshot import PostgresPrimary, PostgresStandby, Snapshot
from tests.support.factories import (
    NOW,
    aged,
    link_facts,
    missing,
    primary_end,
    reading,
    region,
    region_facts,
    replica_end,
    settings,
    snapshot,
    untimed,
    witnesses,
)

BOTH = settings()
GONE = "Region 1's Kubernetes API stopped answering"
DEAD = (Outcome.SERVFAIL, Outcome.TIMEOUT, Outcome.SERVFAIL)
NOBODY = (Outcome.TIMEOUT,) * 3
CUT_OFF = Round(Outcome.TIMEOUT)


def board(found: Snapshot | None = None, **changes) -> Board:
    return judge(found or snapshot(**changes), BOTH, NOW)


def titles(found: Board) -> list[tuple[Verdict, str]]:
    return [(a.verdict, a.title) for a in found.alarms]


def row(found: Board, service: Service):
    return next(r for r in found.replication if r.promise.service is service)


def everything(found: Board) -> list[Verdict]:
    """Every verdict that the page shows for what is measured."""
    measured = [r.assessment.judgement.verdict for r in found.replication if r.measured]
    rest = [found.activity.judgement.verdict, *(r.judgement.verdict for r in found.links)]
    return [*measured, *rest, *(r.verdict for r in found.regions), *(r.quorum.judgement.verdict for r in found.witnesses)]


def unread(region_id: str, *, active: bool, **changes):
    """A region whose API stopped answering a minute ago."""
    old = aged(region_facts(active=active), 60)
    return replace(old, evidence=replace(old.evidence, api=reading(False, error=GONE), **changes))


def region_1_down() -> Snapshot:
    """As seen from Region 2 a minute later: nothing of Region 1 is fresh, its witnesses get nothing."""
    well = snapshot()
    primaries = well.postgres_primary | {"region-1": aged(well.postgres_primary["region-1"], 70)}
    standbys = well.postgres_standby | {
        "region-2": replace(well.postgres_standby["region-2"], receiver_up=reading(False)),
    }
    return snapshot(
        regions=well.regions | {"region-1": unread("region-1", active=True)},
        links={
            "region-1": aged(link_facts(), 100),
            "region-2": link_facts(loss_percent=reading(100.0), newest_through=reading(False)),
        },
        witnesses=witnesses("region-1", *DEAD) | witnesses("region-2"),
        postgres_primary=primaries,
        postgres_standby=standbys,
        valkey_primary=well.valkey_primary | {"region-1": reading(primary_end(), age_s=40)},
        valkey_replica=well.valkey_replica | {"region-2": reading(replica_end(link_up=False, down_since_s=50.0, heard_s=None))},
    )


def test_before_anything_was_read_everything_is_unknown_and_nothing_else():
    found = board(Snapshot())
    assert set(everything(found)) == {Verdict.UNKNOWN}
    assert [r.headline for r in found.regions] == ["Nothing was read yet"] * 2
    assert found.links[0].judgement.sentence == "Not known, nothing was read yet"
    assert found.witnesses[0].quorum.judgement.sentence == "Not known, no witness was asked yet"
    assert row(found, Service.CNPG).assessment.judgement.sentence == "Not known, standby's role: nothing was read yet"
    assert titles(found)[:2] == [(Verdict.UNKNOWN, "Region 1"), (Verdict.UNKNOWN, "Region 2")]


def test_a_healthy_platform_has_no_alarm():
    found = board()
    assert found.alarms == ()
    assert set(everything(found)) == {Verdict.OK}
    assert found.activity.judgement.sentence == "Region 1 is active"
    assert [r.direction for r in found.replication][:1] == ["Region 1 → Region 2"]
    assert [r.direction for r in found.replication][-1:] == ["Region 1 ⇄ Region 2"]
    assert found.source.id == "region-1"


def test_services_that_are_not_read_are_neither_green_nor_alarming():
    found = board()
    unmeasured = [r for r in found.replication if not r.measured]
    assert len(unmeasured) == 6
    for row in unmeasured:
        assert row.assessment.judgement.verdict is Verdict.UNKNOWN
        assert row.assessment.judgement.sentence.startswith("Not configured: add regions[].")
    assert found.worst_replication.promise.service is Service.CNPG


def test_region_1_down_seen_from_region_2():
    found = board(region_1_down())
    assert titles(found) == [
        (Verdict.BREACH, "Region 1 is down"),
        (Verdict.BREACH, "Link from Region 2"),
        (Verdict.UNKNOWN, "Active region"),
        (Verdict.UNKNOWN, "CNPG (Postgres) replication"),
        (Verdict.UNKNOWN, "Valkey replication"),
        (Verdict.UNKNOWN, "Link from Region 1"),
    ]
    assert found.alarms[0].sentence == "3 of 3 agree that Region 1 is unreachable"
    assert found.activity.judgement.sentence == "Not known who accepts writes: no fresh word from Region 1"
    assert row(found, Service.CNPG).assessment.judgement.sentence == (
        "Not known, primary's view: the last sample is 71 s old, the limit is 60 s"
    )


def test_partition_the_region_is_cut_off_from_here_but_not_down():
    found = board(replace(region_1_down(), witnesses=witnesses("region-1") | witnesses("region-2")))
    assert (Verdict.UNKNOWN, "Region 1 is cut off from here, but witnesses reach it") in titles(found)
    assert not any("is down" in title for _, title in titles(found))
    assert next(a for a in found.alarms if a.title.startswith("Region 1")).sentence == f"Region 1 does not answer: {GONE}"


def test_isolated_it_is_we_who_are_cut_off():
    silent = witnesses("region-1", *NOBODY, control=CUT_OFF) | witnesses("region-2", *NOBODY, control=CUT_OFF)
    found = board(replace(region_1_down(), witnesses=silent))
    assert {w.quorum.finding for w in found.witnesses} == {Finding.ISOLATED}
    assert (Verdict.UNKNOWN, "Region 2 may be cut off") in titles(found)
    assert (Verdict.UNKNOWN, "Region 1 does not answer") in titles(found)
    assert not any("is down" in title for _, title in titles(found))
    assert next(a for a in found.alarms if "cut off" in a.title).sentence == (
        "No witness answers, not even for its control name: judge nothing from here, look from the other region"
    )


@pytest.mark.parametrize("outcome", [Outcome.NXDOMAIN, Outcome.SERVFAIL, Outcome.REFUSED])
def test_a_control_name_that_does_not_work_is_not_isolation(outcome):
    """Every witness was reached and said something: the setting is wrong, or its zone is; we are not cut off."""
    useless = witnesses("region-1", control=Round(outcome)) | witnesses("region-2", control=Round(outcome))
    found = board(witnesses=useless)
    assert {w.quorum.finding for w in found.witnesses} == {Finding.NO_QUORUM}
    assert {w.quorum.judgement.verdict for w in found.witnesses} == {Verdict.UNKNOWN}


def test_witnesses_that_cannot_reach_a_region_whose_api_answers_do_not_make_it_down():
    found = board(witnesses=witnesses("region-1", *DEAD) | witnesses("region-2"))
    assert titles(found) == [(Verdict.BREACH, "Witnesses cannot reach Region 1, but its API answers here")]
    regions = snapshot().regions | {"region-1": region_facts(active=True, nodes_ready=reading(2))}
    found = board(witnesses=witnesses("region-1", *DEAD) | witnesses("region-2"), regions=regions)
    assert (Verdict.WARN, "Region 1") in titles(found)


def test_witnesses_that_cannot_reach_a_region_that_we_could_not_ask_do_not_make_it_down():
    refused = region_facts(active=True, api=missing("Region 1's Kubernetes API does not accept the console's credentials (401)"))
    found = board(
        witnesses=witnesses("region-1", *DEAD) | witnesses("region-2"), regions=snapshot().regions | {"region-1": refused}
    )
    assert titles(found)[0] == (Verdict.BREACH, "Witnesses cannot reach Region 1")
    assert (Verdict.UNKNOWN, "Region 1") in titles(found)


def test_both_active_tops_everything():
    found = board(regions={"region-1": region_facts(active=True), "region-2": region_facts(active=True, nodes_ready=reading(0))})
    assert titles(found)[0] == (Verdict.BREACH, "Both regions are active")
    assert found.alarms[0].sentence.startswith("Both regions accept writes (Region 1 and Region 2)")
    assert found.source.id == "region-1"


def test_no_region_active():
    found = board(regions={"region-1": region_facts(active=False), "region-2": region_facts(active=False)})
    assert titles(found)[0] == (Verdict.BREACH, "No region is active")


def test_roles_swapped_turns_the_rows_round():
    found = board(snapshot(active="region-2"))
    assert titles(found) == [(Verdict.WARN, "Active region")]
    assert found.alarms[0].sentence == "Region 2 is active; Region 1 is the intended primary"
    assert found.source.id == "region-2"
    assert [row(found, s).direction for s in (Service.CNPG, Service.VALKEY)] == ["Region 2 → Region 1"] * 2
    assert row(found, Service.CNPG).traces == ("postgres/region-2", "postgres/region-1")
    assert {row(found, s).assessment.judgement.verdict for s in (Service.CNPG, Service.VALKEY)} == {Verdict.OK}


def test_roles_swapped_and_one_of_them_unread_is_judged_as_intended_and_not_green():
    swapped = snapshot(active="region-2")
    found = board(replace(swapped, regions=swapped.regions | {"region-1": unread("region-1", active=False)}))
    assert found.source.id == "region-1"
    assert row(found, Service.CNPG).assessment.judgement.verdict is Verdict.BREACH


@pytest.mark.parametrize("seconds", [91, 3600, -3600])
def test_when_everything_is_stale_nothing_is_green_and_nobody_is_called_dead(seconds):
    found = board(aged(snapshot(), seconds))
    assert set(everything(found)) == {Verdict.UNKNOWN}
    assert {title for _, title in titles(found) if title.startswith("Region")} == {"Region 1", "Region 2"}
    assert found.regions[0].active is None


def test_data_turn_unknown_by_themselves_at_their_budget():
    found = snapshot()
    fresh = BOTH.freshness
    times = {fresh.valkey_s: Service.VALKEY, fresh.replication_s: Service.CNPG}
    for budget, service in times.items():
        before, after = aged(found, budget - 1), aged(found, budget)
        assert row(board(before), service).assessment.judgement.verdict is Verdict.OK
        assert row(board(after), service).assessment.judgement.verdict is Verdict.UNKNOWN


def test_one_region_has_nothing_to_fail_over_to():
    alone = settings(looks_from="region-1", regions=[region("region-1", "primary")])
    found = judge(snapshot(), alone, NOW)
    assert {r.assessment.judgement.sentence for r in found.replication} == {"There is one region: nothing to fail over to"}
    assert not any(r.measured for r in found.replication)
    assert (found.links, found.worst_replication, found.alarms) == ((), None, ())
    assert found.activity.judgement.sentence == "Region 1 is active"


def test_parts_that_are_not_configured_say_so_and_are_not_green():
    bare = {"prometheus": None, "valkey": None, "probe_zone": None}
    found = judge(
        snapshot(links={}), settings(regions=[region("region-1", "primary", **bare), region("region-2", "dr", **bare)]), NOW
    )
    assert row(found, Service.CNPG).assessment.judgement.sentence == "Not configured: add regions[].prometheus to the settings"
    assert row(found, Service.VALKEY).assessment.judgement.sentence == "Not configured: add regions[].valkey to the settings"
    assert {r.assessment.judgement.verdict for r in found.replication} == {Verdict.UNKNOWN}
    assert found.links[0].judgement.sentence == "Not known, no Prometheus is configured for Region 1"
    assert {w.quorum.judgement.verdict for w in found.witnesses} == {Verdict.UNKNOWN}
    assert found.witnesses[0].quorum.judgement.sentence == "Not configured: add probe_zone to Region 1 in the settings"


def test_old_votes_are_not_counted():
    mixed = witnesses("region-1", *DEAD)
    mixed[("region-1", "Google")] = aged(mixed[("region-1", "Google")], 100)
    mixed[("region-1", "Cloudflare")] = aged(mixed[("region-1", "Cloudflare")], 100)
    quorum = board(witnesses=mixed | witnesses("region-2")).witnesses[0].quorum
    assert (quorum.finding, quorum.unreachable, quorum.abstaining) == (Finding.NO_QUORUM, 1, 2)
    all_old = aged(witnesses("region-1"), 100)
    assert board(witnesses=all_old).witnesses[0].quorum.judgement.sentence == "Not known, the last answers are 1 min 45 s old"


def test_alarms_come_worst_first():
    order = [Verdict.BREACH, Verdict.UNKNOWN, Verdict.WARN]
    wrong = replace(
        region_1_down(),
        regions={
            "region-1": region_facts(active=True, certificates_due=reading(1)),
            "region-2": region_facts(active=True, nodes_ready=reading(0)),
        },
    )
    ranks = [order.index(a.verdict) for a in board(wrong).alarms]
    assert ranks == sorted(ranks)
    assert set(ranks) == {0, 1, 2}


def test_every_service_has_its_objective():
    goals = {service: (objective(BOTH, service).warn_s, objective(BOTH, service).breach_s) for service in Service}
    assert goals[Service.CNPG] == (5, 30)
    assert goals[Service.GITEA] == (60, 600)
    assert len(goals) == 8


def _lost(found: Snapshot, path: tuple) -> Snapshot:
    """The snapshot without one reading."""

    def without(part, rest):
        name, *deeper = rest
        if isinstance(part, dict):
            return {**part, name: without(part[name], deeper) if deeper else missing()}
        return replace(part, **{name: without(getattr(part, name), deeper) if deeper else missing()})

    return without(found, list(path))


NEEDED = [
    *(("regions", r, "evidence", f.name) for r in ("region-1", "region-2") for f in fields(region_facts(active=True).evidence)
      if f.name not in ("flux_findings", "failed_backup")),
    *(("links", r, name) for r in ("region-1", "region-2") for name in ("rtt_ms", "loss_percent", "newest_through")),
    *(("postgres_primary", "region-1", name) for name in ("stream_row", "in_recovery")),
    *(("postgres_standby", "region-2", name) for name in ("in_recovery", "receiver_up")),
    ("valkey_primary", "region-1"),
    ("valkey_replica", "region-2"),
]  # fmt: skip


@pytest.mark.parametrize("path", NEEDED, ids=lambda path: ".".join(path))
def test_each_reading_that_is_lost_raises_an_alarm(path):
    found = board(_lost(snapshot(), path))
    assert Verdict.UNKNOWN in everything(found)
    assert any(a.verdict is Verdict.UNKNOWN for a in found.alarms)


@untimed
@given(
    st.lists(st.sampled_from(NEEDED), max_size=4), st.sampled_from([0, 40, 70, 100]), st.sampled_from(["well", "down", "swapped"])
)
def test_calm_means_that_every_verdict_is_ok(lost, seconds, case):
    found = {"well": snapshot(), "down": region_1_down(), "swapped": snapshot(active="region-2")}[case]
    for path in lost:
        found = _lost(found, path)
    judged = board(aged(found, seconds))
    assert (judged.alarms == ()) == (set(everything(judged)) == {Verdict.OK})
    assert all(a.title and a.sentence for a in judged.alarms)
    assert (judged.alarms == ()) == (not lost and seconds == 0 and case == "well")


def test_the_sides_of_other_regions_are_never_mixed_up():
    """Each region's Prometheus also has series of the side that it is not: they must not answer for the other region."""
    found = snapshot()
    lies = PostgresPrimary((), reading(False), reading(True), reading(0.0))
    standby = PostgresStandby(reading(True), reading(True), reading(0.0))
    same = replace(
        found,
        postgres_primary={**found.postgres_primary, "region-2": lies},
        postgres_standby={**found.postgres_standby, "region-1": standby},
    )
    assert row(board(same), Service.CNPG).assessment == row(board(found), Service.CNPG).assessment


def test_many_services_that_are_not_known_are_one_line():
    rows = [
        replace(row, measured=True, assessment=Assessment(Judgement.unknown("No sample")))
        for row in board().replication
        if row.promise.service not in (Service.CNPG, Service.VALKEY)
    ]
    two, six = alarms_of(rows[:2]), alarms_of(rows)
    assert [a.title for a in two] == ["MongoDB replication", "Redpanda replication"]
    assert [a.title for a in six] == ["Replication of 6 services is not known"]
    assert six[0].sentence == "MongoDB, Redpanda, MinIO, Harbor, Vault and Gitea. MongoDB: No sample"


def test_the_board_says_what_would_be_lost_and_what_nobody_measures():
    found = board()
    assert found.loss.sentence.startswith("If Region 1 died now: up to ")
    assert found.loss.known == 2
    assert [row.name for row in found.uncovered] == ["Keycloak", "Grafana", "Backstage"]


def alarms_of(rows):
    found = board()
    return alarms(found.regions, found.activity, found.links, found.witnesses, rows, settings())


def test_an_api_that_does_not_answer_over_a_link_that_works_is_not_called_cut_off():
    silent = replace(region_facts(active=True).evidence, api=reading(False, error="it stopped answering"))
    facts = {"region-1": replace(region_facts(active=True), evidence=silent), "region-2": region_facts(active=False)}
    found = [alarm.title for alarm in board(snapshot(regions=facts)).alarms]
    assert "Region 1's Kubernetes API does not answer" in found
    here = {"region-1": region_facts(active=True), "region-2": replace(region_facts(active=False), evidence=silent)}
    titles_here = [alarm.title for alarm in board(snapshot(regions=here)).alarms]
    assert "Region 2's Kubernetes API does not answer" in titles_here
    assert not [title for title in (*found, *titles_here) if "cut off" in title]

"""What the watch knows, as evidence: the class of every item, the last readings of a region that is gone, and who is cut off."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.replication import Assessment, Service
from openova_console.handbook.vault import VaultEvidence, VaultState
from openova_console.handbook.witnesses import Outcome, Round
from openova_console.handbook.words import Judgement, Verdict
from openova_console.operations.evidence import Evidence, Freshness, Item
from openova_console.operations.guards import CATALOGUE
from openova_console.operations.words import Answer
from openova_console.operations.world import LastLoss, items_of
from openova_console.settings import HttpEndpoint
from openova_console.systems.cnpg import PromotionToken, cluster
from openova_console.systems.lease import LeaseFacts
from openova_console.watch.board import Board, judge
from openova_console.watch.snapshot import CollectorHealth, Snapshot
from tests.support.factories import (
    NOW,
    aged,
    ago,
    missing,
    reading,
    region,
    region_facts,
    settings,
    snapshot,
    untimed,
    witnesses,
)
from tests.support.guard_worlds import PLANNED, R1, R2, UNPLANNED

GONE = "Region 1's Kubernetes API stopped answering"
DEAD = (Outcome.SERVFAIL, Outcome.TIMEOUT, Outcome.SERVFAIL)
VAULT = HttpEndpoint(url="http://vault.test")
BOTH = settings(regions=(region(R1, "primary", vault=VAULT), region(R2, "dr", vault=VAULT)))
ROLE = ("distinct-verbs", "witness-quorum", "not-isolated", "both-active", "one-region-on", "one-writer", "role-unambiguous")


def well(**changes: Any) -> Snapshot:
    """Everything healthy, vaults and databases included."""
    item = {"metadata": {"namespace": "databases", "name": "postgres"}, "spec": {"instances": 3}}
    clusters = {("databases", "postgres"): cluster(item, source="test")}
    parts: dict[str, Any] = {
        "vault": {r: VaultEvidence(reading(VaultState.ACTIVE)) for r in (R1, R2)},
        "kube": {(r, part): reading(value) for r in (R1, R2) for part, value in (("clusters", clusters), ("canaries", {}))},
    }
    return snapshot(**(parts | changes))


def gone(**changes: Any) -> Snapshot:
    """Region 1 stopped answering a minute ago, and nobody reaches it. Region 2's copy of the lease has run out."""
    held = LeaseFacts(R1, ago(63), ago(9000), 30.0, 2)
    old = replace(aged(region_facts(active=True), 60), lease=reading(held, age_s=61))
    dark = replace(old, evidence=replace(old.evidence, api=reading(False, error=GONE)))
    here = region_facts(active=False, lease=reading(LeaseFacts(R1, ago(60), ago(9000), 30.0, 2)))
    parts: dict[str, Any] = {
        "regions": {R1: dark, R2: here},
        "witnesses": witnesses(R1, *DEAD) | witnesses(R2),
        "collectors": {f"kubernetes/{R1}": CollectorHealth(10.0, down_since=ago(50), error=GONE)},
    }
    return well(**(parts | changes))


def items(found: Snapshot, last: LastLoss | None = None, *, looks_from: str = R2) -> dict[str, Item]:
    configured = settings(looks_from=looks_from, regions=BOTH.regions)
    return items_of(judge(found, configured, NOW), found, configured, NOW, last)


def seen(board: Board, *, lag_s: float = 2.0, age_s: float = 70) -> Board:
    """The board with every service measured this long ago."""
    known = Assessment(Judgement.ok("Streaming"), lag_s, 1000.0, True, ago(age_s))
    return replace(board, replication=tuple(replace(row, assessment=known) for row in board.replication))


def memory(*, lag_s: float = 2.0, age_s: float = 70) -> LastLoss:
    """What was seen before contact was lost."""
    last = LastLoss(BOTH.freshness.kubernetes_s)
    last.see(seen(judge(well(), BOTH, NOW), lag_s=lag_s, age_s=age_s))
    return last


def with_region(found: Snapshot, region_id: str, **changes: Any) -> Snapshot:
    return replace(found, regions={**found.regions, region_id: replace(found.regions[region_id], **changes)})


def refused(subject: Any, found: Mapping[str, Item], ids: tuple[str, ...] = ROLE) -> dict[str, Answer]:
    evidence = Evidence(at=NOW, items={**found})
    rulings = {id_: CATALOGUE[id_].judge(subject, evidence).answer for id_ in ids}
    return {id_: answer for id_, answer in rulings.items() if answer is not Answer.ALLOW}


def test_of_a_healthy_platform_everything_is_fresh():
    found = items(well())
    kept = [
        key for key in found if key.startswith(("region.", "quorum.", "activity", "controller", "isolated", "regions", "budget"))
    ]
    assert {key: item.sentence for key, item in found.items() if key in kept and not item.known} == {}
    assert found["regions"].value == [R1, R2]
    assert found["activity"].value == {"word": "one", "active": [R1]}
    assert found[f"region.{R1}.lease"].value["transitions"] == 2
    assert refused(PLANNED, found) == {}


def test_before_the_first_read_everything_of_the_platform_is_unknown():
    found = items(Snapshot())
    assert {key for key, item in found.items() if item.known} == {"regions", "budget"}
    assert set(refused(PLANNED, found)) == set(refused(UNPLANNED, found)) == set(ROLE)


def test_every_item_is_plain_json():
    for found in (items(well()), items(gone(), memory()), items(Snapshot())):
        json.dumps({key: item.model_dump(mode="json") for key, item in found.items()})


def test_old_readings_of_a_region_that_does_not_answer_are_the_last_ones():
    found = items(gone(), memory())
    assert found[f"region.{R1}.api"].known and found[f"region.{R1}.api"].value is False
    for part in ("active", "flux", "nodes", "backup", "lease"):
        item = found[f"region.{R1}.{part}"]
        assert item.freshness is Freshness.LAST and not item.known, part
        assert item.sentence == "as last read, 61 s ago, before contact was lost"
    assert found["activity"].freshness is Freshness.LAST
    assert refused(UNPLANNED, found, (*ROLE, "lease-run-out", "failover-controller")) == {}
    assert "distinct-verbs" in refused(PLANNED, found)


def test_old_readings_of_a_region_of_which_it_is_not_known_whether_it_answers_are_stale():
    old = aged(region_facts(active=True), 60)
    refusing = replace(old, evidence=replace(old.evidence, api=missing("401 Unauthorized")))
    found = items(gone(regions={R1: refusing, R2: region_facts(active=False)}), memory())
    assert found[f"region.{R1}.active"].freshness is Freshness.STALE
    assert not any(item.freshness is Freshness.LAST for item in found.values())
    assert {"distinct-verbs", "both-active", "one-writer"} <= set(refused(UNPLANNED, found))


@pytest.mark.parametrize(
    "active", [missing("nothing was read yet"), reading(True, age_s=-60), reading(True, completeness="partial")]
)
def test_what_was_no_good_reading_before_is_no_last_reading_either(active):
    found = gone()
    dark = replace(found.regions[R1].evidence, active=active)
    assert items(with_region(found, R1, evidence=dark))[f"region.{R1}.active"].freshness in (Freshness.UNKNOWN, Freshness.STALE)


def test_the_last_loss_counts_until_contact_was_lost_and_says_its_age():
    item = items(gone(), memory(lag_s=2.0, age_s=70))["replication.cnpg"]
    assert item.freshness is Freshness.LAST
    assert item.value["loss_s"] == 22.0 and item.value["band"] == "up to 30 s"
    assert "70 s ago" in item.sentence and "later writes are not counted" in item.sentence


def test_the_loss_in_all_is_the_longest_and_not_known_while_one_service_is_not():
    whole = items(gone(), memory())
    assert whole["loss"].freshness is Freshness.LAST and whole["loss"].value["band"] == "up to 30 s"
    assert not items(gone())["loss"].value
    assert not items(well())["loss"].known


def test_a_console_that_was_started_after_contact_was_lost_knows_no_loss():
    last = LastLoss(BOTH.freshness.kubernetes_s)
    last.see(seen(judge(gone(), BOTH, NOW)))
    assert last.of(R1, Service.CNPG) is None
    assert refused(UNPLANNED, items(gone(), last), ("loss-accepted",)) == {"loss-accepted": Answer.HOLD}


def test_an_unknown_loss_does_not_wipe_out_the_one_before():
    last = memory()
    board = judge(well(), BOTH, NOW)
    nothing = Assessment(Judgement.unknown("no sample"), None)
    last.see(replace(board, replication=tuple(replace(row, assessment=nothing) for row in board.replication)))
    kept = last.of(R1, Service.CNPG)
    assert kept is not None and kept.lag_s == 2.0 and kept.verdict is Verdict.OK


def test_the_last_loss_is_not_used_while_the_primary_answers():
    found = items(well(), memory())
    assert not any(item.freshness is Freshness.LAST for item in found.values())


def test_both_active_is_seen():
    found = items(well(regions={R1: region_facts(active=True), R2: region_facts(active=True)}))
    assert found["activity"].value["word"] == "both"
    assert refused(PLANNED, found, ("both-active",)) == {"both-active": Answer.BLOCK}


def test_a_witness_that_is_silent_makes_no_quorum_smaller():
    one = {key: vote for key, vote in witnesses(R1, *DEAD).items() if key[1] == "Google"}
    found = items(gone(witnesses=one | witnesses(R2)))
    assert found[f"quorum.{R1}"].value["finding"] == "no quorum"
    assert refused(UNPLANNED, found, ("witness-quorum",)) == {"witness-quorum": Answer.HOLD}


def test_old_votes_are_no_votes():
    found = items(gone(witnesses=witnesses(R1, *DEAD, age_s=600) | witnesses(R2, age_s=600)))
    assert not found[f"quorum.{R1}"].known and not found["isolated"].known


def test_a_console_whose_witnesses_do_not_even_answer_their_control_name_is_cut_off():
    nobody = (Outcome.TIMEOUT,) * 3
    silent = Round(Outcome.TIMEOUT)
    found = items(gone(witnesses=witnesses(R1, *nobody, control=silent) | witnesses(R2, *nobody, control=silent)))
    assert found["isolated"].value is True
    assert refused(UNPLANNED, found, ("not-isolated",)) == {"not-isolated": Answer.BLOCK}


def test_a_console_whose_own_region_nobody_reaches_is_cut_off_when_the_other_does_not_answer_it():
    found = items(gone(witnesses=witnesses(R1, *DEAD) | witnesses(R2, *DEAD)))
    assert found["isolated"].value is True
    assert items(well(witnesses=witnesses(R1) | witnesses(R2, *DEAD)))["isolated"].value is False


def test_a_cut_between_the_regions_enables_nothing_unplanned():
    found = items(gone(witnesses=witnesses(R1) | witnesses(R2)), memory())
    assert refused(UNPLANNED, found, ("witness-quorum",)) == {"witness-quorum": Answer.BLOCK}


@pytest.mark.parametrize(
    ("state", "usable"), [(VaultState.STANDBY, True), (VaultState.SEALED, False), (VaultState.REMOVED, False)]
)
def test_a_vault_is_usable_by_what_it_says_of_itself(state, usable):
    found = items(well(vault={R2: VaultEvidence(reading(state))}))
    assert found[f"region.{R2}.vault"].value == {"state": state.value, "usable": usable}
    assert not found[f"region.{R1}.vault"].known


def test_no_lease_is_known_only_while_the_api_answers():
    none = with_region(well(), R2, lease=missing("no Lease"))
    assert items(none)[f"region.{R2}.lease"].value == {"installed": False, "holder": ""}
    dark = replace(none.regions[R2].evidence, api=reading(False, error="no answer"))
    assert not items(with_region(none, R2, evidence=dark))[f"region.{R2}.lease"].known
    assert not items(with_region(well(), R2, lease=missing("403 Forbidden")))[f"region.{R2}.lease"].known


@pytest.mark.parametrize(
    ("renewed_s", "duration_s", "running"), [(3, 30.0, True), (31, 30.0, False), (3, None, None), (-60, 30.0, None)]
)
def test_the_failover_controller_is_at_work_while_it_renews_a_lease(renewed_s, duration_s, running):
    lease = reading(LeaseFacts(R1, ago(renewed_s), ago(9000), duration_s, 2))
    found = with_region(with_region(well(), R1, lease=lease), R2, lease=lease)
    item = items(found)["controller"]
    assert (item.value["running"] if item.known else None) is running


@pytest.mark.parametrize(
    ("replica", "used", "lies"),
    [
        (None, "", PromotionToken.NONE),
        ({"primary": "a"}, "old", PromotionToken.NONE),
        ({"promotionToken": "t"}, "", PromotionToken.WAITING),
        ({"promotionToken": "t"}, "older", PromotionToken.WAITING),
        ({"promotionToken": "t"}, "t", PromotionToken.USED),
    ],
)
def test_a_promotion_token_is_told_and_never_kept(replica, used, lies):
    spec = {"instances": 3} | ({"replica": replica} if replica else {})
    document = {"metadata": {"namespace": "databases", "name": "postgres"}, "spec": spec, "status": {"lastPromotionToken": used}}
    facts = cluster(document, source="test")
    assert facts.promotion_token is lies
    found = well(kube={(R2, "clusters"): reading({("databases", "postgres"): facts})})
    assert items(found)[f"region.{R2}.tokens"].value == {"databases/postgres": lies.value}


PARTS = sorted(f.name for f in fields(Snapshot) if isinstance(getattr(well(), f.name), Mapping) and getattr(gone(), f.name))


@untimed
@given(
    found=st.sampled_from([well, gone]),
    subject=st.sampled_from([PLANNED, UNPLANNED]),
    lost=st.lists(st.tuples(st.sampled_from(PARTS), st.integers(0, 5), st.sampled_from([0, 40, 100, 10_000])), max_size=4),
)
def test_a_source_that_is_silent_or_late_never_allows_what_was_refused(found, subject, lost):
    """An age of 0 takes an entry away; others let it grow old. Leases are left out: they run out by age, as they should."""
    before = found()
    after = before
    for part, index, age_s in lost:
        entries = dict(getattr(after, part))
        key = sorted(entries, key=str)[index % len(entries)] if entries else None
        if key is None:
            continue
        if age_s == 0 or part == "collectors":
            del entries[key]
        else:
            entries[key] = aged(entries[key], age_s)
        after = replace(after, **{part: entries})
    ids = tuple(id_ for id_ in CATALOGUE if id_ not in ("lease-run-out", "failover-controller"))
    assert set(refused(subject, items(before, memory()), ids)) <= set(refused(subject, items(after, memory()), ids))


def test_time_alone_makes_everything_unknown():
    later = NOW + timedelta(days=2)
    found = items_of(judge(well(), BOTH, later), well(), BOTH, later)
    assert {key for key, item in found.items() if item.known} == {"regions", "budget"}

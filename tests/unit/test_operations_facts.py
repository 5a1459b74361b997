"""Decision facts: better or equal is no drift; worse, another, or no longer known is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.witnesses import Finding
from openova_console.operations.evidence import Evidence, Item, unknown
from openova_console.operations.facts import BANDS_S, HOLDER_FACTS, Fact, band, drift
from openova_console.operations.platform_facts import lease_facts, loss_facts, quorum_facts, role_facts
from tests.support.factories import NOW, untimed
from tests.support.guard_worlds import CALM, GONE, R1, R2, last, lease, path, quorum, said

VALUES = st.text("abc", min_size=1, max_size=2)
RANKED = st.integers(0, 5).map(lambda rank: Fact(value=f"v{rank}", rank=rank))
BARE = VALUES.map(lambda value: Fact(value=value))
FACTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.one_of(RANKED, BARE))


def evidence(**changes: Item) -> Evidence:
    return Evidence(at=NOW, items={**CALM, **{key.replace("__", ".").replace("_", "-"): item for key, item in changes.items()}})


@given(FACTS)
def test_what_stays_has_not_moved(facts):
    assert drift(facts, dict(facts)) == ()


@given(RANKED, RANKED)
def test_of_ranked_facts_only_a_worse_one_moves(before, after):
    assert bool(drift({"x": before}, {"x": after})) is ((after.rank or 0) > (before.rank or 0))


@given(BARE, BARE)
def test_without_a_rank_any_change_moves(before, after):
    assert bool(drift({"x": before}, {"x": after})) is (before.value != after.value)


@given(before=FACTS, gone=st.sampled_from(["a", "b", "c"]))
def test_a_fact_that_is_no_longer_known_has_moved_and_is_named(before, gone):
    after = {key: fact for key, fact in before.items() if key != gone}
    moved = drift(before, after)
    assert [m.key for m in moved] == ([gone] if gone in before else [])
    assert all(m.sentence == f"{gone} was {before[gone].value} and is now not known" for m in moved)


@given(st.one_of(RANKED, BARE))
def test_a_new_fact_moves_unless_it_is_the_best(fact):
    assert bool(drift({}, {"x": fact})) is (fact.rank != 0)


@untimed
@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_band_never_understates_and_grows_with_the_loss(one, two):
    low, high = sorted((one, two))
    assert (band(low).rank or 0) <= (band(high).rank or 0)
    rank = band(low).rank or 0
    assert rank == len(BANDS_S) or low <= BANDS_S[rank]


@pytest.mark.parametrize("end", BANDS_S)
def test_the_end_of_a_band_belongs_to_it(end):
    assert band(end).value == f"up to {end:g} s"
    assert band(math.nextafter(end, math.inf)).value != f"up to {end:g} s"


@pytest.mark.parametrize("loss", [math.inf, math.nan])
def test_a_loss_that_is_no_figure_is_the_worst_band(loss):
    assert band(loss).value == "more than a day"


def test_a_standby_that_becomes_active_moves_and_one_that_stops_does_not():
    standby, active = (role_facts(evidence(**{f"region__{R1}__active": said(role)}), [R1]) for role in (False, True))
    assert [m.sentence for m in drift(standby, active)] == [f"role of {R1} was standby and is now active"]
    assert drift(active, standby) == ()


def test_where_the_role_itself_is_planned_for_any_change_moves():
    standby, active = (
        role_facts(evidence(**{f"region__{R1}__active": said(role)}), [R1], either_way=True) for role in (False, True)
    )
    assert drift(standby, active) and drift(active, standby)


def test_a_role_that_is_no_longer_known_has_moved():
    dark = evidence(**{f"region__{R1}__active": unknown("no answer")})
    assert drift(role_facts(evidence(), [R1]), role_facts(dark, [R1]))


def test_another_holder_and_another_fencing_token_move_and_their_keys_say_what_they_are():
    before = lease_facts(evidence(), [R1])
    assert all(key.startswith(HOLDER_FACTS) for key in before)
    other = lease_facts(evidence(**{f"region__{R1}__lease": said(lease(R2))}), [R1])
    newer = lease_facts(evidence(**{f"region__{R1}__lease": said({**lease(), "transitions": 3})}), [R1])
    silent = lease_facts(evidence(**{f"region__{R1}__lease": unknown("stuck")}), [R1])
    assert [m.key for m in drift(before, other)] == [f"lease holder in {R1}"]
    assert [m.key for m in drift(before, newer)] == [f"lease fencing token in {R1}"]
    assert len(drift(before, silent)) == 2


def test_a_renewed_lease_and_an_older_reading_of_it_are_no_drift():
    renewed = evidence(**{f"region__{R1}__lease": said(lease(renewed_s=0))})
    lost = evidence(**{f"region__{R1}__lease": last(lease())})
    assert drift(lease_facts(evidence(), [R1]), lease_facts(renewed, [R1])) == ()
    assert drift(lease_facts(evidence(), [R1]), lease_facts(lost, [R1])) == ()


def test_no_lease_and_a_lease_that_nobody_holds_are_different_facts():
    none = lease_facts(evidence(**{f"region__{R1}__lease": said(lease(installed=False))}), [R1])
    free = lease_facts(evidence(**{f"region__{R1}__lease": said(lease(""))}), [R1])
    assert none[f"lease holder in {R1}"].value == "no lease"
    assert free[f"lease holder in {R1}"].value == "nobody"


def test_a_quorum_gets_worse_by_dissent_by_losing_it_and_by_silence():
    wanted = {R1: Finding.UNREACHABLE}
    steps = [
        said(quorum("unreachable", unreachable=3)),
        said(quorum("unreachable", unreachable=2, dissent=True)),
        said(quorum("no quorum", unreachable=1)),
        said(quorum("reachable")),
        unknown("the last answers are old"),
    ]
    facts = [quorum_facts(evidence(**{f"quorum__{R1}": item}), wanted) for item in steps]
    for index, before in enumerate(facts):
        assert all(drift(before, after) for after in facts[index + 1 :])
        assert not any(drift(before, after) for after in facts[:index])


def test_a_loss_moves_by_its_band_and_not_by_its_seconds():
    key = "replication__valkey"
    before, near, far, silent = (
        loss_facts(evidence(**{key: item}))
        for item in (
            said(path("valkey", loss_s=0.4)),
            said(path("valkey", loss_s=0.9)),
            said(path("valkey", loss_s=4.0)),
            unknown("no sample"),
        )
    )
    assert drift(before, near) == () and drift(far, before) == ()
    assert [m.sentence for m in drift(before, far)] == ["loss of valkey was up to 1 s and is now up to 5 s"]
    assert [m.key for m in drift(far, silent)] == ["loss of valkey"]


def test_the_last_loss_is_a_fact_too():
    found = loss_facts(Evidence(at=NOW, items=dict(GONE)))
    assert {fact.value for fact in found.values()} == {"up to 5 s"}

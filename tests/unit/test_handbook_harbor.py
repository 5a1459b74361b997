"""Harbor's registry replication: what its runs prove, and what must hold in every case."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.harbor import HarborEvidence, Policy, Run, judge_harbor, judge_policy
from openova_console.handbook.replication import Objective, Service
from openova_console.handbook.words import Verdict
from tests.support.factories import NOW, ago, missing, reading, untimed

GOAL = Objective(Service.HARBOR, 600, 1800)
ORDER = [Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BREACH]
NAME = "cross-region-replication"


def run(age_s=60.0, status="Succeed", trigger="event_based", *, total=3, failed=0, number=None) -> Run:
    whole = status == "Succeed"
    ended = None if status == "InProgress" else ago(age_s - 5)
    running = total if status == "InProgress" else 0
    stopped = total if status == "Stopped" else 0
    failed = failed or (total if status == "Failed" else 0)
    done = total - failed if whole else 0
    return Run(int(number or 100_000 - age_s), status, trigger, ago(age_s), ended, total, failed, done, running, stopped)


def policy(*runs: Run, **changes) -> Policy:
    whole = next((r for r in runs if r.whole), None)
    healthy = Policy(NAME, True, "event_based", "push", "harbor-region2", "healthy", runs, whole, len(runs))
    return replace(healthy, **changes)


def scheduled(*runs: Run, **changes) -> Policy:
    return policy(*(replace(r, trigger="scheduled") for r in runs), trigger="scheduled", **changes)


@pytest.mark.parametrize(
    ("found", "verdict", "sentence", "lag"),
    [
        (policy(run()), Verdict.OK, "Every push was copied; the last one 55 s ago", 0.0),
        (policy(run(9000)), Verdict.OK, "Every push was copied; the last one 2 h 30 min ago", 0.0),
        (policy(run(20, "InProgress"), run(300)), Verdict.OK,
         "A run has been under way for 20 s, 0 of 3 artifacts copied", 20.0),
        (policy(run(2700, "InProgress"), run(3000)), Verdict.BREACH,
         "Behind by 45 min, the limit is 30 min: a run has been under way for 45 min, 0 of 3 artifacts copied", 2700.0),
        (policy(run(120, "Failed"), run(300)), Verdict.WARN,
         "Behind by 2 min: 1 run did not succeed (3 artifacts), and no full run has made up for it", 120.0),
        (policy(run(1200, "Failed", total=1), run(1300)), Verdict.WARN,
         "Behind by 20 min, the objective is 10 min: 1 run did not succeed (1 artifact), and no full run has made up for it",
         1200.0),
        # the image of the failed run is not there, whatever was copied since
        (policy(run(60), run(4000, "Failed", total=2), run(5000)), Verdict.BREACH,
         "Behind by 1 h 07 min, the limit is 30 min: 1 run did not succeed (2 artifacts), and no full run has made up for it",
         4000.0),
        (policy(run(60), run(300, trigger="manual"), run(4000, "Failed")), Verdict.OK,
         "Every push was copied; the last one 55 s ago", 0.0),
        (policy(run(60), run(4000, failed=1), run(5000)), Verdict.BREACH,
         "Behind by 1 h 07 min, the limit is 30 min: 1 run did not succeed (1 artifact), and no full run has made up for it",
         4000.0),
        (policy(run(60, "Failed"), run(90, "Stopped")), Verdict.BREACH,
         f"No run of {NAME} ever succeeded (none of 2): the other region has no copy", None),
        (policy(run(60, "Failed")), Verdict.BREACH,
         f"No run of {NAME} ever succeeded (its only run did not succeed, so none): the other region has no copy", None),
        (policy(run(60, "InProgress")), Verdict.OK, "A run has been under way for 60 s, 0 of 3 artifacts copied", 60.0),
        (policy(), Verdict.UNKNOWN, f"The policy {NAME} has never run: whether it copies anything is not known", None),
        (policy(run(400), enabled=False), Verdict.BREACH,
         f"The policy {NAME} is switched off: the last whole run began 6 min 40 s ago", 400.0),
        (policy(enabled=False), Verdict.BREACH, f"The policy {NAME} is switched off: no run ever succeeded", None),
        (policy(run(400), registry_status="unhealthy"), Verdict.BREACH,
         "The registry harbor-region2 is unhealthy: nothing can be copied to it; the last whole run began 6 min 40 s ago", 400.0),
        (policy(run(400), registry_status="", direction="pull"), Verdict.BREACH,
         "The registry harbor-region2 is of unknown state: nothing can be copied from it; "
         "the last whole run began 6 min 40 s ago", 400.0),
        (policy(run(-60)), Verdict.UNKNOWN, f"The last run of {NAME} is dated in the future: a clock is wrong", None),
        # by the clock
        (scheduled(run(300)), Verdict.OK, "The last whole run copied 3 artifacts", 300.0),
        (scheduled(run(2000)), Verdict.BREACH,
         "Behind by 33 min, the limit is 30 min: the last whole run copied 3 artifacts", 2000.0),
        (scheduled(run(100, "Failed"), run(500)), Verdict.WARN,
         "The run of 1 min 40 s ago is 'Failed', 3 of 3 artifacts were not copied; "
         "the last whole run before it began 8 min 20 s ago",
         500.0),
        (scheduled(run(30, "InProgress"), run(500)), Verdict.OK,
         "A run has been under way for 30 s, 0 of 3 artifacts copied; the last whole run before it began 8 min 20 s ago", 500.0),
        (scheduled(run(30, total=0)), Verdict.UNKNOWN,
         f"Runs of {NAME} succeed and find nothing to copy: whether they copy anything is not known", None),
        (scheduled(run(30, "Failed"), runs_total=300, last_whole=run(90_000, trigger="scheduled")), Verdict.BREACH,
         "Behind by 1 d 1 h, the limit is 30 min: the run of 30 s ago is 'Failed', 3 of 3 artifacts were not copied; "
         "the last whole run before it began 1 d 1 h ago", 90_000.0),
        (scheduled(run(30, "Failed"), run(60, "Failed")), Verdict.BREACH,
         f"No run of {NAME} ever succeeded (none of 2): the other region has no copy", None),
    ],
)  # fmt: skip
def test_a_policy(found, verdict, sentence, lag):
    judged = judge_policy(GOAL, found, NOW)
    assert (judged.judgement.verdict, judged.judgement.sentence, judged.lag_s) == (verdict, sentence, lag)


def end(display="Region 1", *policies: Policy, **changes) -> HarborEvidence:
    return replace(HarborEvidence(display, reading(()), reading(tuple(policies))), **changes)


def judged(here=None, there=None, *, wanted=(NAME,)):
    here, there = here or end("Region 1", policy(run())), there or end("Region 2")
    return judge_harbor(GOAL, here, there, wanted=wanted, now=NOW, budget_s=180)


def test_both_ends():
    assert judged().judgement.verdict is Verdict.OK
    found = judged(there=end("Region 2", unhealthy=reading(("registry", "redis"))))
    assert found.judgement.verdict is Verdict.BREACH
    assert found.judgement.sentence == "Region 2's Harbor is unhealthy (registry and redis): its copies may not be had"
    found = judged(end("Region 1", policy(run()), unhealthy=reading(("jobservice",))))
    assert found.judgement.verdict is Verdict.UNKNOWN
    assert found.judgement.sentence == "Region 1's Harbor is unhealthy (jobservice): whether it copies images is not known"
    found = judged(there=end("Region 2", unhealthy=missing("nothing was read yet")))
    assert found.judgement.sentence == "Not known, Region 2's health: nothing was read yet"
    found = judged(end("Region 1", policies=reading((policy(run()),), age_s=181)))
    assert found.judgement.sentence.startswith("Not known, Region 1's policies: the last sample is")


def test_a_policy_pushes_from_the_primary_or_pulls_into_the_standby():
    pulls = policy(run(), direction="pull", registry="harbor-region1")
    assert judged(end(), end("Region 2", pulls)).judgement.verdict is Verdict.OK
    for here, there in ((end(), end("Region 2", policy(run()))), (end("Region 1", pulls), end("Region 2"))):
        found = judged(here, there).judgement
        assert found.verdict is Verdict.UNKNOWN
        assert found.sentence == f"No policy '{NAME}' pushes from Region 1 or pulls into Region 2"


def test_several_policies_are_as_good_as_their_worst_and_each_is_a_leg():
    other = replace(policy(run(4000, "Failed"), run(5000)), name="charts")
    found = judged(end("Region 1", policy(run()), other), wanted=(NAME, "charts"))
    assert found.judgement.verdict is Verdict.BREACH and found.lag_s == 4000
    assert [(hop.name, hop.judgement.verdict) for hop in found.hops] == [(NAME, Verdict.OK), ("charts", Verdict.BREACH)]
    found = judged(end("Region 1", policy(run())), wanted=(NAME, "charts"))
    assert (found.judgement.verdict, found.lag_s, found.transport_up) == (Verdict.UNKNOWN, None, None)
    assert judged(wanted=()).judgement.verdict is Verdict.UNKNOWN


runs = st.lists(
    st.builds(
        run,
        st.floats(0, 9000),
        st.sampled_from(["Succeed", "Failed", "Stopped", "InProgress", "Unheard"]),
        st.sampled_from(["event_based", "scheduled", "manual"]),
        total=st.integers(0, 5),
        failed=st.sampled_from([0, 0, 1]),
    ),
    max_size=6,
).map(lambda found: sorted(found, key=lambda r: r.started_at, reverse=True))
policies = st.builds(
    lambda found, trigger, enabled, status: policy(*found, trigger=trigger, enabled=enabled, registry_status=status),
    runs,
    st.sampled_from(["event_based", "scheduled", "manual"]),
    st.booleans(),
    st.sampled_from(["healthy", "unhealthy", ""]),
)


@untimed
@given(policies)
def test_ok_only_when_switched_on_the_registry_is_healthy_and_nothing_is_missing(found):
    judged = judge_policy(GOAL, found, NOW)
    if judged.judgement.verdict is Verdict.OK:
        assert found.enabled and found.registry_status == "healthy" and found.runs
        assert judged.lag_s is not None and judged.lag_s <= GOAL.warn_s
        since_full = []
        for one in found.runs:
            if one.full:
                break
            since_full.append(one)
        assert found.trigger == "event_based" or any(r.full for r in found.runs)
        assert found.trigger != "event_based" or all(r.whole or r.status == "InProgress" for r in since_full)


@untimed
@given(runs, st.sampled_from(["event_based", "scheduled"]), st.floats(0, 5000))
def test_the_same_runs_longer_ago_are_never_better_once_one_failed(found, trigger, more_s):
    broken = [run(1.0, "Failed"), *found]
    later = [replace(r, started_at=r.started_at - (NOW - ago(more_s))) for r in broken]
    verdicts = [judge_policy(GOAL, policy(*rs, trigger=trigger), NOW).judgement.verdict for rs in (broken, later)]
    assert Verdict.OK not in verdicts
    assert ORDER.index(verdicts[0]) <= ORDER.index(verdicts[1])


@untimed
@given(
    policies,
    st.sampled_from(["unhealthy", "policies"]),
    st.sampled_from(["missing", "stale", "partial", "future"]),
    st.booleans(),
)
def test_losing_a_reading_is_never_green(found, lost, how, at_source):
    here, there = end("Region 1", found), end("Region 2")
    whole = getattr(here if at_source else there, lost)
    broken = {
        "missing": missing(),
        "stale": replace(whole, observed_at=ago(181)),
        "partial": replace(whole, completeness="partial"),
        "future": replace(whole, observed_at=ago(-6)),
    }[how]
    side = replace(here if at_source else there, **{lost: broken})
    assert judged(*((side, there) if at_source else (here, side))).judgement.verdict is Verdict.UNKNOWN

"""Canaries: every phase, the weight traps, what is stuck or contradictory, how long promotion and rollback take."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.canary import RUNNING, WORDS, Bound, Canary, Phase, Plan, Route
from openova_console.handbook.delivery import Progress, judge_canary, ticks_left, unread, unreadable
from openova_console.handbook.words import Verdict
from tests.support.factories import NOW, ago, missing, reading, untimed

BOUNDS = (Bound("request-success-rate", 99.0, None, 60), Bound("request-duration", None, 500.0, 30))
PLAN = Plan("canary", 60, 5, (10, 20, 30, 40, 50), 0, 0, False, BOUNDS, 0, frozenset(), False)
PATIENCE_S = 1800


def canary(phase: Phase | str = Phase.PROGRESSING, weight: int | None = 30, *, plan: dict | None = None, **changes) -> Canary:
    start = Canary(
        namespace="shop",
        name="web",
        target="Deployment web",
        phase=phase,
        suspended=False,
        plan=replace(PLAN, **(plan or {})),
        deadline_s=600,
        status_weight=weight or 0,
        failed=0,
        iterations=0,
        moved_at=ago(20),
        since=ago(120),
        message="",
        applied="b",
        promoted="a",
        route=Route(weight),
    )
    return replace(start, **changes)


def judged(found: Canary) -> Progress:
    return judge_canary(found, observed_at=ago(1), now=NOW, patience_s=PATIENCE_S)


@pytest.mark.parametrize(
    ("found", "verdict", "sentence"),
    [
        (canary(Phase.INITIALIZING, None, route=Route(None, "missing")), Verdict.OK, "Flagger is setting it up for 2 min"),
        (canary(Phase.INITIALIZED, 0), Verdict.OK, "Ready: no release has run yet"),
        (canary(Phase.WAITING, 0), Verdict.OK,
         "Waits for approval to start for 2 min; no traffic is on the new version"),
        (canary(Phase.WAITING, 0, since=ago(1801)), Verdict.WARN,
         "Waits for approval to start for 30 min; no traffic is on the new version"),
        (canary(), Verdict.OK, "No check has failed; 30 % of the traffic is on the new version"),
        (canary(failed=2), Verdict.WARN,
         "2 of 5 checks have failed: 30 % of the traffic is on the new version; 3 more and it is rolled back"),
        (canary(failed=5), Verdict.BREACH,
         "5 of 5 checks have failed: 30 % of the traffic is on the new version; it is rolled back at the next check"),
        (canary(Phase.WAITING_PROMOTION, 50, status_weight=0, iterations=-1), Verdict.OK,
         "Waits for approval to be promoted for 2 min; 50 % of the traffic is on the new version"),
        (canary(Phase.PROMOTING, 50, status_weight=0), Verdict.OK,
         "The analysis passed; the primary takes the new version, 50 % of the traffic is on the new version"),
        (canary(Phase.FINALISING, 0), Verdict.OK, "Promoted; all traffic is on the primary again"),
        (canary(Phase.SUCCEEDED, 0), Verdict.OK, "The newest version serves all traffic"),
        (canary(Phase.FAILED, 0, message="Canary analysis failed, Deployment scaled to zero"), Verdict.BREACH,
         "The release was rolled back 2 min ago; the version before it serves all traffic. "
         "Flagger: Canary analysis failed, Deployment scaled to zero"),
        (canary(Phase.TERMINATING, 0), Verdict.WARN, "The canary is being removed: releases are no longer analysed"),
        (canary(Phase.TERMINATED, 0), Verdict.WARN, "The canary is removed: releases are no longer analysed"),
        (canary("Finalizing"), Verdict.UNKNOWN, "Flagger says 'Finalizing', a phase that is not known"),
        (canary(""), Verdict.UNKNOWN, "Flagger has not seen it yet"),
    ],
    ids=lambda value: value.phase if isinstance(value, Canary) else None,
)  # fmt: skip
def test_each_phase(found: Canary, verdict: Verdict, sentence: str):
    result = judged(found)
    assert (result.judgement.verdict, result.judgement.sentence) == (verdict, sentence)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (canary(route=Route(None, "its HTTPRoute shop/web is missing")), "Progressing, but its HTTPRoute shop/web is missing"),
        (canary(route=Route(None)), "Progressing, but the route does not say how traffic is divided"),
        (canary(route=Route(30, "", True)), "Progressing, but a gateway still serves an older state of its HTTPRoute"),
        (canary(Phase.SUCCEEDED, 50), "Succeeded, but the route sends 50 % of the traffic to the canary"),
        (canary(Phase.INITIALIZED, 1), "Ready, but the route sends 1 % of the traffic to the canary"),
        (canary(Phase.WAITING, 20), "Waits for approval, but the route sends 20 % of the traffic to the canary"),
    ],
)
def test_what_is_missing_or_contradictory_is_unknown(found: Canary, sentence: str):
    result = judged(found)
    assert (result.judgement.verdict, result.judgement.sentence) == (Verdict.UNKNOWN, sentence)
    assert result.weight is None


def test_route_and_canary_may_disagree_just_after_a_step():
    assert judged(canary(route=Route(30, "", True), moved_at=ago(4))).judgement.verdict is Verdict.OK
    assert judged(canary(Phase.SUCCEEDED, 50, since=ago(4))).judgement.verdict is Verdict.OK
    assert judged(canary(Phase.SUCCEEDED, 50, since=None, moved_at=None)).judgement.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (canary(Phase.FAILED, 100, status_weight=100),
         "The promotion failed 2 min ago: the primary is not ready, so 100 % of the traffic is on the canary"),
        (canary(Phase.FAILED, 50, status_weight=0),
         "The release failed 2 min ago, and the route still sends 50 % of the traffic to the canary"),
        (canary(Phase.FAILED, route=Route(None, "its HTTPRoute shop/web is missing")),
         "The release failed 2 min ago, and its HTTPRoute shop/web is missing"),
        (canary(Phase.FAILED, 0, since=None, moved_at=None),
         "The release was rolled back; the version before it serves all traffic"),
    ],
)  # fmt: skip
def test_a_failure_is_a_breach_wherever_the_traffic_goes(found: Canary, sentence: str):
    assert judged(found).judgement.verdict is Verdict.BREACH
    assert judged(found).judgement.sentence == sentence


def test_a_route_that_is_put_back_a_moment_later_is_no_failed_promotion():
    found = judged(canary(Phase.FAILED, 50, status_weight=0, since=ago(1)))
    assert found.judgement.sentence.startswith("The release was rolled back less than a minute ago")


def test_sentences_change_once_a_minute_at_most():
    words = {judged(canary(Phase.FAILED, 0, since=ago(s))).judgement.sentence for s in range(60, 120)}
    assert words == {"The release was rolled back 60 s ago; the version before it serves all traffic"}
    assert "less than a minute ago" in judged(canary(Phase.FAILED, 0, since=ago(59))).judgement.sentence


def test_a_failure_dates_from_its_beginning_not_from_flaggers_last_tick():
    found = canary(Phase.FAILED, 0, since=ago(3600), moved_at=ago(3))
    assert "1 h ago" in judged(found).judgement.sentence


@pytest.mark.parametrize(
    ("found", "verdict", "words"),
    [
        (canary(moved_at=ago(601)), Verdict.BREACH, "Nothing has moved for 10 min, the deadline is 10 min: Flagger may be down"),
        (canary(moved_at=ago(600)), Verdict.OK, "No check has failed"),
        (canary(moved_at=ago(601), plan={"interval_s": 600}), Verdict.OK, "No check has failed"),
        (canary(moved_at=None), Verdict.OK, "No check has failed"),
        (canary(moved_at=ago(601), plan={"gates": frozenset({"confirm-traffic-increase"})}), Verdict.WARN,
         "it may wait for approval to take more traffic"),
        (canary(Phase.WAITING_PROMOTION, 50, moved_at=ago(601)), Verdict.BREACH, "Flagger may be down"),
        (canary(Phase.PROMOTING, 50, moved_at=ago(700)), Verdict.BREACH, "nothing rolls this back; 50 % of the traffic"),
        (canary(Phase.FINALISING, 0, moved_at=ago(700)), Verdict.BREACH, "Flagger may be down"),
        (canary(Phase.INITIALIZING, None, moved_at=ago(700)), Verdict.BREACH, "the primary does not become ready"),
        (canary(Phase.SUCCEEDED, 0, moved_at=ago(10**6)), Verdict.OK, "The newest version serves all traffic"),
        (canary(Phase.WAITING, 0, moved_at=ago(700)), Verdict.OK, "Waits for approval"),
    ],
)  # fmt: skip
def test_what_should_move_and_does_not_is_stuck(found: Canary, verdict: Verdict, words: str):
    assert judged(found).judgement.verdict is verdict
    assert words in judged(found).judgement.sentence


def test_a_suspended_canary_is_neither_promoted_nor_rolled_back():
    running, resting = judged(canary(suspended=True)), judged(canary(Phase.SUCCEEDED, 0, suspended=True))
    assert running.judgement.verdict is resting.judgement.verdict is Verdict.WARN
    assert "nothing promotes it or rolls it back" in running.judgement.sentence
    assert (running.word, running.eta, running.rollback) == ("Progressing, suspended", "suspended", "never while suspended")
    assert running.eta_s is running.rollback_s is None


def test_a_release_that_nothing_checks_is_said():
    found = judged(canary(plan={"bounds": ()}))
    assert found.judgement.verdict is Verdict.WARN
    assert (found.rollback_s, found.rollback) == (None, "never by itself: nothing is checked")
    assert judged(canary(plan={"bounds": (), "checks": 1})).judgement.verdict is Verdict.OK


def test_without_a_route_flaggers_own_figure_counts_only_while_it_is_kept():
    assert judged(canary(route=None, status_weight=20)).weight == 20
    for phase in (Phase.WAITING_PROMOTION, Phase.PROMOTING):
        found = judged(canary(phase, route=None, status_weight=0))
        assert found.weight is None
        assert "is not known" in found.judgement.sentence
    assert judged(canary(route=None, plan={"weights": (), "iterations": 10})).weight is None


MEASURED = replace(PLAN, interval_s=10, weights=(25, 50))


@pytest.mark.parametrize(
    ("phase", "weight", "seconds"),
    [  # Flagger 1.36 with 25 % steps, gates open: seconds until Succeeded from the captured run
        (Phase.PROGRESSING, 0, 50), (Phase.PROGRESSING, 25, 40), (Phase.PROGRESSING, 50, 30),
        (Phase.WAITING_PROMOTION, 50, 30), (Phase.PROMOTING, 50, 20), (Phase.FINALISING, 0, 10),
    ],
)  # fmt: skip
def test_ticks_are_those_that_were_measured(phase: Phase, weight: int, seconds: float):
    assert ticks_left(MEASURED, phase, weight, 0) * 10 == seconds


@pytest.mark.parametrize(
    ("plan", "phase", "weight", "iterations", "ticks"),
    [
        ({}, Phase.WAITING, 0, 0, 9),
        ({"mirror": True}, Phase.PROGRESSING, 0, 0, 9),
        ({"mirror": True}, Phase.PROGRESSING, 10, 0, 7),
        ({"promotion_step": 20}, Phase.PROMOTING, 50, 0, 4),
        ({"skip": True}, Phase.PROGRESSING, 0, 0, 1),
        ({"strategy": "blue/green", "weights": (), "iterations": 10}, Phase.PROGRESSING, None, 4, 10),
        ({"strategy": "a/b", "weights": (), "iterations": 10}, Phase.PROGRESSING, 100, 10, 3),
        ({}, Phase.PROGRESSING, None, 0, None),
        ({}, Phase.SUCCEEDED, 0, 0, None),
    ],
)
def test_ticks_of_other_strategies(plan: dict, phase: Phase, weight: int | None, iterations: int, ticks: int | None):
    assert ticks_left(replace(PLAN, **plan), phase, weight, iterations) == ticks


def test_the_way_to_promotion_in_words():
    found = judged(canary(weight=30))
    assert (found.eta_s, found.eta, found.done) == (5 * 60 - 20, "in 4 min 40 s", 0.6)
    assert judged(canary(Phase.WAITING_PROMOTION, 50)).eta == "3 min after approval"
    assert judged(canary(Phase.SUCCEEDED, 0)).eta == "–"
    assert judged(canary(route=None, plan={"weights": (), "iterations": 4}, iterations=2)).done == 0.5
    late = judged(canary(moved_at=ago(500)))
    assert late.eta_s == 4 * 60


def test_the_worst_case_of_a_rollback():
    # 5 checks left, one interval until the first fails, one more tick to act, and the longest window of a metric.
    assert judged(canary()).rollback_s == 6 * 60 + 60
    assert judged(canary(failed=4)).rollback_s == 2 * 60 + 60
    assert judged(canary(failed=5)).rollback_s == 60
    assert judged(canary(failed=5)).rollback == "≤ 60 s"
    assert judged(canary(Phase.PROMOTING, 50)).rollback == "no longer: it is being promoted"
    assert judged(canary(Phase.WAITING, 0)).rollback == "–"


def test_what_was_not_read_or_cannot_be_read():
    stale = unread(reading({}, age_s=90), now=NOW, budget_s=60)
    assert stale.judgement.sentence == "Not known, the last sample is 90 s old, the limit is 60 s"
    gone = unread(missing("canaries are not installed here"), now=NOW, budget_s=60)
    assert gone.judgement.sentence == "Not known, canaries are not installed here"
    assert unreadable("spec should be an object", observed_at=NOW).judgement.verdict is Verdict.UNKNOWN
    assert (stale.weight, stale.eta, stale.running) == (None, "unknown", False)


routes = st.one_of(
    st.none(),
    st.builds(Route, st.integers(0, 100), st.just(""), st.booleans()),
    st.builds(Route, st.none(), st.sampled_from(["", "its HTTPRoute is missing"])),
)
moments = st.one_of(st.none(), st.integers(-100, 5000).map(lambda s: NOW - timedelta(seconds=s)))
plans = st.builds(
    lambda **changes: replace(PLAN, **changes),
    interval_s=st.sampled_from([10.0, 60.0, 900.0]),
    threshold=st.integers(1, 10),
    weights=st.sampled_from([(), (50,), (10, 20, 30), (1, 100)]),
    iterations=st.integers(0, 5),
    promotion_step=st.integers(0, 100),
    skip=st.booleans(),
    bounds=st.sampled_from([(), BOUNDS]),
)
canaries = st.builds(
    lambda phase, **changes: canary(phase, **changes),
    st.sampled_from([*Phase, "", "Odd"]),
    plan=st.just({}),
    suspended=st.booleans(),
    failed=st.integers(0, 12),
    iterations=st.integers(-1, 7),
    status_weight=st.integers(0, 100),
    moved_at=moments,
    since=moments,
    route=routes,
).flatmap(lambda found: plans.map(lambda plan: replace(found, plan=plan)))


@untimed
@given(canaries)
def test_green_rests_on_evidence_and_figures_are_never_made_up(found: Canary):
    result = judged(found)
    if result.judgement.verdict is Verdict.OK:
        assert found.phase in set(Phase) and found.phase != Phase.FAILED
        assert not found.suspended
        assert not (found.phase in (Phase.PROGRESSING, Phase.WAITING_PROMOTION) and found.failed)
        if found.phase in RUNNING and found.route is not None:
            assert result.weight == found.route.canary is not None
    assert result.judgement.sentence and result.word and result.eta and result.rollback
    assert result.running is (found.phase in RUNNING)
    for figure in (result.eta_s, result.rollback_s):
        assert figure is None or figure >= 0
    if found.phase in set(Phase):
        assert result.word.startswith(WORDS[Phase(found.phase)])


@untimed
@given(st.integers(0, 9), st.integers(1, 10))
def test_more_failed_checks_are_never_better_and_leave_less_time(failed: int, threshold: int):
    order = [Verdict.OK, Verdict.WARN, Verdict.BREACH]
    fewer, more = (judged(canary(failed=n, plan={"threshold": threshold})) for n in (failed, failed + 1))
    assert order.index(fewer.judgement.verdict) <= order.index(more.judgement.verdict)
    assert fewer.rollback_s >= more.rollback_s


@untimed
@given(st.integers(0, 50), st.integers(0, 50))
def test_more_traffic_is_never_further_from_promotion(one: int, other: int):
    low, high = sorted((one, other))
    first, second = (judged(canary(weight=w)) for w in (low, high))
    assert first.eta_s >= second.eta_s
    assert first.done <= second.done

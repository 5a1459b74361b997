"""The three objectives by the handbook's limits: held for five minutes, over all regions, unknown without counts."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.slo import Counted, Counts, Goal, Sli, common, judge_sli, percent, together
from openova_console.handbook.words import Reading, Verdict
from tests.support.factories import NOW, ago, untimed
from tests.support.slo import SLOW, counted, durations, evidence, outcomes, steps

AVAILABILITY = Goal(Sli.AVAILABILITY, 0.999, 0.995, 300, 0.999)
LATENCY = Goal(Sli.LATENCY, 0.5, 1.0, 300, 0.95)
ERRORS = Goal(Sli.ERROR_RATE, 0.001, 0.01, 300, 0.999)
BUDGET = 180


def judge(goal: Goal, *regions: Counted):
    scope = [(f"Region {n}", found) for n, found in enumerate(regions, 1)]
    return judge_sli(goal, scope, now=NOW, budget_s=BUDGET)


@pytest.mark.parametrize(
    ("goal", "now", "sentence"),
    [
        (AVAILABILITY, outcomes(0.0004), "99.96 % of 10,000 requests were answered well in 5 min; the target is 99.9 %"),
        (ERRORS, outcomes(0.0004), "0.04 % of 10,000 requests failed in 5 min; the target is 0.1 %"),
        (LATENCY, durations(), "95 of 100 requests took less than 437 ms in 5 min; the target is 500 ms"),
    ],
)
def test_well(goal, now, sentence):
    found = judge(goal, counted(now))
    assert (found.judgement.verdict, found.judgement.sentence) == (Verdict.OK, sentence)
    assert (found.beyond, found.observed_at, found.requests) == (False, ago(1), 10_000)


@pytest.mark.parametrize(
    ("goal", "now", "words"),
    [
        (AVAILABILITY, outcomes(0.002), "misses the target of 99.9 %, the limit is 99.5 %"),
        (ERRORS, outcomes(0.002), "misses the target of 0.1 %, the limit is 1 %"),
        (LATENCY, durations((0.2, 0.4, 0.7, 0.92, 0.97, 1, 1, 1, 1)), "misses the target of 500 ms, the limit is 1 s"),
    ],
)
def test_a_missed_target_is_a_warning(goal, now, words):
    found = judge(goal, counted(now))
    assert found.judgement.verdict is Verdict.WARN and words in found.judgement.sentence
    assert not found.beyond


BROKEN = [
    (AVAILABILITY, outcomes(0.03), outcomes(0.0004), "97 % of 10,000 requests were answered well"),
    (ERRORS, outcomes(0.03), outcomes(0.0004), "3 % of 10,000 requests failed"),
    (LATENCY, durations(SLOW), durations(), "95 of 100 requests took less than 1.9 s"),
]


@pytest.mark.parametrize(("goal", "bad", "well", "what"), BROKEN)
def test_a_limit_that_is_broken_counts_after_five_minutes(goal, bad, well, what):
    for looks, verdict in ((1, Verdict.WARN), (10, Verdict.WARN), (11, Verdict.BREACH), (15, Verdict.BREACH)):
        found = judge(goal, counted(bad, before=well, bad_looks=looks))
        assert found.judgement.verdict is verdict, looks
        assert found.beyond and found.judgement.sentence.startswith(what)
    assert "beyond the limit" in found.judgement.sentence
    assert judge(goal, counted(bad, before=well, bad_looks=1)).judgement.sentence.endswith("just now; it counts after 5 min")
    assert "for 4 min 30 s; it counts after 5 min" in judge(goal, counted(bad, before=well, bad_looks=10)).judgement.sentence


def test_one_look_that_was_well_begins_the_five_minutes_anew():
    bad, well = outcomes(0.03), outcomes(0)
    looks = [bad] * 8 + [well] + [bad] * 6
    found = judge(AVAILABILITY, replace(counted(bad), steps=Reading(steps(looks), "count", ago(1), "test")))
    assert found.judgement.verdict is Verdict.WARN and "for 2 min 30 s" in found.judgement.sentence


def test_a_look_that_is_missing_is_no_proof_of_five_minutes():
    whole = counted(outcomes(0.03))
    gap = tuple(s for n, s in enumerate(whole.steps.value) if n != 10)
    assert judge(AVAILABILITY, replace(whole, steps=replace(whole.steps, value=gap))).judgement.verdict is Verdict.WARN


def test_the_slowest_beyond_the_last_bound_are_not_said_to_be_faster():
    now = durations((0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4, 1))
    assert "5 of 100 requests took longer than 10 s" in judge(LATENCY, counted(now)).judgement.sentence


def test_together_is_a_sum_of_counts_never_a_mean_of_ratios():
    found = judge(AVAILABILITY, counted(outcomes(0.0, 90_000)), counted(outcomes(0.03, 10_000)))
    assert found.value == pytest.approx(1 - 300 / 100_000)
    assert found.requests == 100_000


def test_a_region_without_users_adds_nothing_and_takes_nothing_away():
    idle = counted(Counts(0, 0))
    assert judge(AVAILABILITY, idle).judgement.sentence == "No requests in the last 5 min: nothing to judge"
    assert judge(AVAILABILITY, idle).judgement.verdict is Verdict.UNKNOWN
    assert judge(AVAILABILITY, counted(outcomes(0.0004)), idle).judgement.verdict is Verdict.OK
    assert judge(LATENCY, counted(durations()), counted(durations(total=0))).value == judge(LATENCY, counted(durations())).value


GONE = Counted(Reading.missing("count", "test", "http_requests_total has no sample"))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (GONE, "http_requests_total has no sample"),
        (counted(outcomes(0.0), age_s=240), "the last sample is 4 min old, the limit is 3 min"),
        (counted(outcomes(0.0), age_s=-60), "the sample is dated 60 s in the future: a clock is wrong"),
        (counted(outcomes(0.0), completeness="partial", error="the answer is not whole"), "the answer is not whole"),
    ],
)
def test_a_region_that_is_not_known_makes_the_whole_unknown(bad, reason):
    alone, whole = judge(AVAILABILITY, bad), judge(AVAILABILITY, counted(outcomes(0.0)), bad)
    assert (alone.judgement.verdict, alone.judgement.sentence) == (Verdict.UNKNOWN, f"Not known: {reason}")
    assert (whole.judgement.verdict, whole.judgement.sentence) == (Verdict.UNKNOWN, f"Not known, Region 2: {reason}")
    assert alone.value is None and whole.value is None


@pytest.mark.parametrize("goal", [AVAILABILITY, ERRORS, LATENCY])
@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_a_count_that_is_no_number_is_unknown(goal, odd):
    for now in (Counts(odd, 0), Counts(10, odd), Counts(10, 1, ((0.5, odd), (math.inf, 10)))):
        found = judge(goal, counted(now))
        assert (found.judgement.verdict, found.judgement.sentence) == (
            Verdict.UNKNOWN,
            "Not known: a count is not a number",
        )


def test_counts_of_different_times_are_not_added():
    late = replace(counted(outcomes(0.0)), steps=Reading(steps([outcomes(0.0)] * 15, end_s=600), "count", ago(1), "test"))
    found = judge(AVAILABILITY, counted(outcomes(0.0)), late)
    assert found.judgement.sentence == "Not known: the regions' counts are not of the same time"
    empty = replace(late, steps=replace(late.steps, value=()))
    assert judge(AVAILABILITY, empty).judgement.verdict is Verdict.UNKNOWN


def test_looks_of_the_regions_overlap_where_they_were_read_at_different_times():
    early = replace(counted(outcomes(0.03)), steps=Reading(steps([outcomes(0.03)] * 15, end_s=60), "count", ago(60), "test"))
    found = judge(AVAILABILITY, counted(outcomes(0.03)), early)
    assert (found.judgement.verdict, found.observed_at) == (Verdict.BREACH, ago(60))


def test_histograms_of_other_bounds_are_not_added():
    other = Counts(10, 1, ((0.3, 9.0), (math.inf, 10.0)))
    found = judge(LATENCY, counted(durations()), counted(other))
    assert found.judgement.sentence == "Not known: the regions' latency buckets cannot be added up"


def test_evidence_of_an_indicator():
    found = evidence()
    assert found.of(Sli.LATENCY) is found.durations
    assert found.of(Sli.AVAILABILITY) is found.of(Sli.ERROR_RATE) is found.outcomes
    assert common([]) == []
    assert together([]) == Counts(0, 0)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        *((1, "100 %"), (0.99999, "99.99 %"), (0.9996, "99.96 %"), (0.995, "99.5 %"), (0.97, "97 %"), (0.6, "60 %")),
        *((0.001, "0.1 %"), (0.00042, "0.042 %"), (0.000004, "<0.001 %"), (0, "0 %")),
    ],
)
def test_percent_never_says_more_than_it_is(share, words):
    assert percent(share) == words


SHARE = st.floats(0, 1)


@untimed
@given(st.sampled_from((AVAILABILITY, ERRORS)), SHARE, SHARE)
def test_more_failures_never_look_better(goal, one, other):
    order = {Verdict.OK: 0, Verdict.WARN: 1, Verdict.BREACH: 2}
    low, high = (judge(goal, counted(outcomes(share))).judgement.verdict for share in sorted((one, other)))
    assert order[low] <= order[high]


@untimed
@given(st.sampled_from((AVAILABILITY, ERRORS, LATENCY)), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(-600, 600))
def test_never_ok_without_fresh_requests(goal, total, bad, age_s):
    now = Counts(total, min(bad, total), ((0.5, max(0.0, total - bad)), (math.inf, total)))
    found = judge(goal, counted(now, age_s=age_s), counted(now))
    if found.judgement.verdict is Verdict.OK:
        assert total > 0 and -5 <= age_s <= BUDGET and found.value is not None

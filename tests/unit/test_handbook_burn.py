"""Burn rates, the error budget, and the four rules beside the handbook's limits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.burn import DAY, HOUR, MINUTE, RULES, WINDOWS, burn_rate, judge_spending, rate_words
from openova_console.handbook.slo import Counted, Counts, Goal, Sli
from openova_console.handbook.words import Reading, Verdict
from tests.support.factories import NOW, untimed
from tests.support.slo import MONTH, counted, durations, outcomes, windows

GOAL = Goal(Sli.AVAILABILITY, 0.999, 0.995, 300, 0.999)


def spend(*regions: Counted, goal: Goal = GOAL):
    scope = [(f"Region {n}", found) for n, found in enumerate(regions, 1)]
    return judge_spending(goal, scope, now=NOW, budget_s=180, long_budget_s=480, month_s=MONTH)


def test_the_numbers_of_the_handbook():
    """Alert floor 99.5 % is a burn of 5, error rate 1 % one of 10 (target 99.9 %)."""
    assert burn_rate(outcomes(0.005), 0.999) == pytest.approx(5)
    assert burn_rate(outcomes(0.01), 0.999) == pytest.approx(10)
    assert burn_rate(durations(), 0.95) == pytest.approx(0.022 / 0.05)
    assert burn_rate(outcomes(1), 0.999) == pytest.approx(1000)


@pytest.mark.parametrize("counts", [Counts(0, 0), Counts(math.nan, 0), Counts(5, math.inf), Counts(-1, 0)])
def test_without_requests_there_is_no_burn(counts):
    assert burn_rate(counts, 0.999) is None


def test_a_calm_month():
    found = spend(counted(outcomes(0.0004)))
    assert (found.judgement.verdict, found.judgement.sentence) == (
        Verdict.OK,
        "Burns slower than every limit; 0.4× over 1 h",
    )
    assert found.left == pytest.approx(0.6)
    assert (found.lasts_s, found.lasts, found.why) == (None, "lasts at this pace", "")
    assert set(found.burns) == set(WINDOWS)


def test_how_long_the_budget_lasts_at_the_pace_of_the_last_hour():
    found = spend(windows(counted(outcomes(0.0004)), {HOUR: 0.0144}))
    assert found.lasts_s == pytest.approx(0.6 * 30 * DAY / 14.4)
    assert found.lasts == "30 h" or found.lasts == "1 d 6 h"
    clean = spend(windows(counted(outcomes(0.0)), {HOUR: 0.0144}))
    assert clean.lasts_s == pytest.approx(50 * HOUR), "the workbook: a burn of 14.4 spends a whole budget in 50 hours"


def test_an_overspent_budget():
    found = spend(windows(counted(outcomes(0.0004)), {MONTH: 0.0015}))
    assert found.left == pytest.approx(-0.5)
    assert (found.lasts_s, found.lasts) == (0.0, "spent")


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_needs_both_of_its_windows(rule):
    above, calm = rule.limit * 0.001 * 1.01, counted(outcomes(0.0))
    verdict = Verdict.BREACH if rule.page else Verdict.WARN
    both = spend(windows(calm, {rule.long_s: above, rule.short_s: above})).judgement
    assert both.verdict is verdict and f"{rule.limit:g}×" in both.sentence
    assert both.sentence.endswith("wake somebody" if rule.page else "look at it today")
    for alone in (rule.long_s, rule.short_s):
        assert spend(windows(calm, {alone: above})).judgement.verdict is Verdict.OK


@pytest.mark.parametrize("rule", RULES)
def test_exactly_at_the_limit_is_not_beyond_it(rule):
    at = rule.limit * (1 - GOAL.good)
    assert spend(windows(counted(outcomes(0.0)), {rule.long_s: at * 0.9999, rule.short_s: 1})).judgement.verdict is Verdict.OK


def test_a_window_that_is_not_known_decides_nothing_unless_the_other_one_does():
    calm = counted(outcomes(0.0))
    assert spend(windows(calm, {3 * DAY: None, DAY: None})).judgement.verdict is Verdict.OK
    open_ = spend(windows(counted(outcomes(0.0)), {3 * DAY: None, 6 * HOUR: 0.002}))
    assert open_.judgement.verdict is Verdict.UNKNOWN
    assert open_.judgement.sentence == "Burn not known: Prometheus has no samples from then"
    assert open_.burns[3 * DAY].rate is None and open_.burns[3 * DAY].why == "Prometheus has no samples from then"
    loud = spend(windows(calm, {3 * DAY: None, 6 * HOUR: 0.02, 30 * MINUTE: 0.02}))
    assert loud.judgement.verdict is Verdict.BREACH, "what is known to burn is not hidden by what is not known"


def test_a_slow_burn_that_the_handbook_never_sees():
    """0.49 % for ever: below 99.5 %, and the budget is gone in six days."""
    found = spend(windows(counted(outcomes(0.0049)), {MONTH: 0.0}))
    assert found.judgement.verdict is Verdict.WARN
    assert found.lasts_s == pytest.approx(30 * DAY / 4.9)


def test_without_counts_or_requests_nothing_is_known():
    nothing = spend(Counted(Reading.missing("count", "test", "x has no sample")))
    assert (nothing.left, nothing.lasts_s, nothing.lasts, nothing.why) == (None, None, "not known", "nothing was read yet")
    assert nothing.judgement.verdict is Verdict.UNKNOWN
    idle = spend(counted(Counts(0, 0)))
    assert (idle.left, idle.why) == (None, "no requests in 30 d")
    assert idle.burns[300].why == "no requests in 5 min"


def test_a_region_that_is_not_known_makes_the_burn_unknown():
    whole = spend(counted(outcomes(0.0)), counted(outcomes(0.0), age_s=600))
    assert whole.judgement.verdict is Verdict.UNKNOWN
    assert whole.why == "Region 2: the last sample is 10 min old, the limit is 8 min"
    late = spend(counted(outcomes(0.0), age_s=300))
    assert late.burns[DAY].rate == 0 and late.burns[HOUR].rate is None, "long windows are read less often"


def test_together_is_a_sum_of_counts():
    whole = spend(counted(outcomes(0.0, 90_000)), counted(outcomes(0.03, 10_000)))
    assert whole.burns[HOUR].rate == pytest.approx(3)


@pytest.mark.parametrize(
    ("rate", "words"), [(0, "0×"), (0.4, "0.4×"), (1.01, "1.01×"), (14.4, "14.4×"), (30, "30×"), (250.4, "250×"), (100, "100×")]
)
def test_a_rate_in_words(rate, words):
    assert rate_words(rate) == words


SHARES = st.dictionaries(st.sampled_from((*WINDOWS, MONTH)), st.none() | st.floats(0, 1), min_size=0)


@untimed
@given(SHARES)
def test_never_ok_while_a_rule_is_broken_or_could_be(shares):
    found = spend(windows(counted(outcomes(0.0)), shares))
    rates = {w: found.burns[w].rate for w in WINDOWS}
    could = [r for r in RULES if all(rates[w] is None or rates[w] > r.limit for w in (r.long_s, r.short_s))]
    assert (found.judgement.verdict is Verdict.OK) is (not could)


@untimed
@given(st.floats(0, 1), st.floats(0, 1))
def test_more_failures_never_leave_more(one, other):
    low, high = sorted((one, other))
    less, more = spend(counted(outcomes(low))), spend(counted(outcomes(high)))
    assert less.left >= more.left
    assert less.lasts_s is None or (more.lasts_s is not None and more.lasts_s <= less.lasts_s)

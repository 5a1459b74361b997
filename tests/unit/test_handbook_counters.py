"""Counters and histograms as PromQL does them: worked examples from Prometheus' own tests, and what must always hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.counters import increase, quantile
from tests.support.factories import untimed

GROWTH = st.lists(st.floats(0, 1e6), min_size=2, max_size=30)


def every(values: list[float], gap: float = 15.0, start: float = 0.0) -> list[tuple[float, float]]:
    return [(start + gap * n, value) for n, value in enumerate(values)]


@pytest.mark.parametrize("samples", [[], [(10.0, 5.0)], [(10.0, 5.0), (10.0, 9.0)]])
def test_one_sample_says_nothing_of_growth(samples):
    assert increase(samples, 0, 300) is None


def test_a_window_that_begins_and_ends_on_samples_is_exact():
    assert increase(every([0, 10, 20, 30, 40]), 0, 60) == pytest.approx(40)


def test_the_ends_are_extrapolated_as_far_as_samples_are_near():
    samples = every([100, 110, 120], 10, start=5)
    assert increase(samples, 0, 30) == pytest.approx(20 * 30 / 20)


def test_far_ends_are_extrapolated_by_half_a_gap_only():
    samples = every([1000, 1010, 1020], 10, start=100)
    assert increase(samples, 0, 300) == pytest.approx(20 * 30 / 20)


def test_a_counter_is_never_extrapolated_below_zero():
    samples = every([2, 12, 22], 10, start=9)
    assert increase(samples, 0, 29) == pytest.approx(20 * 22 / 20)


def test_a_fall_is_a_restart_from_zero():
    assert increase(every([100, 110, 3, 13]), 0, 45) == pytest.approx(10 + 3 + 10)
    assert increase(every([50, 0, 5, 0, 7]), 0, 60) == pytest.approx(5 + 7)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_stays_none(odd):
    assert math.isnan(increase(every([1, odd, 3]), 0, 30) or 0)


@untimed
@given(GROWTH, st.floats(0, 20), st.floats(0, 20))
def test_growth_is_never_negative_and_never_less_than_what_was_seen(steps, before, after):
    total, values = 0.0, []
    for step in steps:
        total += step
        values.append(total)
    grown = increase(every(values, start=before), 0, before + 15 * (len(values) - 1) + after)
    assert grown is not None and grown >= (values[-1] - values[0]) * (1 - 1e-9)


@untimed
@given(GROWTH)
def test_restarts_never_make_growth_negative(values):
    grown = increase(every(values), 0, 15 * (len(values) - 1))
    assert grown is not None and grown >= 0


BUCKETS = [(0.01, 22.0), (0.05, 61.0), (0.1, 80.0), (0.5, 97.8), (1.0, 99.4), (math.inf, 100.0)]


def test_a_quantile_lies_within_its_bucket_in_proportion():
    assert quantile(0.95, BUCKETS) == pytest.approx(0.1 + 0.4 * 15 / 17.8)
    assert quantile(0.1, BUCKETS) == pytest.approx(0.01 * 10 / 22)


def test_a_quantile_beyond_the_last_bound_is_that_bound():
    assert quantile(0.999, BUCKETS) == 1.0


@pytest.mark.parametrize(
    "buckets",
    [
        [],
        [(math.inf, 5.0)],
        [(0.1, 5.0), (0.5, 6.0)],
        [(0.1, 0.0), (math.inf, 0.0)],
        [(0.1, math.nan), (math.inf, 4.0)],
    ],
)
def test_without_observations_or_an_infinite_bucket_there_is_no_quantile(buckets):
    assert quantile(0.95, buckets) is None


def test_equal_bounds_are_one_bucket_and_a_wider_one_never_holds_less():
    assert quantile(0.5, [(1.0, 2.0), (1.0, 2.0), (2.0, 3.0), (math.inf, 8.0)]) == pytest.approx(1.0)
    assert quantile(0.5, [(0.0, 9.0), (1.0, 9.0), (math.inf, 10.0)]) == 0.0


@untimed
@given(st.lists(st.floats(0, 1e5), min_size=2, max_size=8), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_greater_share_never_has_a_smaller_quantile(counts, one, other):
    total, buckets = 0.0, []
    for bound, count in enumerate(counts[:-1], 1):
        total += count
        buckets.append((float(bound), total))
    buckets.append((math.inf, total + counts[-1]))
    low, high = quantile(min(one, other), buckets), quantile(max(one, other), buckets)
    assert (low is None) == (high is None)
    assert low is None or high is None or low <= high + 1e-9

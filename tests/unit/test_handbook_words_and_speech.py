"""The words that every room uses: verdicts, readings and their freshness; and how figures are said."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.speech import listing, size, span
from openova_console.handbook.words import CLOCK_SLACK_S, Reading, Verdict, worst
from tests.support.factories import NOW, missing, reading, untimed

SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
BYTES = {"B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
anything = st.floats(-1e15, 1e15) | st.floats(-1e4, 1e4) | st.sampled_from([math.nan, math.inf, -math.inf])


def measured(text: str, units: dict[str, float]) -> float:
    """What a said figure stands for."""
    assert re.fullmatch(r"-?(\d+(\.\d+)? [A-Za-z]+)( \d+ [A-Za-z]+)*", text), text
    parts = re.findall(r"(\d+(?:\.\d+)?) ([A-Za-z]+)", text)
    total = sum(float(number) * units[unit] for number, unit in parts)
    return -total if text.startswith("-") else total


def test_breach_outweighs_unknown_outweighs_warning_outweighs_ok():
    order = [Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BREACH]
    for index, verdict in enumerate(order):
        assert worst(order[: index + 1]) is verdict


def test_nothing_measured_is_unknown():
    assert worst([]) is Verdict.UNKNOWN


@untimed
@given(st.lists(st.sampled_from(Verdict), min_size=1), st.sampled_from(Verdict))
def test_one_more_verdict_never_makes_the_whole_better(verdicts, more):
    order = [Verdict.OK, Verdict.WARN, Verdict.UNKNOWN, Verdict.BREACH]
    assert order.index(worst([*verdicts, more])) >= order.index(worst(verdicts))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (reading(1.0, age_s=60.1), "the last sample is 60 s old, the limit is 60 s"),
        (reading(1.0, age_s=3600), "the last sample is 1 h old, the limit is 60 s"),
        (reading(1.0, age_s=-6), "the sample is dated 6 s in the future: a clock is wrong"),
        (missing("Region 1's Prometheus refused the connection"), "Region 1's Prometheus refused the connection"),
        (missing(""), "no sample"),
        (Reading(1.0, "s", None, "x"), "no sample"),
        (reading(1.0, completeness="partial"), "the answer is incomplete"),
        (reading(1.0, completeness="partial", error="a store is missing"), "a store is missing"),
    ],
)
def test_a_reading_that_may_not_be_judged_says_why(said, why):
    assert not said.fresh(NOW, 60)
    assert said.why_not_fresh(NOW, 60) == why


def test_a_fresh_reading_has_no_excuse():
    assert reading(0.0, age_s=60).fresh(NOW, 60)
    assert reading(0.0, age_s=60).why_not_fresh(NOW, 60) == ""
    assert reading(False, age_s=-CLOCK_SLACK_S).fresh(NOW, 60)


@untimed
@given(st.floats(-1e6, 1e6), st.floats(0.1, 1e5))
def test_fresh_means_within_the_budget_and_not_from_the_future(age_s, budget_s):
    fresh = reading(1, age_s=age_s).fresh(NOW, budget_s)
    if age_s > budget_s + 0.001 or age_s < -CLOCK_SLACK_S - 0.001:
        assert not fresh
    assert fresh == (reading(1, age_s=age_s).why_not_fresh(NOW, budget_s) == "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.0004, "0.4 ms"), (0.005, "5 ms"), (0.06, "0.06 s"), (0.4, "0.4 s"), (9, "9 s"), (9.96, "10 s"),
        (99, "99 s"), (150, "2 min 30 s"), (599.6, "10 min"), (3599, "60 min"), (3720, "1 h 02 min"), (86399, "24 h"),
        (86400, "1 d"), (273600, "3 d 4 h"), (30 * 86400, "30 d"), (-6, "-6 s"), (-1e-9, "0 s"),
        (math.nan, "unknown"), (math.inf, "unknown"), (-math.inf, "unknown"),
    ],
)  # fmt: skip
def test_spans_as_they_are_said(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"), (28, "28 B"), (999, "999 B"), (999.6, "1 KB"), (7_221_264, "7.2 MB"), (72_288, "72 KB"),
        (5e9, "5 GB"), (2e15, "2000 TB"), (-70, "-70 B"), (math.nan, "unknown"), (math.inf, "unknown"),
    ],
)  # fmt: skip
def test_sizes_as_they_are_said(count, text):
    assert size(count) == text


@untimed
@given(anything)
def test_a_figure_always_has_its_unit_and_is_never_far_off(value):
    for say, units in ((span, SECONDS), (size, BYTES)):
        text = say(value)
        if math.isfinite(value):
            assert measured(text, units) == pytest.approx(value, rel=0.06, abs=0.51 if say is size else 0.051)
        else:
            assert text == "unknown"


@untimed
@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_more_is_never_said_as_less(one, other):
    less, more = sorted((one, other))
    assert measured(span(less), SECONDS) <= measured(span(more), SECONDS)
    assert measured(size(less), BYTES) <= measured(size(more), BYTES)


def test_lists_as_a_person_says_them():
    assert [listing([]), listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]

"""The budget's arithmetic: marks, forecast, headroom, and what is never blocked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openova_console.handbook.budget import (
    BudgetAssessment,
    Figures,
    Node,
    Prices,
    Request,
    gate,
    headroom,
    judge_budget,
    money,
    month_bounds,
    percent_of,
    price_list,
    share_left,
    together,
)
from openova_console.handbook.words import Judgement, Reading, Verdict
from tests.support.factories import missing, untimed

NOW = datetime(2026, 11, 16, 0, 0, tzinfo=UTC)
"""The middle of a month of 30 days."""


def at(value: float, *, age_s: float = 0, **more) -> Reading[float]:
    return Reading(value, "", NOW - timedelta(seconds=age_s), "test", **more)


def figures(spent: float | Reading[float] = 30.0, pace: float | Reading[float] = 60.0, **changes) -> Figures:
    both = [part if isinstance(part, Reading) else at(part) for part in (spent, pace)]
    return replace(Figures(*both, "OpenCost", "the price list", 12, 4.5), **changes)


def judge(found: Figures, budget: float | None = 90) -> BudgetAssessment:
    return judge_budget(found, budget, warn_percent=80, now=NOW, spent_s=86400, pace_s=3600, currency="€")


def test_the_month_and_how_much_of_it_is_left():
    assert month_bounds(NOW) == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    assert month_bounds(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))[1] == datetime(2027, 1, 1, tzinfo=UTC)
    assert month_bounds(datetime(2028, 2, 29, tzinfo=UTC))[1] == datetime(2028, 3, 1, tzinfo=UTC)
    assert share_left(NOW) == 0.5 and share_left(datetime(2026, 11, 1, tzinfo=UTC)) == 1


@pytest.mark.parametrize(
    ("spent", "pace", "verdict", "sentence"),
    [
        (29, 60, Verdict.OK, "€60 is what a month costs with what runs now, 66 % of €90; 6 more nodes would fit"),
        (42, 60, Verdict.WARN, "€72 will be spent by the end of the month, 80 % of €90; 6 more nodes would fit"),
        (41.9, 60, Verdict.OK, "€71.90 will be spent by the end of the month, 79 % of €90; 6 more nodes would fit"),
        (44, 89.6, Verdict.WARN, "€89.60 is what a month costs with what runs now, 99 % of €90; no further node fits"),
        (44, 90, Verdict.BREACH, "€90 is what a month costs with what runs now, 100 % of €90: scaling up is blocked"),
        (90, 0, Verdict.BREACH, "€90 is spent, 100 % of €90: scaling up is blocked"),
        (70, 50, Verdict.BREACH, "€95 will be spent by the end of the month, 105 % of €90: scaling up is blocked"),
        (20, 105, Verdict.BREACH, "€105 is what a month costs with what runs now, 116 % of €90: scaling up is blocked"),
    ],
)
def test_the_marks(spent, pace, verdict, sentence):
    found = judge(figures(spent, pace))
    assert (found.judgement.verdict, found.judgement.sentence) == (verdict, sentence)


def test_without_a_budget_nothing_is_said_and_nothing_is_zero():
    found = judge(figures(), None)
    assert found.judgement == Judgement.unknown("No budget is set")
    assert (found.percent, found.headroom, found.spent, found.forecast) == (None, None, 30, pytest.approx(60, abs=0.01))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spent": missing("OpenCost was not read yet")}, "what is spent is not known, OpenCost was not read yet"),
        ({"spent": at(30, age_s=90000)}, "what is spent is not known, the last sample is 1 d 1 h old, the limit is 1 d"),
        ({"spent": at(30, completeness="partial", error="not whole")}, "what is spent is not known, not whole"),
        ({"pace": missing("denied")}, "what a month costs now is not known, denied"),
        ({"pace": at(60, age_s=3601)}, "what a month costs now is not known, the last sample is 1 h old"),
    ],
)
def test_figures_that_are_missing_old_or_partial_are_unknown_unless_the_rest_is_over_by_itself(changes, words):
    found = judge(figures(**changes))
    assert found.judgement.verdict is Verdict.UNKNOWN and words in found.judgement.sentence
    assert (found.percent, found.headroom) == (None, None)
    over = judge(replace(figures(100, 120), **changes))
    assert over.judgement.verdict is Verdict.BREACH and over.percent is not None and over.percent > 100


def test_what_opencost_has_not_counted_yet_is_expected_at_todays_pace():
    behind = judge(figures(spent=at(30, age_s=36000)))
    assert behind.forecast == pytest.approx(30 + 60 * (15 * 24 + 10) / 720)


def test_headroom_is_unknown_without_a_price():
    assert judge(figures(node_price=None)).headroom is None
    assert "node" not in judge(figures(node_price=None)).judgement.sentence
    assert "1 more node would fit" in judge(figures(30, 84)).judgement.sentence


def test_the_price_list_counts_nodes_from_the_day_they_were_made():
    nodes = [Node("a", "", None), Node("b", "", NOW - timedelta(days=3)), Node("c", "big", NOW - timedelta(days=300))]
    spent, pace = price_list(nodes, Prices({"": 3.0, "big": 9.0}, 6.0), NOW)
    assert pace == 6 + 3 + 3 + 9
    assert spent == pytest.approx(6 * 0.5 + 3 * 0.5 + 3 * 0.1 + 9 * 0.5)
    assert price_list([*nodes, Node("d", "huge", None)], Prices({"big": 9.0}, 0), NOW) == (
        "the price list has no price for nodes without a type"
    )
    assert price_list([Node("d", "huge", None)], Prices({"big": 9.0}, 0), NOW) == "the price list has no price for huge"


def test_together_a_missing_part_makes_the_sum_missing():
    both = together([figures(30, 60), figures(10, 20, nodes=3, spent_by="the price list")])
    assert (both.spent.value, both.pace.value, both.nodes, both.node_price) == (40, 80, 15, 4.5)
    assert both.spent_by == "OpenCost and the price list"
    partly = together([figures(), figures(spent=missing("silent"), nodes=None, node_price=None)])
    assert (partly.spent.value, partly.spent.error, partly.nodes, partly.node_price) == (None, "silent", None, None)
    assert together([figures(), figures(pace=at(1, completeness="partial", error="cut"))]).pace.error == "cut"
    assert together([]).spent.value is None


def test_only_scaling_up_is_ever_blocked():
    fine, over, unknown = judge(figures()), judge(figures(100)), judge(figures(spent=missing()))
    for request in (Request.SCALE_DOWN, Request.FAILOVER):
        assert gate(request, [over, unknown]).allowed and gate(request, []).allowed
    assert gate(Request.SCALE_UP, [fine]).allowed
    blocked = gate(Request.SCALE_UP, [fine, unknown, over])
    assert (blocked.allowed, blocked.overridable) == (False, True) and "scaling up is blocked" in blocked.sentence
    waiting = gate(Request.SCALE_UP, [fine, unknown])
    assert (waiting.allowed, waiting.overridable) == (False, True)
    assert waiting.sentence.startswith("Scaling up waits for a person: not known: what is spent is not known")
    assert not gate(Request.SCALE_UP, []).allowed


def test_money_is_shown_as_people_write_it():
    assert [money(v, "€") for v in (69, 4.5, 1234.4, 0, 99.999)] == ["€69", "€4.50", "€1,234", "€0", "€100"]
    assert money(12.5, "EUR") == "EUR 12.50"


amounts = st.floats(0, 1e6)
budgets = st.floats(0.01, 1e6)


@untimed
@given(amounts, amounts, budgets)
def test_ok_means_that_every_figure_is_below_the_warning(spent, pace, budget):
    found = judge(figures(spent, pace), budget)
    assert found.percent is not None and found.forecast is not None
    highest = max(percent_of(x, budget) for x in (spent, pace, found.forecast))
    assert (found.judgement.verdict is Verdict.BREACH) == (highest >= 100)
    assert (found.judgement.verdict is Verdict.OK) == (highest < 80)


@untimed
@given(budgets)
def test_exactly_the_budget_blocks(budget):
    assert judge(figures(0, budget), budget).judgement.verdict is Verdict.BREACH
    assert judge(figures(budget, 0), budget).judgement.verdict is Verdict.BREACH


@untimed
@given(amounts, amounts, amounts, budgets)
def test_more_money_is_never_a_better_verdict(spent, pace, more, budget):
    order = [Verdict.OK, Verdict.WARN, Verdict.BREACH]
    less, grown = judge(figures(spent, pace), budget), judge(figures(spent + more, pace + more), budget)
    assert order.index(grown.judgement.verdict) >= order.index(less.judgement.verdict)


@untimed
@given(st.floats(1, 1000), st.floats(0, 1000), st.floats(0, 1000), st.floats(0.5, 100), st.floats(0, 1))
def test_headroom_fits_and_one_more_does_not(budget, pace, forecast, price, left):
    room = headroom(budget, pace, forecast, price, left)

    def fits(count: int) -> bool:
        return all(percent_of(x, budget) < 100 for x in (pace + count * price, forecast + count * price * left))

    assert room == 0 or fits(room)
    assert not fits(room + 1)


@untimed
@given(st.lists(st.floats(0, 400), min_size=1, max_size=8), st.floats(1, 50))
def test_the_price_list_never_counts_more_than_a_whole_month(days, price):
    nodes = [Node(str(i), "", NOW - timedelta(days=d)) for i, d in enumerate(days)]
    found = price_list(nodes, Prices({"": price}, 0), NOW)
    assert not isinstance(found, str)
    spent, pace = found
    assume(pace > 0)
    assert 0 <= spent <= pace / 2 * (1 + 1e-9)

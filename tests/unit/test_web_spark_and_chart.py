"""Sparklines and charts: to scale, with the objective on the picture, and never a line across a gap."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openova_console.handbook.replication import Objective, Service
from openova_console.handbook.words import Verdict
from openova_console.store.history import Point
from openova_console.watch.history import Chart
from openova_console.web import chart, spark
from tests.support.factories import NOW, untimed

GOAL = Objective(Service.CNPG, 5, 30)
values = st.lists(st.none() | st.floats(0, 1e6), max_size=60)


def strokes(path: str) -> list[list[tuple[float, float]]]:
    """The pen's strokes: a list of points for each time that it was put down."""
    found: list[list[tuple[float, float]]] = []
    for command, x, y in re.findall(r"([ML])([\d.]+) ([\d.]+)", path):
        if command == "M":
            found.append([])
        found[-1].append((float(x), float(y)))
    return found


def stretches(known: list[bool]) -> int:
    return sum(now and not before for before, now in zip([False, *known], known, strict=False))


@untimed
@given(values, st.floats(0.1, 1e4))
def test_a_sparkline_never_crosses_a_gap_and_stays_on_its_picture(found, limit):
    drawn = spark.draw(found, limit=limit)
    known = [value is not None for value in found]
    assert len(strokes(drawn.path)) == stretches(known)
    assert sum(map(len, strokes(drawn.path))) == sum(known)
    for x, y in (point for stroke in strokes(drawn.path) for point in stroke):
        assert 0 <= x <= spark.WIDTH and 0 <= y <= spark.HEIGHT
    assert len(drawn.gaps) == stretches([not k for k in known])
    for x, width in drawn.gaps:
        assert 0 <= x <= x + width <= spark.WIDTH + 1e-6 and width > 0
    if found:
        assert 0 < drawn.limit_y < spark.HEIGHT


@untimed
@given(st.lists(st.floats(0, 100), min_size=2, max_size=48))
def test_a_higher_lag_is_never_drawn_lower(found):
    heights = [y for stroke in strokes(spark.draw(found, limit=5).path) for _, y in stroke]
    for (one, high), (other, low) in zip(
        zip(found, heights, strict=True), zip(found[1:], heights[1:], strict=True), strict=False
    ):
        if one > other:
            assert high <= low


def test_a_lone_sample_between_gaps_is_a_dot():
    assert spark.draw([None, 2.0, None], limit=5).path.endswith("h.1")


def test_nothing_to_draw_is_an_empty_picture():
    assert spark.draw([], limit=5) == spark.Spark("", 0.0, ())
    blank = spark.draw([None] * 48, limit=5)
    assert (blank.path, blank.gaps) == ("", ((0.0, spark.WIDTH),))


def point(minute: int, mean: float | None, verdict: Verdict = Verdict.OK) -> Point:
    at = NOW + timedelta(minutes=minute)
    if mean is None:
        return Point(at, None, None, None, Verdict.UNKNOWN, 0, 3)
    return Point(at, mean / 2, mean * 2, mean, verdict, 3, 0)


def chart_of(*means: float | None) -> Chart:
    points = tuple(point(i, m) for i, m in enumerate(means))
    return Chart("replication/cnpg/lag_s", NOW, NOW + timedelta(minutes=len(means)), points)


def traces(found: Chart):
    figure = chart.figure(found, GOAL)
    return {trace["name"]: trace for trace in figure["data"]}, figure["layout"]


def test_the_line_breaks_where_nothing_was_known_and_the_gap_is_grey():
    data, layout = traces(chart_of(1.0, 2.0, None, None, 1.0, None))
    assert data["lag"]["y"] == [1.0, 2.0, None, None, 1.0, None]
    assert data["lag"]["connectgaps"] is False
    grey = [(s["x0"], s["x1"]) for s in layout["shapes"] if s["type"] == "rect"]
    assert grey == [
        ("2026-03-01T12:02:00.000Z", "2026-03-01T12:04:00.000Z"),
        ("2026-03-01T12:05:00.000Z", "2026-03-01T12:06:00.000Z"),
    ]


def test_a_breach_without_a_figure_is_red_and_apart_from_what_was_not_known():
    points = [replace(p, verdict=Verdict.BREACH) if n == 1 else p for n, p in enumerate(chart_of(1.0, None, None).points)]
    blocks = chart.figure(replace(chart_of(1.0, None, None), points=tuple(points)), GOAL)["layout"]["shapes"]
    assert [s["fillcolor"] for s in blocks if s["type"] == "rect"] == [chart.BROKEN, chart.GAP]


def test_the_range_is_one_closed_outline_for_each_stretch():
    data, _ = traces(chart_of(1.0, 2.0, None, 4.0))
    band = data["range"]
    assert band["fill"] == "toself"
    assert band["y"] == [2.0, 4.0, 1.0, 0.5, None, 8.0, 2.0]
    assert band["x"][4] is None and len(band["x"]) == len(band["y"])


def test_objective_and_limit_are_drawn_in():
    _, layout = traces(chart_of(1.0))
    assert [s["y0"] for s in layout["shapes"] if s["type"] == "line"] == [5, 30]
    assert [a["text"] for a in layout["annotations"]] == ["objective 5 s", "breach 30 s"]
    assert layout["yaxis"]["type"] == "linear"


def test_on_a_logarithmic_axis_zero_is_still_on_the_picture_and_still_called_zero():
    data, layout = traces(chart_of(0.0, 500.0, 0.0))
    assert layout["yaxis"]["type"] == "log"
    assert data["lag"]["y"] == [0.005, 500.0, 0.005]
    assert data["lag"]["customdata"] == [0.0, 500.0, 0.0]
    assert all(y is None or y > 0 for y in data["range"]["y"])
    assert layout["annotations"][0]["y"] == pytest.approx(0.699, abs=0.001)


def test_the_table_says_the_newest_steps_first_and_gaps_as_unknown():
    empty = replace(point(9, None), unknown=0)
    found = replace(chart_of(1.0, None, 31.0), points=(*chart_of(1.0, None, 31.0).points, empty))
    rows = chart.table(found)
    assert [(r.value, r.low, r.high, r.verdict) for r in rows] == [
        ("31 s", "16 s", "62 s", "OK"),
        ("unknown", "unknown", "unknown", "Unknown"),
        ("1 s", "0.5 s", "2 s", "OK"),
    ]
    assert len(chart.table(chart_of(*[1.0] * 100))) == 48


@untimed
@given(values)
def test_no_chart_is_drawn_across_a_gap(found):
    data, layout = traces(chart_of(*found))
    assert [y is None for y in data["lag"]["y"]] == [v is None for v in found]
    known = [v is not None for v in found]
    assert sum(s["type"] == "rect" for s in layout["shapes"]) == stretches([not k for k in known])
    assert data["range"]["y"].count(None) == max(0, stretches(known) - 1)

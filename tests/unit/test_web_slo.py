"""The objectives' panel and burn chart: finished words for every state, gaps that stay gaps, a selection that is parsed."""

from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from openova_console.handbook.burn import DAY, HOUR
from openova_console.handbook.slo import Sli
from openova_console.handbook.words import Verdict
from openova_console.store.database import migrate, open_engine
from openova_console.watch.board import judge
from openova_console.watch.history import Chart, History, Point
from openova_console.watch.slo_history import RANGES, points, slo_series
from openova_console.web import services as console
from openova_console.web import slo_chart
from openova_console.web.states.slo import SloView
from openova_console.web.topics.slo import SloLine, SloPanel, values
from tests.support.factories import NOW, settings, snapshot
from tests.support.slo import MONTH, counted, evidence, outcomes, windows

SETTINGS = settings()


def panel(one=None, two=None, **more) -> dict:
    slo = {"region-1": one or evidence(), "region-2": two or evidence()} if not more else more["slo"]
    board = judge(snapshot(slo=slo), SETTINGS, NOW)
    found = dict(values(board, SimpleNamespace(settings=SETTINGS), NOW))  # type: ignore[arg-type]
    assert set(found) <= set(SloPanel.get_fields())
    return found


def test_three_together_and_each_with_its_regions():
    found = panel()
    assert [line.title for line in found["whole"]] == ["Availability", "Latency (p95)", "Error rate"]
    assert [line.id for line in found["lines"]][:4] == [
        "availability/all",
        "availability/region-1",
        "availability/region-2",
        "latency/all",
    ]
    assert (found["verdict"], found["sentence"], found["month"]) == ("ok", "All three objectives are met", "30 d")


def test_words_of_a_calm_line():
    line: SloLine = panel()["whole"][0]
    assert (line.current, line.target, line.alert) == ("99.96 %", "≥ 99.9 %", "< 99.5 % for 5 min")
    assert (line.left, line.left_width, line.lasts) == ("60 %", "60", "lasts at this pace")
    assert [(b.window, b.rate, b.verdict) for b in line.burns] == [
        ("5 min", "0.4×", "ok"),
        ("1 h", "0.4×", "ok"),
        ("6 h", "0.4×", "ok"),
        ("3 d", "0.4×", "ok"),
    ]
    assert (line.place, line.href, line.trace) == ("All regions", "/slo?sli=availability", "slo/region-1")
    latency = panel()["whole"][1]
    assert (latency.current, latency.target, latency.alert) == ("437 ms", "< 500 ms", "> 1 s for 5 min")


def test_words_of_a_burn():
    shares = {300: 0.03, HOUR: 0.02, 6 * HOUR: 0.007, 3 * DAY: 0.002, MONTH: 0.0015}
    bad = replace(evidence(0.03), outcomes=windows(counted(outcomes(0.03)), shares))
    line: SloLine = panel(bad, bad)["whole"][0]
    assert [(b.rate, b.verdict) for b in line.burns] == [
        ("30×", "breach"),
        ("20×", "breach"),
        ("7×", "breach"),
        ("2×", "warn"),
    ]
    assert (line.left, line.left_width, line.lasts) == ("overspent by 50 %", "0", "spent")
    some = replace(bad, outcomes=windows(counted(outcomes(0.03)), {HOUR: 0.0144, MONTH: 0.0}))
    assert panel(some, some)["whole"][0].lasts == "spent in 2 d 2 h at this pace"


def test_nothing_unknown_is_ever_shown_as_a_number():
    found = panel(slo={"region-1": evidence()})
    for line in (*found["whole"], *(part for part in found["lines"] if part.place == "Region 2")):
        assert (line.current, line.left, line.left_width, line.lasts) == ("unknown", "unknown", "0", "not known")
        assert {burn.verdict for burn in line.burns} == {"unknown"} and {burn.rate for burn in line.burns} == {"unknown"}
        assert line.verdict == line.rule_verdict == line.burn_verdict == "unknown" and line.left_why


def chart(*means: float | None) -> Chart:
    at = [NOW + timedelta(minutes=n) for n in range(len(means))]
    steps = tuple(
        Point(t, m, m, m, Verdict.OK if m is not None else Verdict.UNKNOWN, int(m is not None), int(m is None))
        for t, m in zip(at, means, strict=True)
    )
    return Chart("x", at[0], at[-1] + timedelta(minutes=1), steps)


def test_the_chart_breaks_where_nothing_was_known_and_draws_the_limits():
    drawn = slo_chart.figure([("All regions", chart(0.4, None, 30)), ("Region 1", chart(0.4, 0.0, 31))])
    whole, one = drawn["data"]
    assert whole["y"] == [0.4, None, 30] and not whole["connectgaps"]
    assert (one["y"][1], one["customdata"][1]) == (slo_chart.LEAST, 0.0), "a logarithmic axis has no zero; the label says 0"
    shapes = drawn["layout"]["shapes"]
    assert [s["y0"] for s in shapes if s["type"] == "line"] == [14.4, 6, 1]
    assert len([s for s in shapes if s["type"] == "rect"]) == 1
    assert drawn["layout"]["yaxis"]["range"][1] == pytest.approx(1.606, abs=0.01)
    assert not slo_chart.figure([("All regions", chart(1))])["layout"]["showlegend"]


def test_the_table_behind_it_says_unknown():
    rows = slo_chart.table([("All regions", chart(0.4, None)), ("Region 1", chart(0.4, 12.0))])
    assert [(row.verdict, row.rates) for row in rows] == [("Unknown", ["unknown", "12×"]), ("OK", ["0.4×", "0.4×"])]


@dataclass
class Address:
    query_parameters: dict[str, str]


@pytest.mark.parametrize(
    ("asked", "sli", "range_"),
    [
        ({"sli": "latency", "range": "30d"}, "latency", "30d"),
        ({}, "availability", "1d"),
        ({"sli": "<b>", "range": "90d"}, "availability", "1d"),
    ],
)
async def test_the_selection_comes_from_the_address_and_is_parsed(tmp_path, monkeypatch, asked, sli, range_):
    url = f"sqlite:///{tmp_path / 'console.db'}"
    migrate(url)
    engine = open_engine(url)
    history = History(engine, SETTINGS)
    await history.record(judge(snapshot(slo={"region-1": evidence(), "region-2": evidence()}), SETTINGS, NOW))
    monkeypatch.setattr(console, "now", lambda: NOW)
    running = SimpleNamespace(settings=SETTINGS, watch=SimpleNamespace(history=history))
    monkeypatch.setattr(console, "services", lambda: running)
    view = SimpleNamespace(router=SimpleNamespace(url=Address(asked)))
    handler = SloView.arrive.fn
    await getattr(handler, "__wrapped__", handler)(view)
    engine.dispose()
    assert (view.sli, view.range, view.note) == (sli, range_, "")
    assert view.columns == ["All regions", "Region 1", "Region 2"]
    assert len(view.points) == 1 and view.points[0].verdict == "OK"
    assert len(view.figure["data"][0]["x"]) == points(RANGES[range_], 60)


async def test_a_month_of_three_series_is_read_in_one_question(tmp_path):
    url = f"sqlite:///{tmp_path / 'console.db'}"
    migrate(url)
    engine = open_engine(url)
    history = History(engine, SETTINGS)
    names = [slo_series(Sli.LATENCY, region, "burn_1h") for region in ("", "region-1", "region-2")]
    found = await history.charts(names, NOW - timedelta(days=30), NOW, 240)
    engine.dispose()
    assert list(found) == names
    assert all(len(c.points) == 240 and all(p.mean is None for p in c.points) for c in found.values())

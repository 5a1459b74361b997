"""The burn chart of one objective: the burn over an hour of all regions and of each, with the limits drawn in."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from openova_console.handbook.burn import rate_words
from openova_console.watch.history import Chart
from openova_console.web.chart import BREACH, LINE, WARN, gaps, label, level, rounded
from openova_console.web.present import WORDS, iso

LEAST = 0.05
"""A logarithmic axis has no zero: what burns slower lies on its lowest line, and the label still says how much."""
PACE = "#7c8794"
_STYLES = (("solid", LINE, 2.0), ("dash", "#b3651d", 1.4), ("dot", "#2b8a7d", 1.4))


@dataclass(frozen=True, slots=True)
class BurnPoint:
    """One step of the table: the mean burn of all together, then of each region."""

    at: str
    verdict: str
    rates: list[str]


def figure(charts: Sequence[tuple[str, Chart]]) -> dict[str, Any]:
    """Burn over time, all together first; grey where that is not known."""
    whole = charts[0][1]
    return {
        "data": [
            _line(name, chart, *style, shown=len(charts) > 1) for (name, chart), style in zip(charts, _STYLES, strict=False)
        ],
        "layout": {
            "margin": {"l": 56, "r": 16, "t": 8, "b": 36},
            "showlegend": len(charts) > 1,
            "legend": {"orientation": "h", "y": 1.12, "x": 0},
            "hovermode": "x unified",
            "xaxis": {"type": "date", "range": [iso(whole.start), iso(whole.end)], "title": {"text": "UTC"}},
            "yaxis": {"type": "log", "dtick": 1, "title": {"text": "burn rate over 1 h"}, "range": _range(charts)},
            "shapes": [*gaps(whole.points, whole.end), level(14.4, BREACH), level(6, WARN), level(1, PACE)],
            "annotations": [
                label(14.4, "14.4× page", BREACH, "log"),
                label(6, "6× page over 6 h", WARN, "log"),
                label(1, "1× spends exactly the budget", PACE, "log"),
            ],
        },
    }


def table(charts: Sequence[tuple[str, Chart]]) -> list[BurnPoint]:
    """The newest steps in words, newest first."""
    rows = [
        BurnPoint(iso(steps[0].at), WORDS[steps[0].verdict], [_words(step.mean) for step in steps])
        for steps in zip(*(reversed(chart.points) for _, chart in charts), strict=True)
        if any(step.count or step.unknown for step in steps)
    ]
    return rows[:48]


def _line(name: str, chart: Chart, dash: str, color: str, width: float, *, shown: bool) -> dict[str, Any]:
    means = [rounded(point.mean) for point in chart.points]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [iso(point.at) for point in chart.points],
        "y": [None if mean is None else max(mean, LEAST) for mean in means],
        "customdata": means,
        "name": name,
        "showlegend": shown,
        "connectgaps": False,
        "hovertemplate": "%{customdata:.3~g}×",
        "line": {"width": width, "color": color, "dash": dash},
    }


def _range(charts: Sequence[tuple[str, Chart]]) -> list[float]:
    """In powers of ten: from the lowest line to above the highest limit, and above whatever burns faster."""
    top = max((point.maximum or 0.0 for _, chart in charts for point in chart.points), default=0.0)
    return [log10(LEAST), log10(max(40.0, top * 1.3))]


def _words(rate: float | None) -> str:
    return "unknown" if rate is None else rate_words(rate)

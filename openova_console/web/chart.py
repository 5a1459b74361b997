"""The history chart of one series: a Plotly figure as a plain dict, and the table behind it.

The line breaks where nothing was known and the gap is shaded grey; thresholds are drawn in; values are rounded to what
a person can read. Colours are mid-tones that hold on both themes; the page's template sets the rest.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from math import log10
from typing import Any

from openova_console.handbook.replication import Objective
from openova_console.handbook.speech import span
from openova_console.handbook.words import Verdict
from openova_console.watch.history import Chart, Point
from openova_console.web.present import WORDS, iso
from openova_console.web.rows import PointRow

LINE, BAND, WARN, BREACH, GAP = "#3b6fe0", "rgba(59,111,224,.18)", "#b97a0a", "#cf4a42", "rgba(128,140,155,.16)"
BROKEN = "rgba(207,74,66,.22)"


def figure(chart: Chart, objective: Objective) -> dict[str, Any]:
    """Lag in seconds over time, with the objective's two lines."""
    points = chart.points
    top = max([objective.breach_s * 1.1, *(p.maximum or 0 for p in points)])
    scale = "log" if top > objective.warn_s * 40 else "linear"
    # A logarithmic axis has no zero: what is in step lies on its lowest line, and the label still says 0.
    least = objective.warn_s / 1000 if scale == "log" else 0.0
    means = [rounded(p.mean) for p in points]
    return {
        "data": [
            _band(points, least),
            {
                "type": "scatter",
                "mode": "lines",
                "x": [iso(p.at) for p in points],
                "y": [None if mean is None else max(mean, least) for mean in means],
                "customdata": means,
                "name": "lag",
                "connectgaps": False,
                "hovertemplate": "%{customdata:.3~g} s<extra></extra>",
                "line": {"width": 1.8, "color": LINE},
            },
        ],
        "layout": {
            "margin": {"l": 56, "r": 16, "t": 8, "b": 36},
            "showlegend": False,
            "hovermode": "x unified",
            "xaxis": {"type": "date", "range": [iso(chart.start), iso(chart.end)], "title": {"text": "UTC"}},
            "yaxis": {"rangemode": "tozero", "title": {"text": "lag in seconds"}, "type": scale},
            "shapes": [
                *gaps(points, chart.end),
                level(objective.warn_s, WARN),
                level(objective.breach_s, BREACH),
            ],
            "annotations": [
                label(objective.warn_s, f"objective {span(objective.warn_s)}", WARN, scale),
                label(objective.breach_s, f"breach {span(objective.breach_s)}", BREACH, scale),
            ],
        },
    }


def table(chart: Chart) -> list[PointRow]:
    """The newest steps of the chart in words, newest first."""
    rows = [
        PointRow(iso(p.at), _words(p.mean), _words(p.minimum), _words(p.maximum), WORDS[p.verdict])
        for p in reversed(chart.points)
        if p.count or p.unknown
    ]
    return rows[:48]


def _band(points: Sequence[Point], least: float) -> dict[str, Any]:
    """The range within each step: one closed outline for each stretch, as a fill between two lines would cross the gaps."""
    x: list[str | None] = []
    y: list[float | None] = []
    for known, stretch in groupby(points, lambda p: p.minimum is not None and p.maximum is not None):
        if not known:
            continue
        steps = list(stretch)
        there = [(iso(p.at), max(p.maximum or 0.0, least)) for p in steps]
        back = [(iso(p.at), max(p.minimum or 0.0, least)) for p in reversed(steps)]
        outline = [*there, *back]
        x += [None] * bool(x) + [at for at, _ in outline]
        y += [None] * bool(y) + [rounded(value) for _, value in outline]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "name": "range",
        "fill": "toself",
        "fillcolor": BAND,
        "line": {"width": 0},
        "hoverinfo": "skip",
        "connectgaps": False,
    }


def gaps(points: Sequence[Point], end: datetime) -> list[dict[str, Any]]:
    """One block for each stretch without a figure: grey where nothing was known, red where it was a breach all the same."""
    blocks: list[dict[str, Any]] = []
    for color, stretch in groupby(points, _block_color):
        steps = list(stretch)
        if color:
            after = points.index(steps[-1]) + 1
            blocks.append(_block(steps[0].at, points[after].at if after < len(points) else end, color))
    return blocks


def _block_color(point: Point) -> str:
    """Empty where there is a figure to draw."""
    if point.mean is not None:
        return ""
    return BROKEN if point.verdict is Verdict.BREACH else GAP


def _block(start: datetime, end: datetime, color: str) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": iso(start),
        "x1": iso(end),
        "y0": 0,
        "y1": 1,
        "fillcolor": color,
        "line": {"width": 0},
        "layer": "below",
    }


def level(value: float, color: str) -> dict[str, Any]:
    """A dotted line across the chart."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": color, "width": 1.2, "dash": "dot"},
    }


def label(value: float, text: str, color: str, scale: str) -> dict[str, Any]:
    """The words on such a line, at its right end."""
    return {
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "y": log10(value) if scale == "log" else value,
        "yanchor": "bottom",
        "text": text,
        "showarrow": False,
        "font": {"size": 11, "color": color},
    }


def rounded(value: float | None) -> float | None:
    """Four digits: more are neither read nor drawn."""
    return None if value is None else float(f"{value:.4g}")


def _words(value: float | None) -> str:
    return "unknown" if value is None else span(value)

"""A Plotly chart (basic bundle) in the page's own colours, without the library's default template."""

from typing import Any

import plotly.graph_objects as go
import reflex as rx
from plotly.graph_objs.layout import Template


def plot(figure: rx.Var[dict[str, Any]]) -> rx.Component:
    """A chart from a figure that a state holds as a plain dict; it fills its container."""
    return rx.plotly.basic(
        data=figure.to(go.Figure),
        template=rx.color_mode_cond(_template("#465263", "#dfe3e8"), _template("#b4bfcd", "#232d39")).to(Template),
        config={"displayModeBar": False, "responsive": True},
        style={"width": "100%", "height": "100%"},
    )


def _template(ink: str, grid: str) -> dict[str, object]:
    axis = {"gridcolor": grid, "linecolor": grid, "zerolinecolor": grid, "automargin": True}
    return {
        "layout": {
            "font": {"color": ink, "size": 12, "family": "system-ui, sans-serif"},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": axis,
            "yaxis": axis,
        }
    }

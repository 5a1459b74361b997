"""The budget: the panel, its rows, what fills them, and the card on the overview."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import floor
from typing import Any

import reflex as rx

from openova_console.handbook.budget import money, month_bounds
from openova_console.watch.board import Board
from openova_console.watch.board.budget import BudgetRow
from openova_console.watch.watch import Watch
from openova_console.web.components.basics import age, goto, sourced, state
from openova_console.web.present import WORDS, iso

BAR, FULL = 240.0, 192.0
"""Width of a bar in its own units, and where 100 % of the budget lies on it: there is room for 125 %."""
UNSET = "No budget is set. cost.monthly_budget in the settings is the amount per month for both regions together."


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """One region's money, or both regions' together. `spent_w` and the like are places on the bar; "" draws nothing."""

    id: str
    name: str
    verdict: str
    word: str
    sentence: str
    spent: str
    forecast: str
    pace: str
    budget: str
    percent: str
    headroom: str
    nodes: str
    by: str
    at: str
    fresh_s: float
    trace: str
    spent_w: str = ""
    forecast_w: str = ""
    pace_x: str = ""
    warn_x: str = ""
    full_x: str = ""
    bar_words: str = ""
    marks: str = ""


class BudgetPanel(rx.State):
    """What the platform costs against its budget."""

    verdict: str = "unknown"
    sentence: str = ""
    note: str = ""
    rows: list[MoneyRow] = []
    month: str = ""
    ends: str = ""


def values(board: Board, watch: Watch, now: datetime) -> Mapping[str, Any]:
    """The panel's vars."""
    settings, budget = watch.settings, board.budget
    begins, ends = month_bounds(now)
    return {
        "verdict": budget.judgement.verdict.value,
        "sentence": budget.judgement.sentence,
        "note": "" if budget.measured else UNSET,
        "rows": [
            _row(
                row,
                settings.cost.currency,
                settings.cost.warn_percent,
                settings.freshness.cost_s,
                settings.freshness.kubernetes_s,
            )
            for row in budget.rows
        ],
        "month": f"{begins:%B %Y}",
        "ends": iso(ends),
    }


def _row(row: BudgetRow, currency: str, warn_percent: float, cost_s: float, kube_s: float) -> MoneyRow:
    a, figures = row.assessment, row.figures

    def said(amount: float | None) -> str:
        return "unknown" if amount is None else money(amount, currency)

    def place(amount: float | None) -> str:
        return "" if amount is None or not a.budget else f"{min(BAR, max(0.0, amount / a.budget * FULL)):.1f}"

    quiet = not row.counted
    sentence = "No budget of its own; it counts towards both" if quiet else a.judgement.sentence
    return MoneyRow(
        id=row.region_id,
        name=row.name,
        verdict=a.judgement.verdict.value,
        word="Not judged" if quiet else WORDS[a.judgement.verdict],
        sentence=sentence,
        spent=said(a.spent),
        forecast=said(a.forecast),
        pace=said(a.pace),
        budget="not set" if a.budget is None else money(a.budget, currency),
        percent="" if a.percent is None else f"{floor(a.percent)} %",
        headroom="unknown" if a.headroom is None else str(a.headroom),
        nodes="unknown" if figures.nodes is None else str(figures.nodes),
        by=f"spent by {figures.spent_by}, run rate by {figures.pace_by}",
        at=iso(a.observed_at),
        fresh_s=cost_s if "OpenCost" in figures.spent_by else kube_s,
        trace=row.trace,
        spent_w=place(a.spent),
        forecast_w=place(a.forecast),
        pace_x=place(a.pace),
        warn_x=f"{FULL * warn_percent / 100:.1f}" if a.budget else "",
        full_x=f"{FULL:.1f}" if a.budget else "",
        bar_words=f"{said(a.spent)} spent, {said(a.forecast)} expected, of {said(a.budget)}" if a.budget else "",
        marks=f"; marks at {warn_percent:g} and 100 % of the budget, the tick is the run rate" if a.budget else "",
    )


def overview_card() -> rx.Component:
    """Both regions together and each, with the marks at 80 and 100 %."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(goto("Budget", "/budget", class_name="row-link")),
            rx.el.span(BudgetPanel.month, class_name="muted small"),
            rx.el.span(class_name="grow"),
            class_name="head",
        ),
        rx.el.div(
            state(BudgetPanel.verdict, BudgetPanel.sentence),
            rx.cond(BudgetPanel.note != "", rx.el.p(BudgetPanel.note, class_name="muted small")),
            rx.el.ul(rx.foreach(BudgetPanel.rows, _line), class_name="votes"),
            class_name="body",
        ),
        class_name="card",
        aria_label="Budget",
    )


def _line(row: MoneyRow) -> rx.Component:
    return rx.el.li(
        rx.el.div(rx.el.b(row.name), " ", rx.el.span(row.nodes, " nodes", class_name="xs muted")),
        sourced(
            rx.el.span(
                row.spent, rx.cond(row.budget == "not set", " spent, no budget set", " of " + row.budget), class_name="small"
            ),
            row.trace,
            row.name,
        ),
        rx.el.div(bar(row), class_name="why"),
        rx.el.div(
            rx.cond(row.forecast == "unknown", "the month's end is not known", "expected " + row.forecast),
            rx.cond(row.headroom == "unknown", " · room not known", " · room for " + row.headroom + " more nodes"),
            " · data ",
            age(row.at, fresh_s=row.fresh_s, ago=True),
            class_name="why xs muted",
        ),
        key=row.id,
    )


def bar(row: MoneyRow) -> rx.Component:
    """Spent filled, expected outlined, run rate as a tick, marks at the warning and at 100 %."""
    return rx.cond(
        row.full_x != "",
        rx.el.svg(
            rx.el.svg.rect(x="0", y="5", width=f"{BAR:g}", height="10", rx="2", class_name="track"),
            rx.cond(
                row.forecast_w != "",
                rx.el.svg.rect(x="0", y="5", width=row.forecast_w, height="10", rx="2", class_name="expected"),
            ),
            rx.cond(row.spent_w != "", rx.el.svg.rect(x="0", y="5", width=row.spent_w, height="10", rx="2", class_name="spent")),
            rx.cond(row.pace_x != "", rx.el.svg.line(x1=row.pace_x, x2=row.pace_x, y1="2", y2="18", class_name="pace")),
            rx.el.svg.line(x1=row.warn_x, x2=row.warn_x, y1="0", y2="20", class_name="mark"),
            rx.el.svg.line(x1=row.full_x, x2=row.full_x, y1="0", y2="20", class_name="mark full"),
            view_box=f"0 0 {BAR:g} 20",
            preserve_aspect_ratio="none",
            role="img",
            aria_label=row.bar_words,
            class_name="money " + row.verdict,
        ),
        rx.fragment(),
    )

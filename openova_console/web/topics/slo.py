"""The three service level objectives: the panel, its rows, what fills them, and the card on the overview."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import reflex as rx

from openova_console.handbook.burn import DAY, RULES, SHOWN, Burn, Spending, rate_words
from openova_console.handbook.slo import TITLES, Goal, Sli, percent
from openova_console.handbook.speech import span
from openova_console.handbook.words import Verdict
from openova_console.watch.board import Board
from openova_console.watch.board.slo import SloBoard, SloRow
from openova_console.watch.watch import Watch
from openova_console.web.components.basics import age, goto, sourced, state
from openova_console.web.present import WORDS, iso


@dataclass(frozen=True, slots=True)
class BurnCell:
    """The burn over one window; `verdict` is "ok" unless it is more than that window's limit."""

    window: str
    rate: str
    verdict: str
    why: str


@dataclass(frozen=True, slots=True)
class SloLine:
    """One objective of one region, or of all together."""

    id: str
    sli: str
    title: str
    place: str
    whole: bool
    verdict: str
    word: str
    current: str
    target: str
    alert: str
    rule_verdict: str
    rule_word: str
    sentence: str
    burn_verdict: str
    burn_word: str
    burn_sentence: str
    left: str
    left_width: str
    left_why: str
    lasts: str
    at: str
    fresh_s: float
    href: str
    trace: str
    burns: list[BurnCell] = field(default_factory=list)


class SloPanel(rx.State):
    """The three together, and each region's."""

    whole: list[SloLine] = []
    lines: list[SloLine] = []
    verdict: str = "unknown"
    sentence: str = ""
    month: str = ""


def values(board: Board, watch: Watch, now: datetime) -> Mapping[str, Any]:
    """The panel's vars at `now`."""
    found = board.slo
    whole = [_line(row, found) for row in found.rows]
    parts = [_line(row, found) for row in found.parts]
    return {
        "whole": whole,
        # Each objective's whole, followed by its regions.
        "lines": [line for one in whole for line in (one, *(p for p in parts if p.sli == one.sli))],
        "verdict": found.judgement.verdict.value,
        "sentence": found.judgement.sentence,
        "month": span(watch.settings.slo.window_s),
    }


def _line(row: SloRow, board: SloBoard) -> SloLine:
    goal, standing, spending = row.goal, row.standing, row.spending
    rule, burn = standing.judgement, spending.judgement
    known = standing.value is not None and rule.verdict is not Verdict.UNKNOWN
    place = row.region.display if row.region else "All regions"
    return SloLine(
        id=f"{goal.sli.value}/{row.region.id if row.region else 'all'}",
        sli=goal.sli.value,
        title=TITLES[goal.sli],
        place=place,
        whole=row.region is None,
        verdict=row.verdict.value,
        word=WORDS[row.verdict],
        current=goal.words(standing.value) if known and standing.value is not None else "unknown",
        target=_target(goal),
        alert=_alert(goal),
        rule_verdict=rule.verdict.value,
        rule_word=WORDS[rule.verdict],
        sentence=rule.sentence,
        burn_verdict=burn.verdict.value,
        burn_word=WORDS[burn.verdict],
        burn_sentence=burn.sentence,
        left=_left(spending),
        left_width="0" if spending.left is None else f"{max(0.0, min(1.0, spending.left)) * 100:.0f}",
        left_why=spending.why[:1].upper() + spending.why[1:],
        lasts=spending.lasts,
        at=iso(standing.observed_at),
        fresh_s=board.fresh_s,
        href=f"/slo?sli={goal.sli.value}",
        trace=row.traces[0] if row.traces else "",
        burns=[_cell(spending.burns[window]) for window in SHOWN],
    )


def _target(goal: Goal) -> str:
    sign = "≥" if goal.sli is Sli.AVAILABILITY else "<"
    return f"{sign} {goal.words(goal.target)}"


def _alert(goal: Goal) -> str:
    sign = "<" if goal.sli is Sli.AVAILABILITY else ">"
    return f"{sign} {goal.words(goal.alert)} for {span(goal.hold_s)}"


def _left(spending: Spending) -> str:
    if spending.left is None:
        return "unknown"
    return percent(spending.left) if spending.left >= 0 else f"overspent by {percent(-spending.left)}"


def _cell(burn: Burn) -> BurnCell:
    limit = max(rule.limit for rule in RULES if burn.window_s in (rule.long_s, rule.short_s))
    verdict = Verdict.UNKNOWN if burn.rate is None else Verdict.OK
    if burn.rate is not None and burn.rate > limit:
        verdict = Verdict.BREACH if burn.window_s < DAY else Verdict.WARN
    words = "unknown" if burn.rate is None else rate_words(burn.rate)
    return BurnCell(span(burn.window_s), words, verdict.value, burn.why)


def burn_cell(cell: BurnCell) -> rx.Component:
    """A window's burn as a small figure."""
    return rx.el.span(
        rx.el.span(cell.window, class_name="xs muted"),
        rx.el.span(
            rx.cond(cell.verdict == "unknown", "?", cell.rate),
            rx.cond(cell.verdict == "unknown", rx.el.span(" unknown", class_name="sr")),
            class_name=rx.cond(cell.verdict == "ok", "", cell.verdict),
        ),
        title=cell.why,
        class_name="burn",
        key=cell.window,
    )


def overview_card() -> rx.Component:
    """The three objectives together: now, target, burn, what is left of the budget."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(goto("SLOs", "/slo", class_name="row-link")),
            rx.el.span("Are the users served well", class_name="muted small"),
            rx.el.span(class_name="grow"),
            class_name="head",
        ),
        rx.el.div(
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("Objective", scope="col"),
                        rx.el.th("Verdict", scope="col"),
                        rx.el.th("Now, target", scope="col", class_name="num"),
                        rx.el.th("Burn", scope="col", class_name="hide-s"),
                        rx.el.th("Budget left", scope="col", class_name="num hide-s"),
                        rx.el.th("Sample", scope="col", class_name="num"),
                    )
                ),
                rx.el.tbody(rx.foreach(SloPanel.whole, _card_row)),
                class_name="fold",
            ),
            class_name="scroll",
            style={"paddingTop": "8px"},
        ),
        class_name="card",
        aria_label="SLOs",
    )


def _card_row(line: SloLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            goto(line.title, line.href, class_name="row-link"),
            rx.el.div(
                rx.cond(line.verdict == line.rule_verdict, line.sentence, line.burn_sentence),
                class_name="why",
            ),
            class_name="wide",
        ),
        rx.el.td(state(line.verdict, line.word)),
        rx.el.td(
            sourced(rx.el.b(line.current), line.trace, line.title),
            rx.el.div(line.target, class_name="xs muted"),
            class_name="num",
        ),
        rx.el.td(rx.el.div(rx.foreach(line.burns, burn_cell), class_name="burns"), class_name="hide-s"),
        rx.el.td(line.left, rx.el.div(line.lasts, class_name="xs muted"), class_name="num hide-s", title=line.left_why),
        rx.el.td(age(line.at, fresh_s=line.fresh_s), class_name="num muted"),
        key=line.id,
    )

"""The three service level objectives: the panel, its rows, what fills them, and the card on the overview."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
class PlaceCell:
    """One region's figure beside the whole."""

    name: str
    current: str
    verdict: str


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
    places: list[PlaceCell] = field(default_factory=list)


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
    parts = [_line(row, found) for row in found.parts]
    whole = [replace(line, places=_places(line, parts)) for line in (_line(row, found) for row in found.rows)]
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
        lasts=_lasts(spending),
        at=iso(standing.observed_at),
        fresh_s=board.fresh_s,
        href=f"/slo?sli={goal.sli.value}",
        trace=row.traces[0] if row.traces else "",
        burns=[_cell(spending.burns[window]) for window in SHOWN],
    )


def _places(whole: SloLine, parts: list[SloLine]) -> list[PlaceCell]:
    return [PlaceCell(part.place, part.current, part.verdict) for part in parts if part.sli == whole.sli]


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


def _lasts(spending: Spending) -> str:
    return f"spent in {spending.lasts} at this pace" if spending.lasts_s else spending.lasts


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
    """The three objectives together: now, target, burn, what is left of the budget; and each region's figure."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(goto("SLOs", "/slo", class_name="row-link")),
            rx.el.span(class_name="grow"),
            rx.el.span(SloPanel.month, ", all regions", class_name="muted small"),
            class_name="head",
        ),
        rx.el.div(
            rx.cond(
                SloPanel.whole.length() > 0,
                rx.el.ul(rx.foreach(SloPanel.whole, _card_line), class_name="votes"),
                rx.el.p("No objective was read yet.", class_name="muted small"),
            ),
            class_name="body",
        ),
        class_name="card",
        aria_label="SLOs",
    )


def _card_line(line: SloLine) -> rx.Component:
    return rx.el.li(
        goto(line.title, line.href, class_name="row-link"),
        state(line.verdict, line.word),
        rx.el.div(
            sourced(rx.el.b(line.current, class_name="large"), line.trace, line.title),
            " ",
            rx.el.span(line.target, class_name="xs muted"),
        ),
        rx.el.span(line.left, rx.cond(line.left == "unknown", " budget", " left"), class_name="small num", title=line.left_why),
        rx.cond(
            line.verdict != "ok",
            rx.el.div(rx.cond(line.verdict == line.rule_verdict, line.sentence, line.burn_sentence), class_name="why"),
        ),
        rx.el.div(
            rx.el.span("burn", class_name="xs muted"),
            rx.foreach(line.burns, burn_cell),
            class_name="burns why",
            title=line.lasts,
        ),
        rx.el.div(
            rx.foreach(line.places, _place),
            rx.el.span(age(line.at, fresh_s=line.fresh_s, ago=True), class_name="muted"),
            class_name="burns why xs",
        ),
        key=line.id,
    )


def _place(place: PlaceCell) -> rx.Component:
    return rx.el.span(
        place.name,
        " ",
        rx.el.b(place.current, class_name=rx.cond(place.verdict == "ok", "", place.verdict)),
        class_name="nowrap",
        key=place.name,
    )

"""Canaries of both regions: the panel, its rows, what fills them, and the card on the overview."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import reflex as rx

from openova_console.handbook.canary import Bound, Canary
from openova_console.handbook.delivery import Progress
from openova_console.handbook.speech import listing, span
from openova_console.handbook.words import Verdict
from openova_console.watch.board import Board
from openova_console.watch.board.delivery import CanaryCell, CanaryRow, DeliveryBoard
from openova_console.watch.watch import Watch
from openova_console.web.components.basics import age, goto, sourced, state
from openova_console.web.present import WORDS, iso
from openova_console.web.rows import Fact

ON_CARD = 4
NOTHING = (
    "No Canary is defined in either region. A Canary object (flagger.app/v1beta1) makes Flagger release a Deployment step by "
    "step, check it after each step, and take it back when a check fails too often."
)


@dataclass(frozen=True, slots=True)
class CellRow:
    """One Canary in one region. `bar` is a width of 100; `eta_at` an instant, when there is one to count down to."""

    region: str
    present: bool
    verdict: str
    verdict_word: str
    word: str
    sentence: str
    weight: str
    of: str
    bar: str
    failed: str
    eta: str
    eta_at: str
    rollback: str
    at: str
    fresh_s: float
    since: str
    moved: str
    where: str
    trace: str
    route_trace: str
    facts: list[Fact] = field(default_factory=list)
    bounds: list[Fact] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One Canary, its regions side by side."""

    id: str
    namespace: str
    name: str
    verdict: str
    href: str
    versions: str
    cells: list[CellRow] = field(default_factory=list)


class DeliveryPanel(rx.State):
    """All canaries, worst first; `shown` are those that run or are not well, for the overview."""

    rows: list[DeliveryRow] = []
    shown: list[DeliveryRow] = []
    ids: list[str] = []
    regions: list[str] = []
    verdict: str = "unknown"
    sentence: str = ""
    rest: str = ""
    note: str = ""


def values(board: Board, watch: Watch, now: datetime) -> Mapping[str, Any]:
    """The panel's vars at `now`."""
    found = board.delivery
    rows = [_row(row, found) for row in found.rows]
    busy = [r for r, row in zip(rows, found.rows, strict=True) if row.running or row.verdict is not Verdict.OK][:ON_CARD]
    return {
        "rows": rows,
        "shown": busy,
        "ids": [row.id for row in rows],
        "regions": [tile.region.display for tile in board.regions],
        "verdict": found.judgement.verdict.value,
        "sentence": found.judgement.sentence,
        "rest": _rest(len(rows) - len(busy), bool(busy)),
        "note": NOTHING if not rows and not found.silent else "",
    }


def _rest(count: int, busy: bool) -> str:
    """What the card does not list."""
    if not count:
        return ""
    if busy:
        return f"{count} more on the Delivery page"
    return f"{count} canaries rest: no release is on its way" if count > 1 else "The only canary rests: no release is on its way"


def _row(row: CanaryRow, found: DeliveryBoard) -> DeliveryRow:
    same = {True: "the same version in both regions", False: "different versions in the regions", None: ""}
    key = f"{row.namespace}/{row.name}"
    cells = [_cell(key, cell, found.fresh_s) for cell in row.cells]
    return DeliveryRow(key, row.namespace, row.name, row.verdict.value, f"/delivery?canary={key}", same[row.same], cells)


def _cell(key: str, cell: CanaryCell, fresh_s: float) -> CellRow:
    region, canary, progress = cell.region, cell.canary, cell.progress
    if progress is None:
        return _absent(region.display)
    return CellRow(
        region=region.display,
        present=True,
        verdict=progress.judgement.verdict.value,
        verdict_word=WORDS[progress.judgement.verdict],
        word=progress.word,
        sentence=progress.judgement.sentence,
        weight=_weight(progress),
        of=_of(canary, progress),
        bar="" if progress.done is None else f"{progress.done * 100:.0f}",
        failed=f"{canary.failed} of {canary.plan.threshold} failed" if canary and progress.running else "",
        eta="" if progress.eta_at else progress.eta,
        eta_at=iso(progress.eta_at),
        rollback=progress.rollback,
        at=iso(progress.observed_at),
        fresh_s=fresh_s,
        since=iso(canary.since if canary else None),
        moved=iso(canary.moved_at if canary else None),
        where=f"{region.id}/canaries.flagger.app/{key}",
        trace=f"canaries/{region.id}",
        route_trace=f"httproutes/{region.id}",
        facts=_facts(canary) if canary else [],
        bounds=[_bound(bound) for bound in canary.plan.bounds] if canary else [],
    )


def _absent(region: str) -> CellRow:
    nothing = dict.fromkeys(("weight", "of", "bar", "failed", "eta", "eta_at", "rollback", "at", "since", "moved"), "")
    keys = dict.fromkeys(("where", "trace", "route_trace"), "")
    said = "There is no such Canary here"
    return CellRow(
        region=region, present=False, verdict="", verdict_word="", word="Absent", sentence=said, fresh_s=0.0, **nothing, **keys
    )


def _weight(progress: Progress) -> str:
    if progress.weight is None:
        return "unknown" if progress.running or progress.judgement.verdict is Verdict.UNKNOWN else ""
    return f"{progress.weight} %" if progress.running or progress.weight else ""


def _of(canary: Canary | None, progress: Progress) -> str:
    """What the share of traffic, or the number of checks, grows to."""
    if canary is None or not progress.running:
        return ""
    plan = canary.plan
    return f"check {max(0, canary.iterations)} of {plan.iterations}" if plan.iterations else f"of {plan.top} %"


def _bound(bound: Bound) -> Fact:
    unit = {"request-success-rate": " %", "request-duration": " ms"}.get(bound.name, "")
    limits = [f"{word} {limit:g}{unit}" for word, limit in (("≥", bound.minimum), ("≤", bound.maximum)) if limit is not None]
    return Fact(bound.name, listing(limits) or "no limit is set", f"over {span(bound.window_s)}")


def _facts(canary: Canary) -> list[Fact]:
    """How the release is planned, and what Flagger says of it."""
    plan = canary.plan
    way = f"{plan.iterations} checks" if plan.iterations else " → ".join(f"{weight} %" for weight in plan.weights[:12])
    facts = [
        Fact("Target", canary.target),
        Fact("Way", "promoted without a check" if plan.skip else way, plan.strategy),
        Fact("Tick", f"every {span(plan.interval_s)}", f"rolled back after {plan.threshold} failed checks"),
        Fact("Deadline", span(canary.deadline_s), "without a move it is stuck"),
        Fact("Gates", listing(sorted(plan.gates)) or "none", "" if plan.gates else "nobody has to approve"),
        Fact("Other checks", f"{plan.checks} webhook{'s' if plan.checks > 1 else ''}") if plan.checks else None,
        Fact("Serves", canary.promoted or "unknown", "hash of the version that was promoted last"),
        Fact("Newest", canary.applied or "unknown", "hash of the version that was applied last"),
        Fact("Flagger says", canary.message) if canary.message else None,
    ]
    return [fact for fact in facts if fact is not None]


def overview_card() -> rx.Component:
    """What runs or is not well in both regions, side by side; or that nothing runs."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(goto("Canaries", "/delivery", class_name="row-link")),
            class_name="head",
        ),
        rx.el.div(
            state(DeliveryPanel.verdict, DeliveryPanel.sentence),
            rx.cond(DeliveryPanel.note != "", rx.el.p(DeliveryPanel.note, class_name="muted small")),
            rx.el.ul(rx.foreach(DeliveryPanel.shown, _card_line), class_name="votes"),
            class_name="body",
        ),
        rx.cond(DeliveryPanel.rest != "", rx.el.div(rx.el.span(DeliveryPanel.rest, class_name="xs muted"), class_name="foot")),
        class_name="card",
        aria_label="Canaries",
    )


def _card_line(row: DeliveryRow) -> rx.Component:
    return rx.el.li(
        goto(row.name, row.href, class_name="row-link"),
        rx.el.span(row.namespace, class_name="xs muted"),
        rx.foreach(row.cells, _card_region),
        key=row.id,
    )


def _card_region(cell: CellRow) -> rx.Component:
    return rx.el.div(
        rx.el.span(cell.region, class_name="small muted"),
        rx.cond(
            cell.present,
            rx.fragment(state(cell.verdict, cell.word), rx.el.span(countdown(cell), class_name="xs muted")),
            rx.el.span(cell.word, class_name="xs muted", title=cell.sentence),
        ),
        rx.cond(
            cell.of != "",
            rx.fragment(
                bar(cell),
                rx.el.span(
                    sourced(rx.el.b(cell.weight), cell.route_trace, "the share of traffic"),
                    " ",
                    cell.of,
                    " · ",
                    cell.failed,
                    class_name="xs",
                ),
            ),
        ),
        class_name="why line",
        key=cell.region,
    )


def table(rows: rx.Var[list[DeliveryRow]]) -> rx.Component:
    """One line per Canary, one column per region."""
    return rx.el.div(
        rx.el.table(
            rx.el.thead(
                rx.el.tr(
                    rx.el.th("Canary", scope="col"),
                    rx.foreach(DeliveryPanel.regions, lambda name: rx.el.th(name, scope="col")),
                )
            ),
            rx.el.tbody(rx.foreach(rows, _line)),
            class_name="fold canaries",
        ),
        class_name="scroll",
        style={"paddingTop": "8px"},
    )


def _line(row: DeliveryRow) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            goto(row.name, row.href, class_name="row-link"),
            rx.el.div(row.namespace, class_name="xs muted"),
            class_name="wide",
        ),
        rx.foreach(row.cells, _region),
        key=row.id,
    )


def _region(cell: CellRow) -> rx.Component:
    return rx.el.td(
        rx.el.span(cell.region, class_name="xs muted only-s"),
        rx.cond(
            cell.present,
            rx.fragment(
                rx.el.div(
                    state(cell.verdict, cell.word),
                    rx.el.span(countdown(cell), class_name="xs muted nowrap"),
                    class_name="line",
                ),
                rx.cond(
                    cell.of != "",
                    rx.el.div(
                        bar(cell),
                        rx.el.span(
                            sourced(rx.el.b(cell.weight), cell.route_trace, "the share of traffic"),
                            " ",
                            cell.of,
                            " · ",
                            cell.failed,
                            class_name="xs nowrap",
                        ),
                        class_name="line",
                    ),
                ),
            ),
            rx.el.span(cell.word, class_name="xs muted", title=cell.sentence),
        ),
        class_name="wide",
        key=cell.region,
    )


def bar(cell: CellRow) -> rx.Component:
    """How far the way to promotion is gone; hatched where that is not known."""
    return rx.el.svg(
        rx.el.svg.rect(x="0", y="0", width="100", height="8", rx="4", class_name="track"),
        rx.cond(cell.bar != "", rx.el.svg.rect(x="0", y="0", width=cell.bar, height="8", rx="4", class_name="gone")),
        view_box="0 0 100 8",
        width="100",
        height="8",
        role="img",
        aria_label=rx.cond(cell.bar != "", cell.bar + " % of the way to promotion", "How far it is, is not known"),
        class_name="way " + cell.verdict,
    )


def countdown(cell: CellRow) -> rx.Component:
    """When it is promoted: ticks in the browser where it can be told."""
    return rx.cond(
        cell.eta_at != "",
        rx.fragment(rx.cond(cell.verdict == "ok", "promoted ", "if the rest passes, promoted "), until(cell.eta_at)),
        rx.cond((cell.eta != "–") & (cell.eta != ""), rx.fragment("promoted: ", cell.eta)),
    )


def until(at: rx.Var[str]) -> rx.Component:
    """How far away an instant is; ticks in the browser."""
    return rx.el.time(date_time=at, custom_attrs={"data-age": "until"}, class_name="nowrap")


def sampled(cell: CellRow) -> rx.Component:
    """How old the reading is."""
    return rx.el.span("read ", age(cell.at, fresh_s=cell.fresh_s, ago=True), class_name="xs muted")

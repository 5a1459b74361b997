"""Alerts of both regions: the panel with counts and the newest groups, what fills it, and the card on the overview."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from openova_console.handbook.alerts import Severity
from openova_console.handbook.words import Verdict
from openova_console.watch.board import Board
from openova_console.watch.board.alerts import AlertRegionRow, GroupRow
from openova_console.watch.watch import Watch
from openova_console.web.components.basics import age, goto, show_source, state
from openova_console.web.present import iso

LOOK = {
    Severity.CRITICAL: (Verdict.BREACH.value, "Critical"),
    Severity.WARNING: (Verdict.WARN.value, "Warning"),
    Severity.INFO: (Verdict.OK.value, "Info"),
    Severity.OTHER: (Verdict.UNKNOWN.value, "Other"),
    Severity.NONE: (Verdict.OK.value, "None"),
}
"""Icon and word of a severity."""
NOTHING = (
    "No Alertmanager is configured. List every peer of each region under regions[].alertmanagers (url, ca_file, token_file) to "
    "see its alerts here, and to hear of it when alerting itself falls silent."
)


@dataclass(frozen=True, slots=True)
class CountRow:
    """One region's counts, and what they amount to. Counts are "–" while they are not known."""

    region: str
    verdict: str
    sentence: str
    critical: str
    warning: str
    other: str
    info: str
    suppressed: str
    at: str
    fresh_s: float
    trace: str
    href: str


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group of alerts that are sent together."""

    key: str
    verdict: str
    word: str
    name: str
    region: str
    count: str
    summary: str
    newest: str
    href: str


class AlertPanel(rx.State):
    """Counts by region, the newest groups. `stamp` changes with the set of alerts."""

    verdict: str = "unknown"
    sentence: str = ""
    regions: list[CountRow] = []
    groups: list[GroupLine] = []
    more: str = ""
    stamp: str = ""
    note: str = ""


def values(board: Board, watch: Watch, now: datetime) -> Mapping[str, Any]:
    """The panel's vars at `now`."""
    alerts = board.alerts
    measured = any(row.measured for row in alerts.rows)
    rest = alerts.groups - len(alerts.newest)
    return {
        "verdict": alerts.judgement.verdict.value,
        "sentence": alerts.judgement.sentence,
        "regions": [_count(row, watch.settings.freshness.alerts_s) for row in alerts.rows],
        "groups": [_group(row) for row in alerts.newest],
        "more": f"{rest} more group{'s' if rest > 1 else ''}" if rest > 0 else "",
        "stamp": ".".join(row.stamp for row in alerts.rows),
        "note": "" if measured else NOTHING,
    }


def _count(row: AlertRegionRow, fresh_s: float) -> CountRow:
    whole = row.observed_at is not None and row.said.alerts.verdict is not Verdict.UNKNOWN

    def said(number: int) -> str:
        """What was read of a set that is not whole is a lower bound, and nothing read of it is no zero."""
        return str(number) if whole else f"≥ {number}" if number and row.observed_at is not None else "–"

    def count(severity: Severity) -> str:
        return said(row.firing.get(severity, 0))

    return CountRow(
        row.region.display,
        row.said.judgement.verdict.value,
        row.said.judgement.sentence,
        count(Severity.CRITICAL),
        count(Severity.WARNING),
        count(Severity.OTHER),
        count(Severity.INFO),
        said(row.suppressed),
        iso(row.observed_at),
        fresh_s,
        row.trace,
        f"/alerts?region={row.region.id}",
    )


def _group(row: GroupRow) -> GroupLine:
    group = row.group
    verdict, word = LOOK[group.severity]
    words = " ".join(value for _, value in group.labels)
    return GroupLine(
        key="/".join((row.region.id, group.receiver, *(f"{k}={v}" for k, v in group.labels))),
        verdict=verdict,
        word=word,
        name=group.name,
        region=row.region.display,
        count=f"{group.firing}×" if group.firing > 1 else "",
        summary=group.summary,
        newest=iso(group.newest),
        href="/alerts?" + urlencode({"region": row.region.id, "q": words[:200]}),
    )


def overview_card() -> rx.Component:
    """Counts of each region, then the groups that fire, worst and newest first."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(goto("Alerts", "/alerts", class_name="row-link")),
            rx.el.span("worst first, then newest", class_name="muted small"),
            class_name="head",
        ),
        rx.cond(
            AlertPanel.note != "",
            rx.el.div(rx.el.p(AlertPanel.note, class_name="muted small"), class_name="body"),
            rx.el.div(
                counts(),
                rx.cond(
                    AlertPanel.groups.length() > 0,
                    rx.el.ul(rx.foreach(AlertPanel.groups, _line), class_name="votes"),
                    rx.el.p("No group of alerts fires in what was read.", class_name="muted small"),
                ),
                rx.cond(AlertPanel.more != "", goto(AlertPanel.more, "/alerts", class_name="small")),
                class_name="body stack",
            ),
        ),
        class_name="card",
        aria_label="Alerts",
    )


def counts() -> rx.Component:
    """One line per region: how many of each severity, and whether its alerting works."""
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                rx.el.th("Region", scope="col"),
                *(rx.el.th(word, scope="col", class_name="num") for word in ("Critical", "Warning", "Other", "Info")),
                rx.el.th("Silenced", scope="col", class_name="num hide-s"),
                rx.el.th("Read", scope="col", class_name="num hide-s"),
            )
        ),
        rx.el.tbody(rx.foreach(AlertPanel.regions, _counts)),
        class_name="compact counts",
    )


def _counts(row: CountRow) -> rx.Component:
    return rx.fragment(
        rx.el.tr(
            rx.el.td(goto(row.region, row.href)),
            _figure(row.critical, "breach"),
            _figure(row.warning, "warn"),
            _figure(row.other, "unknown"),
            _figure(row.info, ""),
            rx.el.td(row.suppressed, class_name="num muted hide-s"),
            rx.el.td(age(row.at, fresh_s=row.fresh_s), class_name="num muted hide-s"),
        ),
        rx.el.tr(
            rx.el.td(
                state(row.verdict, row.sentence),
                " ",
                rx.cond(row.trace != "", show_source(row.trace, "the alerts of " + row.region)),
                col_span=7,
                class_name="text",
            )
        ),
    )


def _figure(count: rx.Var[str], look: str) -> rx.Component:
    quiet = (count == "0") | (count == "–")
    return rx.el.td(count, class_name=rx.cond(quiet, "num muted", f"num hot {look}"))


def _line(row: GroupLine) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            state(row.verdict, row.word),
            " ",
            goto(row.name, row.href, class_name="row-link"),
            " ",
            rx.el.span(row.count, class_name="small"),
        ),
        rx.el.span(row.region, " · ", age(row.newest), class_name="xs muted nowrap"),
        rx.el.div(row.summary, class_name="why"),
        key=row.key,
    )

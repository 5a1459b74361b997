"""SLOs: are the users served well, how fast is the error budget spent, by the handbook's limits and by burn rate."""

import reflex as rx

from openova_console.watch.slo_history import RANGES
from openova_console.web.components.basics import age, goto, show_source, sourced, state
from openova_console.web.components.layout import layout
from openova_console.web.pages.page import page
from openova_console.web.slo_chart import BurnPoint
from openova_console.web.states.slo import SloView
from openova_console.web.topics.slo import SloLine, SloPanel, burn_cell


@page(route="/slo", title="SLOs", on_load=(SloView.arrive,))
def slo() -> rx.Component:
    return layout(
        "SLOs",
        "Are the users served well, and how long does the error budget last",
        rx.el.div(rx.foreach(SloPanel.whole, _tile), class_name="thirds"),
        _history(),
        _rules(),
        here="slo",
    )


def _tile(line: SloLine) -> rx.Component:
    """One objective of all regions: the number, the sentence, the budget."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(goto(line.title, _address(line.sli, SloView.range), class_name="row-link", replace=True)),
            rx.el.span(line.target, class_name="muted small"),
            rx.el.span(class_name="grow"),
            state(line.verdict, line.word),
            class_name="head",
        ),
        rx.el.div(
            rx.el.div(sourced(line.current, line.trace, line.title), class_name="huge " + line.rule_verdict),
            rx.el.p(rx.cond(line.verdict == line.rule_verdict, line.sentence, line.burn_sentence), class_name="why tile-why"),
            rx.el.div(
                rx.el.div(
                    rx.el.span("Error budget left", class_name="muted"),
                    rx.el.b(line.left),
                    class_name="budget-line small",
                ),
                rx.el.div(
                    rx.el.div(style={"width": line.left_width + "%"}),
                    class_name="meter " + line.burn_verdict,
                    aria_hidden="true",
                ),
                rx.el.div(
                    rx.cond(line.left == "unknown", line.left_why, line.lasts),
                    class_name="xs muted",
                ),
            ),
            rx.el.div(rx.foreach(line.burns, burn_cell), class_name="burns", aria_label="Burn rate by window"),
            class_name="body tile",
        ),
        rx.el.div(rx.el.span("counted ", age(line.at, fresh_s=line.fresh_s, ago=True), class_name="xs muted"), class_name="foot"),
        class_name="card",
        aria_label=line.title,
        key=line.id,
    )


def _address(sli: rx.Var[str] | str, range_: rx.Var[str] | str) -> rx.Var[str]:
    return rx.Var.create("/slo?sli=") + sli + "&range=" + range_


def _history() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Burn of ", SloView.title),
            rx.el.span("grey: not known", class_name="muted small"),
            rx.el.span(class_name="grow"),
            rx.el.div(*[_range(name) for name in RANGES], class_name="tabs", role="group", aria_label="Time range"),
            class_name="head",
        ),
        rx.el.div(
            rx.cond(SloView.note != "", rx.el.p(SloView.note, class_name="muted")),
            rx.el.div(_plot(), class_name="chart", aria_hidden="true"),
            rx.el.details(
                rx.el.summary("The same as a table"),
                rx.el.div(
                    rx.el.table(
                        rx.el.thead(
                            rx.el.tr(
                                rx.el.th("Step begins", scope="col"),
                                rx.foreach(SloView.columns, lambda name: rx.el.th(name, scope="col", class_name="num")),
                                rx.el.th("Verdict", scope="col"),
                            )
                        ),
                        rx.el.tbody(rx.foreach(SloView.points, _point)),
                        class_name="compact",
                    ),
                    class_name="scroll",
                    tab_index=0,
                    role="region",
                    aria_label="Burn rate as a table",
                ),
            ),
            class_name="body",
        ),
        class_name="card",
    )


def _range(name: str) -> rx.Component:
    current = rx.cond(SloView.range == name, "true", "false")
    return goto(name, _address(SloView.sli, name), aria_current=current, replace=True)


def _point(row: BurnPoint) -> rx.Component:
    return rx.el.tr(
        rx.el.td(row.at, class_name="mono small"),
        rx.foreach(row.rates, lambda rate: rx.el.td(rate, class_name="num")),
        rx.el.td(row.verdict),
        key=row.at,
    )


def _plot() -> rx.Component:
    # Imported where it is drawn: that happens when the pages are built, and never on a server that only serves them.
    from openova_console.web.components.plot import plot

    return plot(SloView.figure)


def _rules() -> rx.Component:
    """Both rules side by side, together and per region."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Both rules, by region"),
            rx.el.span(
                "The handbook's limits say what users feel now; burn rates find what is slow and would pass below them.",
                class_name="muted small",
            ),
            class_name="head",
        ),
        rx.el.div(
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th("Objective", scope="col"),
                        rx.el.th("Now", scope="col", class_name="num"),
                        rx.el.th("Handbook's limit", scope="col"),
                        rx.el.th("Burn rate: 14.4×, 6×, 3×, 1×", scope="col"),
                        rx.el.th("Burn", scope="col", class_name="hide-s"),
                        rx.el.th("Left of ", SloPanel.month, scope="col", class_name="num"),
                        rx.el.th("Source", scope="col"),
                    )
                ),
                rx.el.tbody(rx.foreach(SloPanel.lines, _rule)),
                class_name="fold",
            ),
            class_name="scroll",
            style={"paddingTop": "8px"},
        ),
        class_name="card",
    )


def _rule(line: SloLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.cond(line.whole, rx.el.b(line.title), rx.el.span(line.place)),
            rx.cond(line.whole, rx.el.div(line.place, class_name="xs muted")),
            class_name=rx.cond(line.whole, "", "part"),
        ),
        rx.el.td(line.current, rx.el.div(line.target, class_name="xs muted"), class_name="num"),
        rx.el.td(
            state(line.rule_verdict, line.alert),
            rx.el.div(line.sentence, class_name="why"),
            class_name="text wide",
        ),
        rx.el.td(
            state(line.burn_verdict, line.burn_word),
            rx.el.div(line.burn_sentence, class_name="why"),
            class_name="text wide",
        ),
        rx.el.td(rx.el.div(rx.foreach(line.burns, burn_cell), class_name="burns"), class_name="hide-s"),
        rx.el.td(line.left, rx.el.div(line.lasts, class_name="xs muted"), class_name="num", title=line.left_why),
        rx.el.td(show_source(line.trace, line.title + ", " + line.place)),
        class_name=rx.cond(line.whole, "", "quiet"),
        key=line.id,
    )
